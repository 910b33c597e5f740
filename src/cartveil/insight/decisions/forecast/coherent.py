"""A forecast of a whole hierarchy: means that add up exactly, and quantiles of sums from items drawn together.

Quantiles do not add: the worst week of one item is seldom that of the next. How the items go together is taken from
the past. Each draw takes a stretch of past weeks, gives every item the rank that it had then, and reads its
forecast at that rank; summed up, the draws are what a category or the total may come to.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.hierarchy import GRAIN, Hierarchy, reconcile, upper_series
from cartveil.insight.decisions.forecast.horizon import LEVELS, QUANTILE_COLUMNS, DemandModel
from cartveil.insight.decisions.forecast.tails import Reals, at_levels, mean_and_spread
from cartveil.insight.sequences.series import DemandSeries

#: Past periods against whose mean a period's demand is ranked, so that a trend is not taken for dependence.
_AGAINST = 8


@dataclass(frozen=True)
class CoherentForecast:
    """Forecasts of all nodes of a hierarchy.

    Args:
        hierarchy: Whose nodes.
        starts: First day of each coming period, (periods,).
        means: (N, periods); every node is exactly the sum of its items.
        quantiles: (N, periods, levels); of sums, from the draws.
        period: What a period is called.
    """

    hierarchy: Hierarchy
    starts: NDArray[np.datetime64]
    means: Reals
    quantiles: Reals
    period: str

    def table(self, *, level: str | None = None) -> pa.Table:
        """Return level, node, the first day of each period, mean and quantiles.

        Args:
            level: Only this one, such as `category`; None for all.

        Raises:
            InputError: There is no such level.
        """
        names = self.hierarchy.names
        if level is not None and level not in {each for each, _ in names}:
            known = ", ".join(dict.fromkeys(each for each, _ in names))
            raise InputError(f"no level `{level}`", path="level", hint=f"there are: {known}")
        rows = np.array([number for number, (each, _) in enumerate(names) if level in (None, each)])
        periods = len(self.starts)
        flat = self.quantiles[rows].reshape(-1, len(LEVELS))
        return pa.table(
            {
                "level": pa.array([names[row][0] for row in rows for _ in range(periods)], pa.string()),
                "node": pa.array([names[row][1] for row in rows for _ in range(periods)], pa.string()),
                self.period: pa.array(np.tile(self.starts, len(rows)), pa.date32()),
                "mean": self.means[rows].reshape(-1),
                **{name: flat[:, place] for place, name in enumerate(QUANTILE_COLUMNS)},
            }
        )


def coherent_forecast(
    model: DemandModel, demand: DemandSeries, hierarchy: Hierarchy, *, draws: int = 400, seed: int = 0
) -> CoherentForecast:
    """Forecast items and everything over them so that sums agree.

    Args:
        model: Forecasts items and, as series of their own, what stands over them.
        demand: What is known of the items.
        hierarchy: Over these very items.
        draws: How many joint futures the quantiles of sums are taken from.
        seed: Of the draws.

    Returns:
        Each of the model's coming periods. An item's quantiles are its own, scaled to its reconciled mean.

    Raises:
        InputError: The hierarchy has other items.

    Source: Ben Taieb, Taylor and Hyndman, Hierarchical Probabilistic Forecasting of Electricity Demand With Smart Meter
        Data, JASA 2021, section 3 (sums of draws whose ranks are those of the past, around reconciled means); Clark et
        al., The Schaake Shuffle, 2004, for the ranks.
    """
    periods, count = model.horizon, len(hierarchy.items)
    apart = [model.quantiles(series)[:, :periods] for series in (demand, upper_series(demand, hierarchy))]
    found = [mean_and_spread(each) for each in apart]
    base = np.concatenate([mean for mean, _ in found])
    spread = np.concatenate([each for _, each in found]).mean(1)
    means = reconcile(base, hierarchy, spread=spread)
    scale = means[:count] / np.maximum(base[:count], 1e-9)
    items = apart[0] * scale[..., None]  # (I, periods, levels)
    ranks = joint_ranks(demand.demand, periods, draws=draws, random=np.random.default_rng(seed))
    sums = np.empty((hierarchy.upper, periods, len(LEVELS)))
    for period in range(periods):
        drawn = at_levels(np.repeat(items[:, period, None], draws, axis=1), ranks[:, :, period])  # (I, draws)
        together = hierarchy.sums(np.round(drawn / GRAIN) * GRAIN)  # (upper, draws)
        # Drawn means differ from the reconciled ones by the luck of the draw, and by the tails' reading.
        together *= (means[count:, period] / np.maximum(together.mean(1), 1e-9))[:, None]
        sums[:, period] = np.quantile(together, LEVELS, axis=1).T
    return CoherentForecast(
        hierarchy, demand.coming(periods), means, np.concatenate([items, sums]), period=demand.period
    )


def joint_ranks(demand: NDArray[np.floating], periods: int, *, draws: int, random: np.random.Generator) -> Reals:
    """Draw ranks that go together as they did in the past.

    Args:
        demand: (I, W); NaN where nothing is known.
        periods: Coming periods; a draw takes as many past ones in a row.
        draws: How many.
        random: Where from.

    Returns:
        (I, draws, periods), each evenly spread between 0 and 1.
    """
    known = np.nan_to_num(np.asarray(demand, dtype=np.float64))
    width = known.shape[1]
    if width < _AGAINST + periods:
        # Too short a past says nothing: each item goes its own way.
        return random.random((len(known), draws, periods))
    total = np.cumsum(np.pad(known, ((0, 0), (1, 0))), axis=1)
    usual = (total[:, _AGAINST:-1] - total[:, : -_AGAINST - 1]) / _AGAINST  # (I, W - AGAINST)
    off = known[:, _AGAINST:] - usual
    off += random.random(off.shape) * 1e-6  # equal ones, zeros mostly, in an order of their own
    rank = np.argsort(np.argsort(off, axis=1), axis=1)
    times = off.shape[1]
    first = random.integers(times - periods + 1, size=draws)
    chosen = rank[:, first[:, None] + np.arange(periods)]  # (I, draws, periods)
    return np.asarray((chosen + random.random(chosen.shape)) / times)
