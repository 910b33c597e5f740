"""What training data taught about the values themselves: which words have an id, and how numbers are scaled.

An encoding is learnt from training windows alone, or made of what is public, and laid over a store when batches are
read. For private training it must be public, or paid for from the budget: a word that has an id says that somebody used
it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.sequences.scaling import Scale, learn_scale
from cartveil.insight.sequences.store import GAP, MISSING, SequenceStore
from cartveil.insight.sequences.vocabulary import Vocabulary, most_frequent
from cartveil.insight.sequences.windows import Windows, covered

_NONE: Mapping[str, Vocabulary] = MappingProxyType({})


@dataclass(frozen=True)
class Encoding:
    """How values become what a network reads.

    Args:
        vocabularies: (field, vocabulary), the predicted field first.
        scales: (feature, scale) in the order of the features: columns of numbers of the store, `GAP` among them.
    """

    vocabularies: tuple[tuple[str, Vocabulary], ...]
    scales: tuple[tuple[str, Scale], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return all of it as what JSON can say."""
        return {
            "vocabularies": [[name, list(vocabulary.words)] for name, vocabulary in self.vocabularies],
            "scales": [[name, scale.centre, scale.width] for name, scale in self.scales],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Encoding":
        """Return what `to_json` told."""
        return cls(
            tuple((name, Vocabulary(tuple(words))) for name, words in told["vocabularies"]),
            tuple((name, Scale(centre, width)) for name, centre, width in told["scales"]),
        )

    def digest(self) -> str:
        """Return SHA-256 of it, for a model's card."""
        return hashlib.sha256(json.dumps(self.to_json(), ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class EncodingConfig:
    """How to learn an encoding.

    Args:
        at_most: Words of a field that get an id of their own, the most frequent.
        at_least: How often a word must occur to get one; rarer ones are all `unknown`.
        gap: Whether the time since the event before is a feature.
    """

    at_most: int = 100_000
    at_least: int = 1
    gap: bool = True


#: What is learnt unless told otherwise.
USUAL = EncodingConfig()


def learn_encoding(
    store: SequenceStore,
    windows: Windows,
    *,
    config: EncodingConfig = USUAL,
    public: Mapping[str, Vocabulary] = _NONE,
) -> Encoding:
    """Learn vocabularies and scales.

    Args:
        store: Where the events are.
        windows: The training part; an event in several windows counts once.
        config: See `EncodingConfig`.
        public: Field -> vocabulary that is known without looking.

    Guarantees:
        - Nothing outside the windows changes the result, but that a window's first event has a gap to the one before.
    """
    vocabularies = tuple(
        (name, public[name] if name in public else _vocabulary(store, windows, name, config))
        for name in store.spec.fields
    )
    features = (*((GAP,) if config.gap else ()), *store.spec.numeric)
    return Encoding(vocabularies, tuple((name, _scale(store, windows, name)) for name in features))


def lookup_of(store: SequenceStore, name: str, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Return the id of each of a field's words, (words + 1,); the last is that of NULL.

    Raises:
        InputError: The store keeps no such field.
    """
    if name not in store.words:
        hint = f"it keeps: {', '.join(store.words)}"
        raise InputError("the store keeps no such field", path=name, hint=hint)
    return np.append(vocabulary.ids(store.words[name]), 0)  # `MISSING` is -1: the last


def _vocabulary(store: SequenceStore, windows: Windows, name: str, config: EncodingConfig) -> Vocabulary:
    words = store.words[name]
    counts = np.zeros(len(words) + 1, np.int64)
    for rows in covered(windows):
        counts += np.bincount(store.codes[name][rows] - MISSING, minlength=len(words) + 1)
    return most_frequent(words, counts[1:], at_most=config.at_most, at_least=config.at_least)


def _scale(store: SequenceStore, windows: Windows, name: str) -> Scale:
    def blocks() -> Iterator[NDArray[np.float32]]:
        return (store.numeric[name][rows] for rows in covered(windows))

    return learn_scale(blocks)
