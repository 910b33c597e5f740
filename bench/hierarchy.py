"""Sums that agree in UCI Online Retail: items, groups and the total, forecast apart and made to agree.

    python -m bench.hierarchy --data src/cartveil/faces/demo/data/online_retail.parquet --json FILE [--seeds N]

Weeks, origins and lines as in `bench.demand`, all items. Groups are the first three digits of the stock code: the file
has no categories, and like goods often stand near each other in it. `apart`: each node forecast as a series of its own.
`summed`: quantiles of the items added up, as if all had their worst week together. `coherent`: what ships. Weighted
quantile loss of each level, means over origins.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.demand import weekly_of
from bench.report import mean_and_spread, write_report
from cartveil.insight.decisions.forecast import ForecastConfig, train_forecaster
from cartveil.insight.decisions.forecast.coherent import coherent_forecast
from cartveil.insight.decisions.forecast.hierarchy import Hierarchy, hierarchy_of, upper_series
from cartveil.insight.decisions.forecast.horizon import HORIZON, LEVELS, SCORED
from cartveil.insight.sequences.series import DemandSeries

ORIGINS = (36, 40, 44, 48)
THREADS = 1


def wql(quantiles: NDArray[Any], actual: NDArray[Any]) -> float:
    """Return the weighted quantile loss of forecasts (n, periods, levels)."""
    levels = np.array(LEVELS[:SCORED])
    missed = actual[..., None] - quantiles[..., :SCORED]
    lost = np.maximum(levels * missed, (levels - 1) * missed).sum((0, 1))
    return float(2 * lost.mean() / np.abs(actual).sum())


def measure(demand: DemandSeries, seed: int) -> dict[str, Any]:
    """Return the loss of each way and level, means over origins."""
    runs = []
    for origin in ORIGINS:
        known, actual = demand.before(origin), demand.demand[:, origin : origin + HORIZON]
        hierarchy = hierarchy_of(known.items, {"group": [item[:3] for item in known.items]})
        config = ForecastConfig()
        config = replace(config, training=replace(config.training, seed=seed))
        model = train_forecaster(known, config=config)
        apart = [model.quantiles(each)[:, :HORIZON] for each in (known, upper_series(known, hierarchy))]
        began = time.perf_counter()
        found = coherent_forecast(model, known, hierarchy, seed=seed)
        seconds = time.perf_counter() - began
        if hierarchy.differences(found.means).any():
            raise SystemExit("sums do not agree")
        summed = np.concatenate([apart[0], hierarchy.sums(apart[0])])
        ways = {"apart": np.concatenate(apart), "summed": summed, "coherent": found.quantiles}
        runs.append({way: _by_level(hierarchy, each, actual) for way, each in ways.items()} | {"seconds": seconds})
    mean: dict[str, Any] = mean_and_spread(runs)[0]
    return mean


def _by_level(hierarchy: Hierarchy, quantiles: NDArray[Any], actual: NDArray[Any]) -> dict[str, float]:
    true = np.concatenate([actual, hierarchy.sums(actual)])
    level = np.array([level for level, _ in hierarchy.names])
    return {name: wql(quantiles[level == name], true[level == name]) for name in dict.fromkeys(level.tolist())}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    demand = weekly_of(arguments.data)
    figures, spread = mean_and_spread([measure(demand, seed) for seed in range(arguments.seeds)])
    print(f"{'':10}{'item':>9}{'group':>9}{'total':>9}")
    for way in ("apart", "summed", "coherent"):
        print(f"{way:10}" + "".join(f"{figures[way][level]:9.4f}" for level in ("item", "group", "total")))
    if arguments.json:
        nodes = {"items": len(demand.items), "groups": len({item[:3] for item in demand.items})}
        protocol = {"origins": list(ORIGINS), **nodes}
        document = {**figures, "sd": spread, "protocol": protocol}
        write_report(arguments.json, document, seeds=range(arguments.seeds), threads=THREADS)


if __name__ == "__main__":
    main()
