"""What a judge reads of an event: words by vocabulary, numbers by robust scale, and whether a number is missing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.scaling import Scale, learn_scale
from cartveil.insight.sequences.streams import StreamSpec
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary, learn_vocabulary

_MOST_WORDS = 64


@dataclass(frozen=True)
class Rows:
    """A stream as numbers, in order of time.

    Args:
        ids: (rows, fields), the role last.
        numbers: (rows, 2 * numeric): scaled values, then 1 where one is missing.
        actors: Number of the actor of each row, (rows,).
    """

    ids: NDArray[np.int64]
    numbers: NDArray[np.float32]
    actors: NDArray[np.int64]


@dataclass(frozen=True)
class Inputs:
    """How a stream becomes numbers.

    Args:
        words: Vocabulary of each field of the spec, the role's last; one empty vocabulary where there is no role.
        scales: Of each numeric column, after `log(1 + |x|)` with the sign of x.
    """

    words: tuple[Vocabulary, ...]
    scales: tuple[Scale, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return how many ids each field has, the role's last; one more than the vocabulary, since 0 only pads."""
        return tuple(words.size + 1 for words in self.words)

    def rows(self, stream: pa.Table, spec: StreamSpec) -> Rows:
        """Return the stream as numbers; its rows stand in order of time."""
        columns = [words.ids(stream[name]) + 1 for words, name in zip(self.words, spec.fields, strict=False)]
        last = self.words[-1].ids(stream[spec.role]) + 1 if spec.role else np.full(stream.num_rows, RESERVED, np.int64)
        values = [_bent(stream[name]) for name in spec.numeric]
        scaled = [scale.of(each) for scale, each in zip(self.scales, values, strict=True)]
        missing = [np.isnan(each).astype(np.float32) for each in values]
        numbers = np.stack([*scaled, *missing], axis=1) if values else np.zeros((stream.num_rows, 0), np.float32)
        return Rows(np.stack([*columns, last], axis=1), numbers, keys_of(stream[spec.actor]))

    def to_dict(self) -> dict[str, Any]:
        """Return what a card keeps; words and scales, never an actor or a subject."""
        return {"words": [words.words for words in self.words], "scales": [asdict(scale) for scale in self.scales]}

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Inputs":
        """Read what `to_dict` returned."""
        words = tuple(Vocabulary(tuple(each)) for each in written["words"])
        return cls(words, tuple(Scale(**each) for each in written["scales"]))


def learn_inputs(stream: pa.Table, spec: StreamSpec) -> Inputs:
    """Learn words and scales from a clean stream."""
    words = [learn_vocabulary(stream[name], at_most=_MOST_WORDS) for name in spec.fields]
    words.append(learn_vocabulary(stream[spec.role], at_most=_MOST_WORDS) if spec.role else Vocabulary(()))
    return Inputs(tuple(words), tuple(_scale(stream[name]) for name in spec.numeric))


def _scale(column: pa.ChunkedArray) -> Scale:
    values = _bent(column)
    return learn_scale(lambda: [values])


def _bent(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Return the logarithm of each size, its sign kept: counts and amounts have no upper end."""
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), dtype=np.float32)
