"""Releases as what a network reads: vocabularies, baskets, occasions, and stores of sequences."""

from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.intake import write_sequences
from cartveil.insight.sequences.occasions import Occasions
from cartveil.insight.sequences.store import SequenceStore
from cartveil.insight.sequences.vocabulary import Vocabulary, learn_vocabulary

__all__ = [
    "Baskets",
    "Occasions",
    "SequenceStore",
    "Vocabulary",
    "baskets_of",
    "learn_vocabulary",
    "write_sequences",
]
