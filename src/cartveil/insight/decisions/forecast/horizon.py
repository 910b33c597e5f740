"""What is forecast: each of the coming weeks, and the sums of the first few, at fixed quantile levels.

The sums are forecast of their own, because the quantile of a sum is not the sum of quantiles, and the weeks of one
item are not independent.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.sequences.series import DemandSeries

#: Quantile levels of every forecast; the first nine are scored, the last two serve reordering.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
#: How many of `LEVELS` are scored.
SCORED = 9
#: Demand in fractions (kilograms, metres) is counted in this many of its unit.
FRACTION = 0.001
#: Periods that are forecast unless a forecaster was made for more or fewer.
HORIZON = 4


def targets_of(horizon: int) -> tuple[tuple[int, int], ...]:
    """Return what is forecast: each of the coming periods, then the sums of the first two, three, ... of them.

    >>> targets_of(3)
    ((0, 1), (1, 2), (2, 3), (0, 2), (0, 3))
    """
    return tuple((step, step + 1) for step in range(horizon)) + tuple((0, end) for end in range(2, horizon + 1))


#: Periods that each target sums, from (included) to (excluded), 0 being the first coming one.
TARGETS = targets_of(HORIZON)
#: Names of the quantile columns.
QUANTILE_COLUMNS = tuple(f"q{round(100 * level):02d}" for level in LEVELS)


class DemandModel(Protocol):
    """What the LSTM and the baselines have in common."""

    @property
    def horizon(self) -> int:
        """Return how many periods ahead it looks."""
        ...

    def quantiles(self, demand: DemandSeries) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels) of what follows the last period, none below zero."""
        ...


@dataclass(frozen=True)
class Jittered:
    """Quantiles of demand plus a uniform number between 0 and one unit of counting.

    Args:
        quantiles: (I, targets, levels).
        unit: What demand is counted in; see `unit_of`.
    """

    quantiles: NDArray[np.float64]
    unit: float = 1.0


@runtime_checkable
class JitteredModel(Protocol):
    """A model whose coverage can be measured exactly, although demand is counted."""

    def jittered(self, demand: DemandSeries) -> Jittered:
        """Return quantiles of demand plus a uniform number of up to one unit."""
        ...


def unit_of(demand: NDArray[np.float32]) -> float:
    """Return in what demand is counted: pieces, or thousandths where there are fractions."""
    known = demand[np.isfinite(demand)]
    return 1.0 if bool((known == np.round(known)).all()) else FRACTION


def whole(jittered: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the quantiles of counts whose sums with a uniform number have these.

    Source: Machado and Santos Silva, Quantiles for Counts, JASA 2005, theorem 2.
    """
    return np.maximum(np.ceil(jittered - 1), 0).astype(np.float32)


def target_sums(demand: NDArray[np.float32], *, horizon: int = HORIZON) -> NDArray[np.float32]:
    """Return what each target came to after each period.

    Args:
        demand: Units (I, W), NaN where nothing is known.
        horizon: Periods ahead; the targets are those of `targets_of`.

    Returns:
        (I, W, targets); NaN where a target reaches beyond the last period, or over one of which nothing is known.
    """
    padded = np.pad(demand, ((0, 0), (1, horizon)), constant_values=np.nan)
    padded[:, 0] = 0.0
    unknown = np.cumsum(np.isnan(padded), axis=1)  # (I, 1 + W + horizon)
    total = np.cumsum(np.nan_to_num(padded), axis=1, dtype=np.float64)
    after = np.arange(1, demand.shape[1] + 1)
    sums = np.empty((*demand.shape, len(targets_of(horizon))), dtype=np.float32)
    for place, (begin, end) in enumerate(targets_of(horizon)):
        first, last = after + begin, after + end
        whole = unknown[:, last] == unknown[:, first]
        sums[..., place] = np.where(whole, total[:, last] - total[:, first], np.nan)
    return sums


def periods_table(model: DemandModel, demand: DemandSeries) -> pa.Table:
    """Return item, the first day of each coming period (`week`, say), and its quantiles."""
    horizon = model.horizon
    quantiles = model.quantiles(demand)[:, :horizon]  # (I, horizon, levels)
    starts = np.tile(demand.coming(horizon), len(demand.items))
    return _table(demand, demand.period, pa.array(starts, pa.date32()), quantiles)


def totals_table(model: DemandModel, demand: DemandSeries) -> pa.Table:
    """Return item, how many coming periods (`weeks`, say: 1 to the horizon), and quantiles of their sum."""
    horizon = model.horizon
    sums = [targets_of(horizon).index((0, end)) for end in range(1, horizon + 1)]
    quantiles = np.maximum.accumulate(model.quantiles(demand)[:, sums], axis=1)  # a longer sum is never the smaller
    counts = np.tile(np.arange(1, horizon + 1), len(demand.items))
    return _table(demand, f"{demand.period}s", pa.array(counts), quantiles)


def _table(demand: DemandSeries, name: str, values: pa.Array, quantiles: NDArray[np.float32]) -> pa.Table:
    items = pa.array(np.repeat(np.asarray(demand.items, dtype=object), quantiles.shape[1]), pa.string())
    flat = quantiles.reshape(-1, len(LEVELS))
    columns = {column: flat[:, place] for place, column in enumerate(QUANTILE_COLUMNS)}
    return pa.table({"item": items, name: values, **columns})
