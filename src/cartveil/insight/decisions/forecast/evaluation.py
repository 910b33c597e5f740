"""How good a forecast is: quantile loss, coverage and the cost of stock, forecasting only from what was known.

Coverage of counts needs care. Where 71% of the periods sell nothing, the best quantile at level .1 is zero, and 71% of
the outcomes lie at or below it: that is no fault. So `coverage` asks of the outcome plus a uniform number between 0 and
1 (the randomised probability integral transform), which a calibrated forecast covers with exactly the chance that the
level says; the uniform number is averaged over instead of drawn. Where demand comes in fractions, it lies between 0 and
the small unit that they are counted in. `coverage_plain` is the share at or below.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.horizon import (
    LEVELS,
    SCORED,
    DemandModel,
    Jittered,
    JitteredModel,
    unit_of,
)
from cartveil.insight.sequences.series import DemandSeries

#: Share of periods in which stock is to last: what is kept is the quantile of this level.
SERVICE = 0.95


@dataclass(frozen=True)
class StockCost:
    """What it costs to keep the quantile of 95% in stock, period by period.

    Args:
        service: Share of periods without a stock-out.
        left: Units left over per unit sold.
        short: Units short per unit sold.
        cost: Units left over and 19 times units short, per unit sold: the weights under which 95% is the best level.
    """

    service: float
    left: float
    short: float
    cost: float


@dataclass(frozen=True)
class ForecastScore:
    """What forecasts were worth.

    Args:
        wql: Weighted quantile loss over levels .1 to .9: 0 is perfect, 1 is what forecasting zero gets.
        rmsse: Root of the mean squared error of the median, scaled per item by that of the naive forecast.
        coverage: Level -> share of outcomes, each with a uniform number added, below that quantile of such sums.
        coverage_plain: Level -> share of outcomes at or below that quantile.
        stock: See `StockCost`.
    """

    wql: float
    rmsse: float
    coverage: Mapping[str, float]
    coverage_plain: Mapping[str, float] = field(default_factory=dict)
    stock: StockCost = field(default_factory=lambda: StockCost(*[float("nan")] * 4))

    def to_dict(self) -> dict[str, object]:
        """Return the keys of the benchmark files."""
        return {
            "wql": self.wql,
            "rmsse": self.rmsse,
            "coverage": dict(self.coverage),
            "coverage_plain": dict(self.coverage_plain),
            "stock": dict(vars(self.stock)),
        }


@dataclass(frozen=True)
class Forecasts:
    """What a model forecast at one origin, beside what came.

    Args:
        quantiles: Of each coming period, (I, horizon, levels).
        jittered: The same of demand plus a uniform number of up to one unit, (I, horizon, levels).
        actual: What was sold, NaN unknown, (I, horizon).
        past: Periods before, (I, W).
        rows: Which items of the series they are, (I,).
        unit: What demand is counted in.
    """

    quantiles: NDArray[np.float32]
    jittered: NDArray[np.float64]
    actual: NDArray[np.float32]
    past: NDArray[np.float32]
    rows: NDArray[np.int64]
    unit: float = 1.0


def evaluate_forecast(
    demand: DemandSeries,
    train: Callable[[DemandSeries], DemandModel],
    *,
    origins: Sequence[int],
    least_sales: int = 4,
) -> ForecastScore:
    """Train before each origin, forecast the periods after it, and compare.

    Args:
        demand: All periods; `train` and the model see those before the origin alone.
        train: Periods before the origin -> model.
        origins: How many periods are known each time.
        least_sales: Items with fewer periods with sales before the origin are not scored there.

    Returns:
        Means over the origins.

    Raises:
        InputError: An origin leaves too few periods on either side.
    """
    scores = [score_of(each) for each in forecasts_at(demand, train, origins=origins, least_sales=least_sales)]
    return mean_score(scores)


def forecasts_at(
    demand: DemandSeries,
    train: Callable[[DemandSeries], DemandModel],
    *,
    origins: Sequence[int],
    least_sales: int = 0,
) -> list[Forecasts]:
    """Return what is forecast from each origin; see `evaluate_forecast`."""
    found = []
    for origin in origins:
        if not 0 < origin < demand.demand.shape[1]:
            raise _no_room(origin, demand)
        known = demand.before(origin)
        model = train(known)
        later = demand.demand[:, origin : origin + model.horizon]
        if later.shape[1] < model.horizon:
            raise _no_room(origin, demand)
        quantiles = model.quantiles(known)
        spread = model.jittered(known) if isinstance(model, JitteredModel) else _sure(quantiles, unit_of(known.demand))
        scored = np.flatnonzero((known.demand > 0).sum(1) >= least_sales)
        cut = np.s_[scored, : model.horizon]
        past = known.demand[scored]
        found.append(Forecasts(quantiles[cut], spread.quantiles[cut], later[scored], past, scored, spread.unit))
    return found


def mean_score(scores: Sequence[ForecastScore]) -> ForecastScore:
    """Return the means of scores, one an origin."""
    levels = scores[0].coverage
    stock = [tuple(vars(each.stock).values()) for each in scores]
    return ForecastScore(
        wql=float(np.mean([each.wql for each in scores])),
        rmsse=float(np.mean([each.rmsse for each in scores])),
        coverage={level: float(np.mean([each.coverage[level] for each in scores])) for level in levels},
        coverage_plain={level: float(np.mean([each.coverage_plain[level] for each in scores])) for level in levels},
        stock=StockCost(*(float(value) for value in np.mean(stock, axis=0))),
    )


def score(
    quantiles: NDArray[np.float32], actual: NDArray[np.float32], past: NDArray[np.float32] | None = None
) -> ForecastScore:
    """Score quantiles alone, as `score_of` does forecasts; coverage takes each for sure.

    Args:
        quantiles: (I, targets, levels); the first targets are the periods.
        actual: What was sold in them, NaN unknown, (I, horizon).
        past: Periods before, (I, W), for `rmsse`; NaN without them.
    """
    found = quantiles[:, : actual.shape[1]]
    past = np.zeros((len(actual), 0), dtype=np.float32) if past is None else past
    spread = _sure(found, unit_of(actual))
    return score_of(Forecasts(found, spread.quantiles, actual, past, np.arange(len(actual)), spread.unit))


def score_of(forecasts: Forecasts) -> ForecastScore:
    """Score what was forecast at one origin; outcomes that nobody knows are left out."""
    lost, sold = losses_of(forecasts)
    known = np.isfinite(forecasts.actual)
    actual, levels = forecasts.actual[known], LEVELS[:SCORED]
    above = (forecasts.jittered[known] - actual[:, None]) / forecasts.unit  # (outcomes, levels)
    reached = forecasts.quantiles[known] >= actual[:, None] - 1e-6
    return ForecastScore(
        wql=wql_of(lost, sold),
        rmsse=_rmsse(forecasts),
        coverage={f"{level:.1f}": _share(above[:, place]) for place, level in enumerate(levels)},
        coverage_plain={f"{level:.1f}": _share(reached[:, place]) for place, level in enumerate(levels)},
        stock=_stock(forecasts.quantiles[known][:, LEVELS.index(SERVICE)], actual),
    )


def losses_of(forecasts: Forecasts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each item's mean quantile loss over the scored levels, and its units sold, (I,) each."""
    levels = np.array(LEVELS[:SCORED])
    missed = np.nan_to_num(forecasts.actual[..., None] - forecasts.quantiles[..., :SCORED])  # (I, horizon, levels)
    lost = np.maximum(levels * missed, (levels - 1) * missed).mean(-1).sum(1, dtype=np.float64)
    return lost, np.nansum(forecasts.actual, axis=1, dtype=np.float64)


