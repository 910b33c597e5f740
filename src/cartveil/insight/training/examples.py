"""What a private training learns from: rows, whose each row is, and how rows become what a loss takes.

Privacy is counted by consumer, so the owner of every row is part of the data: who owns three windows gets a third of
the clip for each, and is drawn or left out as a whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import ModelError

#: Rows of one part: as many as keep a step's states in a processor's cache.
PART = 32


@dataclass(frozen=True)
class Examples:
    """Rows to learn from, and their owners.

    Args:
        owners: Whose each row is, any whole numbers, (rows,) int64.
        part: Row numbers (n,) -> the part that the losses take, its rows in that order.
        lengths: Steps of each row, (rows,); rows of like length are put into one part. None where all are alike.
        fingerprint: Returns a digest of the rows, so that a checkpoint goes on with no others. None where nobody knows:
            then rows of as many consumers are NOT told apart.

    Raises:
        ModelError: There is no row, or lengths of another number of rows.
    """

    owners: NDArray[np.int64]
    part: Callable[[NDArray[np.int64]], Any]
    lengths: NDArray[np.int64] | None = field(default=None)
    fingerprint: Callable[[], str] | None = field(default=None)

    def __post_init__(self) -> None:
        if not len(self.owners):
            raise ModelError("nothing to train on", hint="the training period holds no sequence")
        if self.lengths is not None and len(self.lengths) != len(self.owners):
            raise ModelError("every row needs a length", hint="owners and lengths are of the same rows")

    @property
    def consumers(self) -> int:
        """Return how many own a row."""
        return len(self._offsets) - 1

    def rows_of(self, consumers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some consumers, numbered from 0 in the order of `owners`, (n,)."""
        begin, count = self._offsets[consumers], self._counts[consumers]
        ends = np.cumsum(count)
        place = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begin - (ends - count), count)
        rows: NDArray[np.int64] = self._order[place]
        return rows

    def shares_of(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return each row's part of its owner's clip, (n,): those of all rows of a consumer add up to 1."""
        shares: NDArray[np.float64] = 1.0 / self._counts[self._owner_of[rows]]
        return shares

    def parts(self, rows: NDArray[np.int64], *, size: int = PART) -> Iterator[NDArray[np.int64]]:
        """Yield the rows in groups of at most `size`, those of like length together."""
        ordered = rows if self.lengths is None else rows[np.argsort(self.lengths[rows], kind="stable")]
        yield from (ordered[begin : begin + size] for begin in range(0, len(ordered), size))

    @cached_property
    def _numbered(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        _, owner_of, counts = np.unique(self.owners, return_inverse=True, return_counts=True)
        return owner_of.astype(np.int64), counts.astype(np.int64)

    @property
    def _owner_of(self) -> NDArray[np.int64]:
        return self._numbered[0]

    @property
    def _counts(self) -> NDArray[np.int64]:
        return self._numbered[1]

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self._owner_of, kind="stable")

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self._counts)]).astype(np.int64)
