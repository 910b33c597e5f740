"""Trails: what a customer or a terminal went through, step by step, for a network to read.

A transaction is two steps: one when it is made, and one when its verdict is in. So a network that carries its state
learns of a fraud when an investigator would, needs no second look at the past, and takes the same time however long
the past is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.sequences.lookback import Whole
from cartveil.insight.sequences.transactions import DAY

#: What a step tells: is it a verdict, of what kind, what the transaction was like, how long after the step before.
STEP = ("verdict", "fraud", "amount", "against_habit", "oddness", "gap")

#: Logarithm of a usual amount, and the gap before the first step, so that a step's numbers are small.
_USUAL, _NEVER = np.float32(3.5), 5.0


@dataclass(frozen=True)
class Trails:
    """The steps of all owners, side by side.

    Args:
        steps: Those of an owner in order of time, (S, step features).
        start: Where the owner of each transaction begins, (N,).
        place: Step at which each transaction is made, (N,).
    """

    steps: NDArray[np.float32]
    start: Whole
    place: Whole

    def windows(self, rows: Whole, most: int) -> tuple[NDArray[np.float32], Whole]:
        """Return the steps that end with each of these transactions, (n, T, features), and how many they are, (n,).

        Args:
            rows: Which transactions, (n,).
            most: Steps that are read at most.
        """
        first = np.maximum(self.start[rows], self.place[rows] - most + 1)
        lengths = self.place[rows] - first + 1
        along = np.arange(int(lengths.max(initial=1)))
        inside = along[None, :] < lengths[:, None]  # (n, T)
        steps = self.steps[np.where(inside, first[:, None] + along, 0)]  # (n, T, F)
        steps[~inside] = 0
        return steps, lengths


def trails_of(
    owner: Whole, seconds: Whole, told: NDArray[np.float32], *, fraud: NDArray[np.bool_], delay: int
) -> Trails:
    """Lay out the steps of every owner.

    Args:
        owner: Number of each transaction's owner, (N,).
        seconds: When it was made, rising, (N,).
        told: Its amount, amount against habit, and oddness as features have them, (N, 3).
        fraud: What is reported of it, (N,).
        delay: Seconds until that is known.
    """
    count = len(owner)
    times = np.concatenate([seconds, seconds + delay])
    owners, verdict = np.concatenate([owner, owner]), np.repeat([0, 1], count)
    # A verdict that comes in at the second of a payment is known to it.
    order = np.lexsort((np.tile(np.arange(count), 2), 1 - verdict, times, owners))
    owners, times, verdict, row = owners[order], times[order], verdict[order], order % max(count, 1)
    begins = np.diff(owners, prepend=-1) != 0
    gap = np.where(begins, -1, np.diff(times, prepend=times[:1]))
    steps = steps_of(verdict, fraud[row], told[row], gap)
    place = np.empty(2 * count, dtype=np.int64)
    place[order] = np.arange(2 * count)
    start = np.searchsorted(owners, owner)
    return Trails(steps, start, place[:count])


def steps_of(verdict: Whole, fraud: NDArray[np.bool_], told: NDArray[np.float32], gap: Whole) -> NDArray[np.float32]:
    """Return the steps as a network reads them, (n, step features).

    Args:
        verdict: 1 where a verdict comes in, 0 where a payment is made, (n,).
        fraud: What the verdict is, (n,).
        told: See `trails_of`, (n, 3).
        gap: Seconds since the step before, -1 where there is none, (n,).
    """
    steps = np.empty((len(gap), len(STEP)), dtype=np.float32)
    steps[:, 0], steps[:, 1] = verdict, verdict * fraud
    steps[:, 2], steps[:, 3], steps[:, 4] = told[:, 0] - _USUAL, told[:, 1], told[:, 2] / 4
    steps[:, 5] = np.where(gap < 0, _NEVER, np.log1p(np.maximum(gap, 0) / DAY))
    return steps
