"""How forecasts are judged: origins in the past, models that saw what stands before them, figures beside counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.baselines import PooledQuantiles, RecentQuantiles, SeasonalNaive, ZeroDemand
from cartveil.insight.decisions.forecast.evaluation import (
    Forecasts,
    forecasts_at,
    losses_of,
    mean_score,
    score_of,
    shares_of,
    wql_of,
)
from cartveil.insight.decisions.forecast.forecaster import ForecastConfig, train_forecaster
from cartveil.insight.decisions.forecast.horizon import LEVELS, SCORED, DemandModel
from cartveil.insight.decisions.measures import Evaluation, Figure, Interval, bootstrap, evaluation_of
from cartveil.insight.sequences.levels import RHYTHMS
from cartveil.insight.sequences.series import DemandSeries

#: What ships.
OURS = "lstm"
#: At most so many origins are taken where the protocol is left to the data.
_ORIGINS = 4
#: Resamples behind the intervals of all measures but WQL.
_ROUNDS = 400


@dataclass(frozen=True)
class DemandProtocol:
    """From where, and how far, is forecast.

    Args:
        name: What it is called.
        origins: How many periods are known each time, rising.
        horizon: Periods ahead.
        least_sales: Items with fewer periods with sales before an origin are not scored there.
        empirical: Periods whose quantiles are the baseline `empirical_quantiles`; 0 for all.
    """

    name: str
    origins: tuple[int, ...]
    horizon: int
    least_sales: int = 0
    empirical: int = 0


#: 51 months of sales of car parts, the last 12 forecast at once; as in the published comparisons.
CAR_PARTS = DemandProtocol("car_parts", (39,), 12)
#: 52 weeks of a shop, four weeks ahead from four origins.
WEEKLY = DemandProtocol("weekly", (36, 40, 44, 48), 4, least_sales=4, empirical=8)


def protocol_of(series: DemandSeries) -> DemandProtocol:
    """Return the protocol for any data: the last periods, a year of months or up to four times four others.

    Raises:
        InputError: There are too few periods for one origin.
    """
    periods = series.demand.shape[1]
    monthly = series.period == "month"
    horizon = 12 if monthly else 4
    possible = range(periods - horizon, 2 * horizon, -horizon)
    origins = tuple(possible)[: 1 if monthly else _ORIGINS][::-1]
    if not origins:
        hint = f"at least {3 * horizon + 1} {series.period}s are needed"
        raise InputError(f"{periods} {series.period}s are too few to be judged on", path="series", hint=hint)
    return DemandProtocol(
        "last periods", origins, horizon, least_sales=0 if monthly else 4, empirical=0 if monthly else 8
    )


def evaluate_demand(
    series: DemandSeries,
    *,
    protocol: DemandProtocol | None = None,
    seeds: Sequence[int] = (0,),
    config: ForecastConfig | None = None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Judge the LSTM and the baselines on the past.

    Args:
        series: All that is known; a model is trained and asked at each origin with what stands before it alone.
        protocol: See `DemandProtocol`; left out, that of `protocol_of`.
        seeds: One training of the LSTM per origin and seed.
        config: Of the LSTM; its horizon and seed are set here.
        on_progress: Told what is done, and how long it will take.

    Returns:
        `wql`, `rmsse`, `coverage`, `coverage_plain` and `stock` of each model (see `ForecastScore`), means over the
        origins; intervals over items, which are resampled with all their periods.

    Raises:
        InputError: An origin leaves too few periods on either side.
        ModelError: Nothing was ever sold, or there are too few periods to learn from.
    """
    if not seeds:
        raise InputError("needs a seed at least", path="seeds", hint="three seeds are usual")
    protocol, config = protocol or protocol_of(series), config or ForecastConfig()
    told: dict[str, list[list[Forecasts]]] = {OURS: []}
    began = perf_counter()
    for seed in seeds:
        own = replace(config, horizon=protocol.horizon, training=replace(config.training, seed=seed))
        told[OURS].append(_learnt(series, protocol, own, on_progress))
        on_progress(f"seed {seed}: WQL {mean_score([score_of(each) for each in told[OURS][-1]]).wql:.4f}")
    seconds = (perf_counter() - began) / len(seeds)
    for name, model in baselines_of(series, protocol).items():
        told[name] = [_asked(series, protocol, model)]
    runs = {
        name: [mean_score([score_of(each) for each in run]).to_dict() for run in each] for name, each in told.items()
    }
    return evaluation_of(
        "demand",
        OURS,
        runs,
        intervals={name: _intervals(each, len(series.items)) for name, each in told.items()},
        protocol=_protocol(series, protocol, seeds, told[OURS][0]),
        curves=(_coverage(runs),),
        seconds=seconds,
    )


