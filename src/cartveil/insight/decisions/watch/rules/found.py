"""What one rule makes of a trail, before it is put into findings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.watch.rules.trail import Mask, Trail, counted_before, units
from cartveil.insight.sequences.relations import times_before

#: Rarity, in powers of ten, at which a finding is as grave as can be.
GRAVEST = 4.0
#: How many days of the actor's own the days of the role are worth.
_PEER_DAYS = 10.0


@dataclass(frozen=True)
class Found:
    """Entries that a rule points at.

    Args:
        rows: Places in the trail, (findings,).
        weight: 0 to 1, how clear each case is, (findings,).
        sentence: Evidence in words, with `{}` for each of the values.
        values: One column of numbers for each `{}`, each (findings,).
    """

    rows: NDArray[np.int64]
    weight: NDArray[np.float64]
    sentence: str
    values: Sequence[NDArray[np.float64]] = ()

    def said(self) -> tuple[str, ...]:
        """Return the evidence of each finding in words."""
        if not self.values:
            return (self.sentence,) * len(self.rows)
        columns = [column.tolist() for column in self.values]
        return tuple(self.sentence.format(*values) for values in zip(*columns, strict=True))


def found(trail: Trail, hit: Mask, weight: NDArray[np.float64], sentence: str, *values: NDArray[np.float64]) -> Found:
    """Gather the rows that a rule points at, after the days that only teach habits.

    Args:
        trail: The log.
        hit: Which entries, (rows,).
        weight: How clear each case is, (rows,).
        sentence: Evidence in words.
        values: What fills it, each (rows,).
    """
    rows = np.flatnonzero(hit & trail.settled)
    return Found(rows, np.clip(weight[rows], 0.0, 1.0), sentence, tuple(column[rows] for column in values))


def rarity_today(trail: Trail, hit: Mask) -> NDArray[np.float64]:
    """Return how rare so many findings on one day are for the actor, 0 to 1: 1 is one day in ten thousand.

    Args:
        trail: The log.
        hit: Which entries the rule points at, (rows,).

    Source: Chernoff's bound of the Poisson tail, P(N >= k) <= exp(-m) (e m / k)^k for k > m, with m from the actor's
    earlier days, which those of the role fill up.
    """
    unit = units(trail)
    opens = times_before(unit) == 0
    of_role = (counted_before(trail.role, hit) + 0.5) / (counted_before(trail.role, opens) + 1.0)
    hits = counted_before(trail.actor, hit) - counted_before(unit, hit)
    days = np.maximum(counted_before(trail.actor, opens) - ~opens, 0)
    usual = np.minimum((hits + _PEER_DAYS * of_role) / (days + _PEER_DAYS), 1e6)
    today = counted_before(unit, hit) + hit
    bound = np.where(today > usual, usual - today + today * np.log(np.maximum(today, 1) / usual), 0.0)
    return np.asarray(np.clip(bound / np.log(10) / GRAVEST, 0.0, 1.0))
