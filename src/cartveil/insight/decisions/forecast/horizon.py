"""What is forecast: each of the coming weeks, and the sums of the first few, at fixed quantile levels.

The sums are forecast of their own, because the quantile of a sum is not the sum of quantiles, and the weeks of one
item are not independent.
"""

from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.sequences.weekly import WeeklyDemand

#: Quantile levels of every forecast; the first nine are scored, the last two serve reordering.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
#: How many of `LEVELS` are scored.
SCORED = 9
#: Weeks that are forecast.
HORIZON = 4
#: Weeks that each target sums, from (included) to (excluded), 0 being the first coming one.
TARGETS = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (0, 3), (0, 4))
#: Names of the quantile columns.
QUANTILE_COLUMNS = tuple(f"q{round(100 * level):02d}" for level in LEVELS)


class DemandModel(Protocol):
    """What the LSTM and the baselines have in common."""

    def quantiles(self, demand: WeeklyDemand) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels) of what follows the last week, none below zero."""
        ...


def target_sums(demand: NDArray[np.float32], *, horizon: int = HORIZON) -> NDArray[np.float32]:
    """Return what each target came to after each week.

    Args:
        demand: Units (I, W).
        horizon: Weeks ahead that `TARGETS` reaches.

    Returns:
        (I, W, targets); NaN where a target reaches beyond the last week.
    """
    padded = np.pad(demand, ((0, 0), (1, horizon)), constant_values=np.nan)
    padded[:, 0] = 0.0
    total = np.cumsum(padded, axis=1, dtype=np.float64)  # (I, 1 + W + horizon)
    after = np.arange(1, demand.shape[1] + 1)
    return np.stack([total[:, after + end] - total[:, after + begin] for begin, end in TARGETS], -1).astype(np.float32)


def weekly_table(model: DemandModel, demand: WeeklyDemand) -> pa.Table:
    """Return item, week (its Monday) and quantiles for each of the coming weeks."""
    quantiles = model.quantiles(demand)[:, :HORIZON]  # (I, horizon, levels)
    mondays = demand.weeks[-1] + np.arange(1, HORIZON + 1) * np.timedelta64(7, "D")
    return _table(demand, "week", pa.array(np.tile(mondays, len(demand.items)), pa.date32()), quantiles)


def totals_table(model: DemandModel, demand: WeeklyDemand) -> pa.Table:
    """Return item, weeks (1 to 4) and quantiles of the sum of that many coming weeks."""
    sums = [TARGETS.index((0, weeks)) for weeks in range(1, HORIZON + 1)]
    quantiles = np.maximum.accumulate(model.quantiles(demand)[:, sums], axis=1)  # a longer sum is never the smaller
    return _table(demand, "weeks", pa.array(np.tile(np.arange(1, HORIZON + 1), len(demand.items))), quantiles)


def _table(demand: WeeklyDemand, name: str, values: pa.Array, quantiles: NDArray[np.float32]) -> pa.Table:
    items = pa.array(np.repeat(np.asarray(demand.items, dtype=object), HORIZON), pa.string())
    flat = quantiles.reshape(-1, len(LEVELS))
    columns = {column: flat[:, place] for place, column in enumerate(QUANTILE_COLUMNS)}
    return pa.table({"item": items, name: values, **columns})
