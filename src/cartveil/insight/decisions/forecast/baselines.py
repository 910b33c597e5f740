"""Forecasts that need no training, behind the same interface: what the LSTM has to beat to be used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.forecast.horizon import (
    HORIZON,
    LEVELS,
    Jittered,
    target_sums,
    targets_of,
    unit_of,
    whole,
)
from cartveil.insight.sequences.levels import levels_of
from cartveil.insight.sequences.series import DemandSeries

#: Into how many a past value is spread to stand for a count plus a uniform number.
_SPREAD = 8


@dataclass(frozen=True)
class RecentQuantiles:
    """Quantiles of the last periods: what was, will be. One of which nothing is known does not count.

    Args:
        periods: How many periods back.
        horizon: Periods ahead.
    """

    periods: int = 8
    horizon: int = HORIZON

    def quantiles(self, demand: DemandSeries) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels); sums are taken over periods in a row."""
        sums = self._sums(demand)
        return np.stack([_quantiles(each) for each in sums], axis=1).astype(np.float32)

    def jittered(self, demand: DemandSeries) -> Jittered:
        """Return quantiles of demand plus a uniform number of up to one unit."""
        unit = unit_of(demand.demand)
        offsets = (np.arange(_SPREAD) + 0.5) / _SPREAD * unit
        spread = [(each[..., None] + offsets).reshape(len(each), -1) for each in self._sums(demand)]
        unknown = [level * unit for level in LEVELS]
        return Jittered(np.stack([_quantiles(each, unknown=unknown) for each in spread], axis=1), unit)

    def _sums(self, demand: DemandSeries) -> list[NDArray[np.float64]]:
        """Return per target its past values, (I, windows)."""
        recent = demand.demand[:, -self.periods :]
        total = np.pad(np.nan_to_num(recent).cumsum(1, dtype=np.float64), ((0, 0), (1, 0)))
        unknown = np.pad(np.isnan(recent).cumsum(1), ((0, 0), (1, 0)))
        found = []
        for begin, end in targets_of(self.horizon):
            width = min(end - begin, recent.shape[1])
            sums = (total[:, width:] - total[:, :-width]) * (end - begin) / width  # (I, windows)
            found.append(np.where(unknown[:, width:] == unknown[:, :-width], sums, np.nan))
        return found


@dataclass(frozen=True)
class PooledQuantiles:
    """What became of items that sold about as much: counts of all items together, without a network.

    Items are sorted into bins by their mean over the last periods, at every period. What came after, in the scale of
    that mean, is one distribution for a whole bin.

    Args:
        bins: How many.
        horizon: Periods ahead.
    """

    bins: int = 24
    horizon: int = HORIZON

    def quantiles(self, demand: DemandSeries) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels); zeros for an item that never sold."""
        found = self.jittered(demand)
        return whole(found.quantiles / found.unit) * np.float32(found.unit)

    def jittered(self, demand: DemandSeries) -> Jittered:
        """Return quantiles of demand plus a uniform number of up to one unit."""
        levels, unit = levels_of(demand), unit_of(demand.demand)
        sums = target_sums(demand.demand, horizon=self.horizon)  # (I, W, targets)
        came = sums + np.random.default_rng(0).random(sums.shape) * unit
        edges = np.quantile(levels.scale[:, -1], np.arange(1, self.bins) / self.bins)
        place, begun = np.searchsorted(edges, levels.scale), np.arange(came.shape[1]) >= levels.started[:, None]
        answer = np.broadcast_to(np.array(LEVELS) * unit, (*came[:, 0].shape, len(LEVELS))).copy()
        for number in np.unique(place[:, -1]):
            alike, now = begun & (place == number), (place[:, -1] == number) & begun[:, -1]
            alike = alike if np.isfinite(came[alike]).any() else begun  # all items, where none was alike before
            ratios = came[alike] / levels.scale[alike][:, None]  # (lessons, targets)
            found = _quantiles(ratios.T)  # (targets, levels)
            answer[now] = found * levels.scale[now, -1, None, None]
        return Jittered(answer, unit)


@dataclass(frozen=True)
class SeasonalNaive:
    """The same periods of the last season, at every level; one of which nothing is known counts as zero.

    Args:
        season: Periods of a season; where history is shorter, the last four periods are repeated.
        horizon: Periods ahead.
    """

    season: int = 52
    horizon: int = HORIZON

    def quantiles(self, demand: DemandSeries) -> NDArray[np.float32]:
        """Return the same value (I, targets, levels) at every level."""
        width = demand.demand.shape[1]
        season = self.season if width >= self.season else min(4, width)
        past = np.nan_to_num(demand.demand[:, width - season :])
        sums = [past[:, np.arange(begin, end) % season].sum(1) for begin, end in targets_of(self.horizon)]
        return np.repeat(np.stack(sums, axis=1)[..., None], len(LEVELS), axis=-1).astype(np.float32)


@dataclass(frozen=True)
class ZeroDemand:
    """Nothing will be sold: the forecast that wins every measure that should not be used.

    Args:
        horizon: Periods ahead.
    """

    horizon: int = HORIZON

    def quantiles(self, demand: DemandSeries) -> NDArray[np.float32]:
        """Return zeros (I, targets, levels)."""
        return np.zeros((len(demand.items), len(targets_of(self.horizon)), len(LEVELS)), dtype=np.float32)


def _quantiles(values: NDArray[np.float64], *, unknown: Sequence[float] = (0.0,)) -> NDArray[np.float64]:
    """Return quantiles (I, levels) of the values that are known; `unknown` where none is."""
    some = ~np.isnan(values).all(1)
    answer = np.broadcast_to(np.array(unknown), (len(values), len(LEVELS))).astype(np.float64)
    if some.any():
        # The quantile of numbers without a gap is many times faster.
        quantile = np.nanquantile if np.isnan(values[some]).any() else np.quantile
        answer[some] = quantile(values[some], LEVELS, axis=1).T
    return answer
