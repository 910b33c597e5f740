"""Items with few periods behind them: what became of others when they were as young.

A forecaster reads an item's own past, and a new item has next to none. Its peers were new once: how much they sold
after their first, second, ... period, measured in their own level of that day, says how sure one can be, and their
levels say where to begin. A launch that nothing is known of yet gets what launches got, in its category where there
are enough of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.forecast.horizon import (
    HORIZON,
    LEVELS,
    QUANTILE_COLUMNS,
    DemandModel,
    target_sums,
    targets_of,
)
from cartveil.insight.sequences.series import DemandSeries

Reals = NDArray[np.float64]

#: Items that sold in the first periods of the data may have been old then.
_UNKNOWN_START = 4

#: With fewer launches there are no peers to speak of.
FEWEST_LAUNCHES = 20

#: A category's level counts as much as this many launches say; the rest is that of all.
_CATEGORY_WEIGHT = 5.0

#: Periods of its own that a peer group's level is worth, tried when learning.
_WORTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)

#: Shares of the peers that are tried; the least first, which stands where they are alike.
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Peers:
    """What became of launches.

    Args:
        levels: Category -> units a period that a launch begins with; the empty name is that of all.
        worth: Periods of an item's own that the peers' level is worth.
        ratios: What each target came to, in levels, by age (periods since the first sale), (ages, targets, levels).
        horizon: Periods ahead.
        launches: How many were learnt from.
    """

    levels: dict[str, float]
    worth: float
    ratios: Reals
    horizon: int
    launches: int

    @property
    def ages(self) -> int:
        """Return from which age on an item's own past speaks for itself."""
        return len(self.ratios)

    def launch(self, category: str = "") -> NDArray[np.float32]:
        """Return quantiles (targets, levels) of an item that is about to be sold for the first time."""
        level = self.levels.get(category, self.levels[""])
        return np.asarray(self.ratios[0] * level, dtype=np.float32)

    def quantiles(self, demand: DemandSeries, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return quantiles (rows, targets, levels) of young items.

        Args:
            demand: All that is known.
            rows: Items with a sale, younger than `ages`.
        """
        age = ages_of(demand)[rows]
        level = _blended(demand.of(rows), age, self.levels, self.worth)
        return np.asarray(self.ratios[age] * level[:, None, None], dtype=np.float32)


@dataclass(frozen=True)
class ColdStart:
    """A forecaster whose young items are drawn to their peers.

    Args:
        model: Forecasts the others.
        peers: What became of launches.
        share: Of the peers at the first sale, falling straight to none at `Peers.ages`.
    """

    model: DemandModel
    peers: Peers
    share: float = 1.0

    @property
    def horizon(self) -> int:
        """Return how many periods ahead it looks."""
        return self.model.horizon

    def quantiles(self, demand: DemandSeries) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels); those of young items lie between model and peers."""
        found = self.model.quantiles(demand).copy()
        age = ages_of(demand)
        young = np.flatnonzero((age >= 1) & (age < self.peers.ages))
        if self.share and len(young):
            drawn = (self.share * (1 - (age[young] - 1) / self.peers.ages))[:, None, None]
            found[young] += drawn * (self.peers.quantiles(demand, young) - found[young])
        return found


def cold_start(model: DemandModel, demand: DemandSeries, *, ages: int = 8) -> ColdStart:
    """Give the peers the share of young items' forecasts that would have been best over the last periods.

    A forecaster of all items learns from launches too, and may need no peers: then their share is 0. One that was
    trained on those last periods is flattered by them.

    Args:
        model: What forecasts.
        demand: What is known.
        ages: Until which age, in periods, an item counts as young.

    Raises:
        ModelError: There are too few launches before the last periods.
        InputError: `ages` is below 2.
    """
    horizon = model.horizon
    known = demand.before(demand.demand.shape[1] - horizon)
    peers, age = learn_peers(known, horizon=horizon, ages=ages), ages_of(known)
    young = np.flatnonzero((age >= 1) & (age < ages))
    came = demand.demand[young, -horizon:, None]  # (Y, horizon, 1)

    def lost(share: float) -> float:
        missed = came - ColdStart(model, peers, share).quantiles(known)[young, :horizon]
        levels = np.array(LEVELS)
        return float(np.nansum(np.maximum(levels * missed, (levels - 1) * missed)))

    return ColdStart(model, learn_peers(demand, horizon=horizon, ages=ages), min(_SHARES, key=lost))


def learn_peers(demand: DemandSeries, *, horizon: int = HORIZON, ages: int = 8) -> Peers:
    """Learn from all launches in the data what becomes of one.

    Args:
        demand: What is known. Items that sold in the first periods are no launches: they may be older than the data.
        horizon: Periods ahead.
        ages: Until which age, in periods, an item counts as young.

    Raises:
        ModelError: There are too few launches whose first periods are known.
        InputError: `ages` is below 2.
    """
    if ages < 2:
        raise InputError("must be at least 2", path="ages", hint="8 periods are usual")
    started = _started(demand)
    width = demand.demand.shape[1]
    rows = np.flatnonzero((started >= _UNKNOWN_START) & (started <= width - horizon))
    if len(rows) < FEWEST_LAUNCHES:
        hint = "forecast without a cold start until more items were launched"
        raise ModelError(f"{len(rows)} launches are fewer than {FEWEST_LAUNCHES}", hint=hint)
    launches = demand.of(rows)
    levels = _levels(launches, started[rows])
    targets = target_sums(launches.demand, horizon=horizon)  # (L, W, targets)

    def ratios(worth: float) -> tuple[Reals, float]:
        parts = [_ratios(launches, targets, age, _leveller(levels, worth)) for age in range(ages)]
        return np.stack([part for part, _ in parts]), sum(lost for _, lost in parts)

    worth = min(_WORTHS, key=lambda each: ratios(each)[1])
    return Peers(levels, worth, ratios(worth)[0], horizon, len(rows))


def launch_table(peers: Peers, period: str) -> pa.Table:
    """Return what a launch will sell: category (and `all`), how many periods together, and quantiles.

    Args:
        peers: What became of launches.
        period: What a period is called, such as `week`.
    """
    rows = []
    for category in sorted(peers.levels):
        quantiles = peers.launch(category)
        for step in range(1, peers.horizon + 1):
            found = quantiles[targets_of(peers.horizon).index((0, step))]
            named = dict(zip(QUANTILE_COLUMNS, found.tolist(), strict=True))
            rows.append({"category": category or "all", f"{period}s": step, **named})
    return pa.Table.from_pylist(rows)


def ages_of(demand: DemandSeries) -> NDArray[np.int64]:
    """Return periods since each item's first sale, that one included; 0 for what never sold.

    An item that sold in the first periods of the data counts as old: nobody knows when it began.
    """
    started, width = _started(demand), demand.demand.shape[1]
    return np.asarray(np.where(started < _UNKNOWN_START, width, width - started))


def _started(demand: DemandSeries) -> NDArray[np.int64]:
    sold = np.nan_to_num(demand.demand) > 0
    return np.asarray(np.where(sold.any(1), sold.argmax(1), demand.demand.shape[1]))


_Leveller = Callable[[DemandSeries, NDArray[np.int64]], Reals]


def _leveller(levels: dict[str, float], worth: float) -> _Leveller:
    return lambda demand, age: _blended(demand, age, levels, worth)


def _blended(demand: DemandSeries, age: NDArray[np.int64], levels: dict[str, float], worth: float) -> Reals:
    """Return each item's level: its own mean since its first sale, drawn to its peers'."""
    begins = np.arange(demand.demand.shape[1])[None] >= (demand.demand.shape[1] - age)[:, None]
    own = np.where(begins, np.nan_to_num(demand.demand), 0.0).sum(1)
    prior = np.array([levels.get(each, levels[""]) for each in demand.categories or [""] * len(age)])
    return np.asarray((worth * prior + own) / (worth + age))


def _levels(launches: DemandSeries, started: NDArray[np.int64]) -> dict[str, float]:
    """Return units a period after a launch, by category, drawn to those of all."""
    width = launches.demand.shape[1]
    place = np.arange(width)[None]
    known = (place >= started[:, None]) & (place < started[:, None] + HORIZON) & ~np.isnan(launches.demand)
    mean = np.where(known, np.nan_to_num(launches.demand), 0.0).sum(1) / np.maximum(known.sum(1), 1)
    # A few launches sell in one week what others sell in a year: the middle of the logarithms is what is usual.
    usual = float(np.expm1(np.log1p(mean).mean()))
    found = {"": usual}
    for category in sorted(set(launches.categories) - {""}):
        logs = np.log1p(mean[np.array([each == category for each in launches.categories])])
        total = logs.sum() + _CATEGORY_WEIGHT * np.log1p(usual)
        found[category] = float(np.expm1(total / (len(logs) + _CATEGORY_WEIGHT)))
    return found


def _ratios(launches: DemandSeries, targets: NDArray[np.float32], age: int, leveller: _Leveller) -> tuple[Reals, float]:
    """Return quantiles (targets, levels) of what came after this age, in levels, and what they lose on the launches."""
    started, width = _started(launches), launches.demand.shape[1]
    last = started + age - 1  # the period after which is asked; before the first sale for age 0
    rows = np.flatnonzero((last >= 0) & (last < width))
    level = np.empty(len(rows))
    for period in np.unique(last[rows]):
        some = np.flatnonzero(last[rows] == period)
        level[some] = leveller(launches.before(int(period) + 1).of(rows[some]), np.full(len(some), age))
    came = targets[rows, last[rows]] / np.maximum(level, 1e-9)[:, None]  # (L, targets), NaN unknown
    quantiles = np.stack([_weighted_quantiles(came[:, n], level) for n in range(came.shape[1])])
    missed = came[..., None] - quantiles[None]
    levels = np.array(LEVELS)
    lost = np.maximum(levels * missed, (levels - 1) * missed) * level[:, None, None]
    return quantiles, float(np.nansum(lost))


def _weighted_quantiles(values: NDArray[np.floating], weight: Reals) -> Reals:
    """Return quantiles at `LEVELS` of the values that are known, zeros where none is; by the root of the weight."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.zeros(len(LEVELS))
    order = known[np.argsort(values[known], kind="stable")]
    share = np.cumsum(np.sqrt(weight[order] + 1e-9))
    share = (share - share[0] / 2) / share[-1]
    return np.asarray(np.interp(LEVELS, share, values[order]))
