"""Forecasts that need no training, behind the same interface: what the LSTM has to beat to be used."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.forecast.horizon import LEVELS, TARGETS
from cartveil.insight.sequences.weekly import WeeklyDemand


@dataclass(frozen=True)
class RecentQuantiles:
    """Quantiles of the last weeks: what was, will be.

    Args:
        weeks: How many weeks back.
    """

    weeks: int = 8

    def quantiles(self, demand: WeeklyDemand) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels); sums are taken over weeks in a row."""
        recent = demand.demand[:, -self.weeks :]
        total = np.pad(recent.cumsum(1, dtype=np.float64), ((0, 0), (1, 0)))
        answer = []
        for begin, end in TARGETS:
            width = min(end - begin, recent.shape[1])
            sums = (total[:, width:] - total[:, :-width]) * (end - begin) / width  # (I, windows)
            answer.append(np.quantile(sums, LEVELS, axis=1).T)  # (I, levels)
        return np.stack(answer, axis=1).astype(np.float32)


@dataclass(frozen=True)
class SeasonalNaive:
    """The same weeks of the last season, at every level.

    Args:
        season: Weeks of a season; where history is shorter, the last four weeks are repeated.
    """

    season: int = 52

    def quantiles(self, demand: WeeklyDemand) -> NDArray[np.float32]:
        """Return the same value (I, targets, levels) at every level."""
        width = demand.demand.shape[1]
        season = self.season if width >= self.season else min(4, width)
        past = demand.demand[:, width - season :]
        sums = [past[:, np.arange(begin, end) % season].sum(1) for begin, end in TARGETS]
        return np.repeat(np.stack(sums, axis=1)[..., None], len(LEVELS), axis=-1).astype(np.float32)


@dataclass(frozen=True)
class ZeroDemand:
    """Nothing will be sold: the forecast that wins every measure that should not be used."""

    def quantiles(self, demand: WeeklyDemand) -> NDArray[np.float32]:
        """Return zeros (I, targets, levels)."""
        return np.zeros((len(demand.items), len(TARGETS), len(LEVELS)), dtype=np.float32)
