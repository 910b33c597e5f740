"""Releases as what a network reads: vocabularies, baskets, occasions, histories."""

from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.occasions import Occasions
from cartveil.insight.sequences.vocabulary import Vocabulary, learn_vocabulary

__all__ = ["Baskets", "Occasions", "Vocabulary", "baskets_of", "learn_vocabulary"]
