"""Traces: short recordings of what a program or a session did, call after call, without times and without fields.

A trace is judged as a whole, and it has no past: nothing is known of whoever left it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.sequences.vocabulary import Vocabulary, learn_vocabulary


@dataclass(frozen=True)
class Traces:
    """Calls of n traces, laid end to end.

    Args:
        calls: Id of each call, (events,) int64; 1 is a call that training did not know.
        offsets: Where each trace begins, and where the last one ends, (n + 1,) rising.
        size: How many ids there are.
    """

    calls: NDArray[np.int64]
    offsets: NDArray[np.int64]
    size: int

    def __len__(self) -> int:
        """Return how many traces there are."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the calls of each trace, (n,)."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> NDArray[np.int64]:
        """Return which trace each call belongs to, (events,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def part(self, chosen: NDArray[np.int64]) -> "Traces":
        """Return some traces, in the order that is asked for."""
        return joined([self.calls[self.offsets[each] : self.offsets[each + 1]] for each in chosen], self.size)

    def each(self) -> Iterable[NDArray[np.int64]]:
        """Yield the calls of each trace."""
        return np.split(self.calls, self.offsets[1:-1]) if len(self) else ()


def joined(traces: Sequence[NDArray[np.int64]], size: int) -> Traces:
    """Lay traces end to end."""
    lengths = np.array([len(each) for each in traces], dtype=np.int64)
    calls = np.concatenate(traces) if len(traces) else np.empty(0, np.int64)
    return Traces(calls.astype(np.int64), np.concatenate([[0], np.cumsum(lengths)]), size)


def learn_calls(column: pa.ChunkedArray) -> Vocabulary:
    """Learn which calls there are, from training traces alone.

    Args:
        column: A list of calls per row.

    Raises:
        ColumnError: It holds no lists.
    """
    return learn_vocabulary(_flat(column), at_most=100_000)


def traces_of(column: pa.ChunkedArray, vocabulary: Vocabulary) -> Traces:
    """Return a column of lists as traces; a NULL list and a NULL call are as if they were not there.

    Args:
        column: A list of calls (numbers or text) per row.
        vocabulary: Of the training traces.

    Raises:
        ColumnError: It holds no lists.
    """
    flat = _flat(column)
    parents = pa.chunked_array([pc.list_parent_indices(column.combine_chunks())])
    known = pc.is_valid(flat)
    ids = vocabulary.ids(flat.filter(known))
    owner = np.asarray(parents.filter(known).to_numpy(), dtype=np.int64)
    lengths = np.bincount(owner, minlength=len(column))
    return Traces(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), vocabulary.size)


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise ColumnError(f"is {column.type}, not a list", hint="a row per trace, its calls in one list column")
    return pa.chunked_array([pc.list_flatten(column.combine_chunks())]).cast(pa.string())
