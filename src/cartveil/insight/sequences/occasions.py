"""Occasions: moments at which a consumer's next basket is to be guessed from the baskets before.

Training occasions mimic the ones that count: a cutoff day, everything before it as history, and the first basket
within a horizon after it as target. Cutoffs stand some days apart over the training period.
"""

from dataclasses import dataclass

import numpy as np

from cartveil.insight.sequences.baskets import Baskets


@dataclass(frozen=True)
class Occasions:
    """Occasions at one cutoff.

    Args:
        cutoff: Day since 1970; baskets of this moment or later are the future.
        start: First basket of each occasion's history (n,).
        end: One past the last basket of the history (n,); the target, where there is one, is basket `end`.
        owner: Consumer number (n,).
    """

    cutoff: float
    start: np.ndarray
    end: np.ndarray
    owner: np.ndarray

    def __len__(self) -> int:
        return len(self.owner)

    def part(self, chosen: slice) -> "Occasions":
        """Return some of the occasions."""
        return Occasions(self.cutoff, self.start[chosen], self.end[chosen], self.owner[chosen])


def occasions_with_target(baskets: Baskets, cutoff: float, *, horizon: float) -> Occasions:
    """Return the consumers with a known item before the cutoff and one in their first basket within the horizon."""
    found = occasions_at(baskets, cutoff)
    last = np.searchsorted(baskets.owner, found.owner, side="right")
    target = np.minimum(found.end, max(len(baskets) - 1, 0))
    sized = np.diff(baskets.offsets)
    soon = (found.end < last) & (baskets.day[target] < cutoff + horizon) & (sized[target] > 0)
    return Occasions(cutoff, found.start[soon], found.end[soon], found.owner[soon])


def occasions_at(baskets: Baskets, cutoff: float) -> Occasions:
    """Return every consumer with a known item before the cutoff."""
    owner = np.arange(baskets.consumers)
    start = np.searchsorted(baskets.owner, owner)
    end = start + np.bincount(baskets.owner[baskets.day < cutoff], minlength=baskets.consumers)
    some = baskets.offsets[end] > baskets.offsets[start]
    return Occasions(cutoff, start[some], end[some], owner[some])


def cutoffs_before(end: float, *, first: float, horizon: float, every: float, at_most: int) -> tuple[float, ...]:
    """Return cutoffs, oldest first, whose whole horizon lies before `end` and that have a past after `first`."""
    latest = end - horizon
    found = [latest - number * every for number in range(at_most)]
    return tuple(cutoff for cutoff in reversed(found) if cutoff > first)