def shares_of(forecasts: Forecasts) -> Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return of each measure but WQL what every item adds above and below the line: the measure is sum by sum.

    Returns:
        Measure, nested ones joined by `.` -> (I,) and (I,); see `ForecastScore`.
    """
    known = np.isfinite(forecasts.actual)  # (I, horizon)
    counted, sold = known.sum(1).astype(np.float64), np.nansum(forecasts.actual, axis=1, dtype=np.float64)
    error = _rmsse_of_items(forecasts)
    above = (forecasts.jittered - forecasts.actual[..., None]) / forecasts.unit  # (I, horizon, levels)
    below = np.where(known[..., None], np.clip(above, 0, 1), 0).sum(1)  # (I, levels)
    kept = forecasts.quantiles[..., LEVELS.index(SERVICE)].astype(np.float64)
    missed = np.where(known, kept - forecasts.actual, 0.0)
    cost = missed.clip(min=0).sum(1) + SERVICE / (1 - SERVICE) * (-missed).clip(min=0).sum(1)
    return {
        "rmsse": (np.nan_to_num(error), np.isfinite(error).astype(np.float64)),
        **{f"coverage.{level:.1f}": (below[:, place], counted) for place, level in enumerate(LEVELS[:SCORED])},
        "stock.service": ((known & (missed >= -1e-6)).sum(1).astype(np.float64), counted),
        "stock.cost": (cost, sold),
    }


def wql_of(lost: NDArray[np.float64], sold: NDArray[np.float64]) -> float:
    """Return the weighted quantile loss of items with these losses and units."""
    return float(2 * lost.sum() / max(float(sold.sum()), 1e-9))


def _sure(quantiles: NDArray[np.float32], unit: float) -> Jittered:
    # A forecast of one value at each level is that value for sure.
    return Jittered(quantiles + np.array(LEVELS) * unit, unit)


def _no_room(origin: int, demand: DemandSeries) -> InputError:
    return InputError(f"{demand.period} {origin} leaves nothing to forecast from, or to compare with", path="origins")


def _share(above: NDArray[np.generic]) -> float:
    """Return the mean chance that a uniform number lies below; NaN where nothing is known."""
    return float(np.clip(above, 0, 1).mean()) if len(above) else float("nan")


def _stock(kept: NDArray[np.float32], actual: NDArray[np.float32]) -> StockCost:
    if not len(actual):
        return StockCost(*[float("nan")] * 4)
    sold = max(float(actual.sum(dtype=np.float64)), 1e-9)
    over = (kept.astype(np.float64) - actual).clip(min=0).sum() / sold
    short = (actual.astype(np.float64) - kept).clip(min=0).sum() / sold
    weight = SERVICE / (1 - SERVICE)
    return StockCost(float((actual <= kept + 1e-6).mean()), float(over), float(short), float(over + weight * short))


def _rmsse(forecasts: Forecasts) -> float:
    found = _rmsse_of_items(forecasts)
    known = found[np.isfinite(found)]
    return float(known.mean()) if len(known) else float("nan")


def _rmsse_of_items(forecasts: Forecasts) -> NDArray[np.float64]:
    """Return the scaled error of each item, (I,); NaN where it never moved or nothing is known."""
    answer = np.full(len(forecasts.actual), np.nan)
    if forecasts.past.shape[1] < 2:
        return answer
    steps = np.square(np.diff(forecasts.past.astype(np.float64), axis=1))  # (I, W - 1)
    counted = np.maximum(np.isfinite(steps).sum(1), 1)
    naive = np.nansum(steps, axis=1) / counted  # (I,)
    moved = (naive > 0) & np.isfinite(forecasts.actual).any(1)
    if not moved.any():
        return answer
    missed = np.square(forecasts.actual - forecasts.quantiles[..., LEVELS.index(0.5)])[moved]
    answer[moved] = np.sqrt(np.nanmean(missed, axis=1) / naive[moved])
    return answer
