"""How good a forecast is: weighted quantile loss and coverage, forecasting only from what was known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.horizon import HORIZON, LEVELS, SCORED, DemandModel
from cartveil.insight.sequences.weekly import WeeklyDemand


@dataclass(frozen=True)
class ForecastScore:
    """What forecasts were worth.

    Args:
        wql: Weighted quantile loss over levels .1 to .9: 0 is perfect, 1 is what forecasting zero gets.
        rmsse: Root of the mean squared error of the median, scaled per item by that of the naive forecast.
        coverage: Level -> share of outcomes at or below that quantile.
    """

    wql: float
    rmsse: float
    coverage: Mapping[str, float]

    def to_dict(self) -> dict[str, object]:
        """Return the keys of the benchmark files."""
        return {"wql": self.wql, "rmsse": self.rmsse, "coverage": dict(self.coverage)}


def evaluate_forecast(
    demand: WeeklyDemand,
    train: Callable[[WeeklyDemand], DemandModel],
    *,
    origins: Sequence[int],
    least_weeks_with_sales: int = 4,
) -> ForecastScore:
    """Train before each origin, forecast the four weeks after it, and compare.

    Args:
        demand: All weeks; `train` and the model see those before the origin alone.
        train: Weeks before the origin -> model.
        origins: How many weeks are known each time.
        least_weeks_with_sales: Items with fewer weeks with sales before the origin are not scored there.

    Returns:
        Means over the origins.

    Raises:
        InputError: An origin leaves too few weeks on either side.
    """
    scores = []
    for origin in origins:
        if not 0 < origin <= demand.demand.shape[1] - HORIZON:
            raise InputError(f"week {origin} leaves nothing to forecast from, or to compare with", path="origins")
        known = demand.before(origin)
        scored = np.flatnonzero((known.demand > 0).sum(1) >= least_weeks_with_sales)
        quantiles = train(known).quantiles(known)[scored]
        scores.append(score(quantiles, demand.demand[scored, origin : origin + HORIZON], known.demand[scored]))
    levels = scores[0].coverage
    return ForecastScore(
        wql=float(np.mean([each.wql for each in scores])),
        rmsse=float(np.mean([each.rmsse for each in scores])),
        coverage={level: float(np.mean([each.coverage[level] for each in scores])) for level in levels},
    )


def score(
    quantiles: NDArray[np.float32], actual: NDArray[np.float32], past: NDArray[np.float32] | None = None
) -> ForecastScore:
    """Score forecasts of the coming weeks.

    Args:
        quantiles: (I, targets, levels); the first four targets are the weeks.
        actual: What was sold in them, (I, 4).
        past: Weeks before, (I, W), for `rmsse`; NaN without them.
    """
    weekly, levels = quantiles[:, :HORIZON, :SCORED], np.array(LEVELS[:SCORED])
    missed = actual[..., None] - weekly  # (I, 4, levels)
    lost = np.maximum(levels * missed, (levels - 1) * missed).sum((0, 1), dtype=np.float64)
    sold = max(float(np.abs(actual).sum(dtype=np.float64)), 1e-9)
    covered = (actual[..., None] <= weekly + 1e-6).mean((0, 1))
    return ForecastScore(
        wql=float(np.mean(2 * lost / sold)),
        rmsse=_rmsse(weekly[..., LEVELS.index(0.5)], actual, past),
        coverage={f"{level:.1f}": float(share) for level, share in zip(levels, covered, strict=True)},
    )


def _rmsse(median: NDArray[np.float32], actual: NDArray[np.float32], past: NDArray[np.float32] | None) -> float:
    if past is None or past.shape[1] < 2:
        return float("nan")
    naive = np.square(np.diff(past.astype(np.float64), axis=1)).mean(1)  # (I,)
    moved = naive > 0
    if not moved.any():
        return float("nan")
    return float(np.sqrt(np.square(actual - median)[moved].mean(1) / naive[moved]).mean())
