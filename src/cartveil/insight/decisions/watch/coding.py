"""A stream as whole numbers: words by vocabulary, numbers by quantile bins of the training period."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.sequences.streams import StreamSpec
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary, learn_vocabulary

#: Quantiles of the training period between which numbers are told apart; the tail is cut finer than the middle.
_CUTS = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.997, 0.999, 0.9997, 1.0)
_MOST_WORDS = 64
_MOST_ROLES = 64


@dataclass(frozen=True)
class Coding:
    """How a stream's columns become ids: 0 is NULL, 1 unseen in training, known values follow.

    Args:
        words: Per field, its vocabulary.
        edges: Per numeric column, the upper ends of its bins; one more bin lies above the last.
        roles: Vocabulary of the actors' roles.
    """

    words: tuple[Vocabulary, ...]
    edges: tuple[tuple[float, ...], ...]
    roles: Vocabulary

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return how many ids each described column has."""
        return (*(words.size for words in self.words), *(len(edges) + 1 + RESERVED for edges in self.edges))

    def ids(self, stream: pa.Table, spec: StreamSpec) -> NDArray[np.int64]:
        """Return (rows, fields) ids."""
        columns = [words.ids(stream[name]) for words, name in zip(self.words, spec.fields, strict=True)]
        return np.stack([*columns, *self.bins(stream, spec)], axis=1)

    def bins(self, stream: pa.Table, spec: StreamSpec) -> list[NDArray[np.int64]]:
        """Return the bin of each number, (rows,) for each numeric column; a stream may lack the last ones."""
        return [_bins(stream[name], edges) for edges, name in zip(self.edges, spec.numeric, strict=False)]

    def role_ids(self, stream: pa.Table, spec: StreamSpec) -> NDArray[np.int64]:
        """Return the role of each event, (rows,); all alike where the stream has no roles."""
        if spec.role is None:
            return np.full(stream.num_rows, RESERVED, dtype=np.int64)
        return np.asarray(np.maximum(self.roles.ids(stream[spec.role]), 1))


def learn_coding(stream: pa.Table, spec: StreamSpec) -> Coding:
    """Learn words and bins from the training period."""
    roles = learn_vocabulary(stream[spec.role], at_most=_MOST_ROLES) if spec.role else Vocabulary(("",))
    return Coding(
        words=tuple(learn_vocabulary(stream[name], at_most=_MOST_WORDS) for name in spec.fields),
        edges=tuple(_edges(stream[name]) for name in spec.numeric),
        roles=roles,
    )


def _edges(column: pa.ChunkedArray) -> tuple[float, ...]:
    values = column.cast(pa.float64()).drop_null().to_numpy()
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return (0.0,)
    return tuple(float(edge) for edge in np.unique(np.quantile(values, _CUTS, method="lower")))


def _bins(column: pa.ChunkedArray, edges: tuple[float, ...]) -> NDArray[np.int64]:
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    places = np.searchsorted(np.asarray(edges), values, side="left") + RESERVED
    return np.asarray(np.where(np.isnan(values), 0, places), dtype=np.int64)