def baselines_of(series: DemandSeries, protocol: DemandProtocol) -> Mapping[str, DemandModel]:
    """Return what the LSTM is compared with."""
    rhythm, horizon = RHYTHMS[series.period], protocol.horizon
    empirical = protocol.empirical or series.demand.shape[1]
    return {
        "empirical_quantiles": RecentQuantiles(empirical, horizon),
        "recent_quantiles": RecentQuantiles(rhythm.scale, horizon),
        "pooled_quantiles": PooledQuantiles(horizon=horizon),
        "seasonal_naive": SeasonalNaive(round(rhythm.year), horizon),
        "zero": ZeroDemand(horizon),
    }


def _learnt(
    series: DemandSeries, protocol: DemandProtocol, config: ForecastConfig, on_progress: Callable[[str], None]
) -> list[Forecasts]:
    def train(known: DemandSeries) -> DemandModel:
        on_progress(f"{known.demand.shape[1]} {known.period}s known")
        return train_forecaster(known, config=config, on_progress=on_progress)

    return forecasts_at(series, train, origins=protocol.origins, least_sales=protocol.least_sales)


def _asked(series: DemandSeries, protocol: DemandProtocol, model: DemandModel) -> list[Forecasts]:
    return forecasts_at(series, lambda _: model, origins=protocol.origins, least_sales=protocol.least_sales)


def _intervals(runs: Sequence[Sequence[Forecasts]], items: int) -> dict[str, Interval]:
    """Return intervals over items of the measures that a single number says."""
    shares = [[shares_of(each) for each in origins] for origins in zip(*runs, strict=True)]
    rows = [origins[0].rows for origins in zip(*runs, strict=True)]
    found = {"wql": _interval(runs, items)}
    for name in shares[0][0]:
        sides = []
        for origins, own in zip(shares, rows, strict=True):
            over, under = np.zeros((2, items))
            over[own] = np.mean([each[name][0] for each in origins], axis=0)
            under[own] = np.mean([each[name][1] for each in origins], axis=0)
            sides.append((over, under))
        found[name] = bootstrap(items, partial(_share_drawn, sides=sides, items=items), rounds=_ROUNDS)
    return found


def _share_drawn(
    sample: NDArray[np.int64], *, sides: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], items: int
) -> float:
    times = np.bincount(sample, minlength=items)
    below = [float(times @ under) for _, under in sides]
    if not all(below):
        return float("nan")
    return float(np.mean([float(times @ over) / each for (over, _), each in zip(sides, below, strict=True)]))


def _interval(runs: Sequence[Sequence[Forecasts]], items: int) -> Interval:
    """Return the mean loss over origins and seeds, items resampled with all that was asked of them."""
    losses = []
    for origins in zip(*runs, strict=True):
        lost, sold = np.zeros(items), np.zeros(items)
        for each in origins:
            own, units = losses_of(each)
            lost[each.rows] += own / len(origins)
            sold[each.rows] = units
        losses.append((lost, sold))

    def measure(sample: NDArray[np.int64]) -> float:
        return float(np.mean([wql_of(lost[sample], sold[sample]) for lost, sold in losses]))

    return bootstrap(items, measure)


def _protocol(
    series: DemandSeries, protocol: DemandProtocol, seeds: Sequence[int], forecasts: Sequence[Forecasts]
) -> dict[str, Any]:
    return {
        "name": protocol.name,
        "origins": list(protocol.origins),
        "horizon": protocol.horizon,
        "least_sales": protocol.least_sales,
        "series": [int(np.isfinite(each.actual).any(1).sum()) for each in forecasts],
        "period": series.period,
        "first": str(series.starts[0]),
        "periods": len(series.starts),
        "rows_set_aside": series.set_aside,
        "seeds": list(seeds),
    }


def _coverage(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    def line(found: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, float], ...]:
        levels = LEVELS[:SCORED]
        return tuple((level, float(np.mean([run["coverage"][f"{level:.1f}"] for run in found]))) for level in levels)

    lines = {name: line(found) for name, found in runs.items() if name not in ("zero", "seasonal_naive")}
    return Figure("How often demand lies below each quantile", "quantile level", "share below", lines, ((0, 0), (1, 1)))
