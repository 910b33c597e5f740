"""Weekly demand of UCI Online Retail by quantiles, against forecasts that need no training.

    python -m bench.demand --data online_retail.parquet --protocol weekly --json bench/results/demand.json

Lines with a positive quantity and price, no cancellation, a stock code that begins with five digits; with or without a
customer, since demand has no need of one. Weeks run from Monday to Sunday; the first and the last are left out where
the data covers them in part. At each origin (36, 40, 44 and 48 weeks known) a model is trained on what was known then
and forecasts the four weeks that follow. Series chosen per origin: items with sales in at least four of the known
weeks, the choice under which quantiles of the last 8 weeks come nearest to their published .546.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from bench.report import mean_and_spread, write_report
from cartveil.insight.decisions.forecast import (
    ForecastConfig,
    RecentQuantiles,
    SeasonalNaive,
    evaluate_forecast,
    train_forecaster,
)
from cartveil.insight.decisions.forecast.baselines import ZeroDemand
from cartveil.insight.decisions.forecast.horizon import DemandModel
from cartveil.insight.sequences.weekly import WeeklyDemand, weekly_totals

ORIGINS = (36, 40, 44, 48)
LEAST_WEEKS_WITH_SALES = 4
THREADS = 1


def weekly_of(path: Path) -> WeeklyDemand:
    """Read the order lines that count, and sum them to weeks."""
    lines = pq.read_table(path)
    kept = pc.and_(pc.greater(lines["Quantity"], 0), pc.greater(lines["UnitPrice"], 0))
    kept = pc.and_(kept, pc.invert(pc.starts_with(lines["InvoiceNo"], "C")))
    lines = lines.filter(pc.and_(kept, pc.match_substring_regex(lines["StockCode"], r"^\d{5}")))
    return weekly_totals(
        pa.table(
            {"time": lines["InvoiceDate"], "item": pc.utf8_upper(lines["StockCode"]), "quantity": lines["Quantity"]}
        )
    )


def run(path: Path, *, seeds: int) -> dict[str, Any]:
    """Return the figures of every model, means over origins and, for the LSTM, over seeds."""
    demand = weekly_of(path)
    runs, seconds = [], []
    for seed in range(seeds):
        started = time.perf_counter()
        runs.append(_score(demand, _trained(seed)))
        seconds.append((time.perf_counter() - started) / len(ORIGINS))
        print(f"seed {seed}: WQL {runs[-1]['wql']:.4f}, {seconds[-1]:.1f} s an origin", flush=True)
    mean, spread = mean_and_spread(runs)
    rest = {"empirical_quantiles": RecentQuantiles(), "seasonal_naive": SeasonalNaive(), "zero": ZeroDemand()}
    return {
        "lstm": mean,
        **{name: _score(demand, lambda _, model=model: model) for name, model in rest.items()},
        "sd": {"lstm": spread},
        "seconds_per_origin": sum(seconds) / len(seconds),
        "protocol": {
            "name": "weekly",
            "origins": list(ORIGINS),
            "least_weeks_with_sales": LEAST_WEEKS_WITH_SALES,
            "series": [
                int(((demand.before(origin).demand > 0).sum(1) >= LEAST_WEEKS_WITH_SALES).sum()) for origin in ORIGINS
            ],
            "first_week": str(demand.weeks[0]),
            "weeks": len(demand.weeks),
        },
    }


def _trained(seed: int) -> Callable[[WeeklyDemand], DemandModel]:
    config = ForecastConfig()
    config = replace(config, training=replace(config.training, seed=seed))
    return lambda known: train_forecaster(known, config=config)


def _score(demand: WeeklyDemand, train: Callable[[WeeklyDemand], DemandModel]) -> dict[str, Any]:
    found = evaluate_forecast(demand, train, origins=ORIGINS, least_weeks_with_sales=LEAST_WEEKS_WITH_SALES)
    return found.to_dict()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--protocol", choices=["weekly"], default="weekly")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    figures = run(arguments.data, seeds=arguments.seeds)
    print(f"{'':22}{'WQL':>8}{'RMSSE':>8}  coverage at .1 .5 .9")
    for name in ("lstm", "empirical_quantiles", "seasonal_naive", "zero"):
        row = figures[name]
        covered = " ".join(f"{row['coverage'][level]:.2f}" for level in ("0.1", "0.5", "0.9"))
        print(f"{name:22}{row['wql']:8.4f}{row['rmsse']:8.3f}  {covered}")
    if arguments.json:
        write_report(arguments.json, figures, seeds=range(arguments.seeds), threads=THREADS)


if __name__ == "__main__":
    main()
