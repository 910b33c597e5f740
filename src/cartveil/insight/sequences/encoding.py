"""What training data taught about the values themselves: which words have an id, and how numbers are scaled.

An encoding is learnt from training windows alone, or made of what is public, and laid over a store when batches are
read. For private training it must be public, or paid for from the budget: a word that has an id says that somebody used
it. So an encoding knows where each vocabulary and each scale came from.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.sequences.scaling import Scale, learn_scale
from cartveil.insight.sequences.store import GAP, MISSING, SequenceStore
from cartveil.insight.sequences.vocabulary import Vocabulary, most_frequent
from cartveil.insight.sequences.windows import Windows, covered

#: Known without looking, paid for from a privacy budget, or counted on the data.
Origin = Literal["public", "paid", "counted"]

Known = TypeVar("Known", Vocabulary, Scale)

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Encoding:
    """How values become what a network reads.

    Args:
        vocabularies: (field, vocabulary), the predicted field first.
        scales: (feature, scale) in the order of the features: columns of numbers of the store, `GAP` among them.
        origins: (field or feature, where its vocabulary or scale came from); what is not named counts as counted.

    Raises:
        InputError: There is no such origin, or nothing of that name.
    """

    vocabularies: tuple[tuple[str, Vocabulary], ...]
    scales: tuple[tuple[str, Scale], ...] = ()
    origins: tuple[tuple[str, Origin], ...] = ()

    def __post_init__(self) -> None:
        for name, origin in self.origins:
            if origin not in get_args(Origin):
                raise InputError("no such origin", path=name, hint=f"one of {', '.join(get_args(Origin))}")
            if name not in self._names:
                raise InputError("an origin of nothing", path=name, hint=f"there are: {', '.join(self._names)}")

    @property
    def counted(self) -> tuple[str, ...]:
        """Return the fields and features that tell of the data without having been paid for."""
        known = {name for name, origin in self.origins if origin != "counted"}
        return tuple(name for name in self._names if name not in known)

    @property
    def _names(self) -> list[str]:
        return [name for name, _ in (*self.vocabularies, *self.scales)]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as what JSON can say."""
        return {**self._values(), "origins": [list(each) for each in self.origins]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Encoding":
        """Return what `to_json` told."""
        return cls(
            tuple((name, Vocabulary(tuple(words))) for name, words in told["vocabularies"]),
            tuple((name, Scale(centre, width)) for name, centre, width in told["scales"]),
            tuple((name, origin) for name, origin in told.get("origins", ())),
        )

    def digest(self) -> str:
        """Return SHA-256 of vocabularies and scales, for a model's card; wherever they came from."""
        return hashlib.sha256(json.dumps(self._values(), ensure_ascii=False).encode()).hexdigest()

    def _values(self) -> dict[str, Any]:
        return {
            "vocabularies": [[name, list(vocabulary.words)] for name, vocabulary in self.vocabularies],
            "scales": [[name, scale.centre, scale.width] for name, scale in self.scales],
        }


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
    public: Mapping[str, Vocabulary | Scale] = _NONE,
    paid: Mapping[str, Vocabulary] = _NONE,
) -> Encoding:
    """Learn vocabularies and scales.

    Args:
        store: Where the events are.
        windows: The training part; an event in several windows counts once.
        config: See `EncodingConfig`.
        public: Field or feature -> vocabulary or scale that is known without looking.
        paid: Field -> vocabulary that was paid for from a privacy budget.

    Raises:
        InputError: Something is given for what the store does not keep, or of the wrong kind.

    Guarantees:
        - Nothing outside the windows changes the result, but that a window's first event has a gap to the one before.
        - Whatever is not given is counted, and the encoding says so.
    """
    fields, features = store.spec.fields, (*((GAP,) if config.gap else ()), *store.spec.numeric)
    words, numbers = _given({**public, **paid}, fields, Vocabulary), _given(public, features, Scale)
    unused = [name for name in (*public, *paid) if name not in words and name not in numbers]
    if unused:
        raise InputError("is no field with a vocabulary, and no feature with a scale", path=unused[0])
    sure = [name for name in (*words, *numbers) if not (name in fields and name in features)]
    return Encoding(
        tuple((name, words.get(name) or _vocabulary(store, windows, name, config)) for name in fields),
        tuple((name, numbers.get(name) or _scale(store, windows, name)) for name in features),
        tuple((name, "paid" if name in paid else "public") for name in sure),
    )


def lookup_of(store: SequenceStore, name: str, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Return the id of each of a field's words, (words + 1,); the last is that of NULL.

    Raises:
        InputError: The store keeps no such field.
    """
    if name not in store.words:
        hint = f"it keeps: {', '.join(store.words)}"
        raise InputError("the store keeps no such field", path=name, hint=hint)
    return np.append(vocabulary.ids(store.words[name]), 0)  # `MISSING` is -1: the last


def _given(known: Mapping[str, Any], names: Iterable[str], kind: type[Known]) -> dict[str, Known]:
    return {name: known[name] for name in names if isinstance(known.get(name), kind)}


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
