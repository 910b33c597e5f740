"""Looking back: what each row's customer or terminal did in the days before, for a whole table at once.

Rows are in order of time. Each row is told of the rows of its own owner that stand before it: all of them, those of a
few days, or those whose verdict is in by now. All sums are of whole numbers, so that they are the same to the bit as
those that a stream keeps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Lookback:
    """The rows of each owner, side by side.

    Args:
        order: Rows by owner, then by time, (N,).
        key: Owner and time of the ordered rows as one rising number, (N,).
        start: Place where each ordered row's owner begins, (N,).
        base: What `key` rises from one owner to the next.
    """

    order: Whole
    key: Whole
    start: Whole
    base: int

    @classmethod
    def of(cls, owner: Whole, seconds: Whole) -> "Lookback":
        """Put the rows in order of owner.

        Args:
            owner: Number of each row's owner from 0, (N,).
            seconds: When, rising, (N,).
        """
        order = np.argsort(owner, kind="stable")
        first = int(seconds[0]) if len(seconds) else 0
        base = 4 * (int(seconds[-1]) - first + 1) if len(seconds) else 1
        ordered = owner[order]
        key = ordered * base + (seconds[order] - first) + base // 2
        return cls(order, key, np.searchsorted(ordered, ordered), base)

    def since(self, seconds: int) -> Whole:
        """Return the place of the owner's first row that is younger than this, seen from each ordered row, (N,)."""
        reach = min(seconds, self.base // 2)
        return np.maximum(self.start, np.searchsorted(self.key, self.key - reach, side="right"))

    def older(self, seconds: int) -> Whole:
        """Return the place after the owner's last row that is at least this old, but not after the row itself, (N,)."""
        return np.minimum(np.arange(len(self.key)), self.since(seconds))


def running(values: Whole) -> Whole:
    """Return sums of all values before each place, and of all, (N + 1,)."""
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)]).astype(np.int64)


def latest(marked: NDArray[np.bool_], until: Whole, start: Whole) -> Whole:
    """Return the last marked place before `until` that is not before `start`, -1 where there is none, (N,)."""
    places = np.where(marked, np.arange(len(marked)), -1)
    last = np.concatenate([[-1], np.maximum.accumulate(places)])[until]
    return np.where(last >= start, last, -1)
