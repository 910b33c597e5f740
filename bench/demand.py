"""Demand by quantiles, from the past alone, against forecasts that need no training.

    python -m bench.demand --data carparts.csv --protocol car_parts --json bench/results/demand_car_parts.json
    python -m bench.demand --data online_retail.parquet --protocol weekly --json bench/results/demand.json

`car_parts`: a column of months, then one of sales per part; the last 12 of 51 months are forecast at once. What is
empty is unknown, and neither learnt from nor scored.

`weekly`: UCI Online Retail, lines with a positive quantity and price, no cancellation, a stock code that begins with
five digits; with or without a customer, since demand has no need of one. Weeks run from Monday to Sunday; the first and
the last are left out where the data covers them in part. At each origin (36, 40, 44 and 48 weeks known) a model is
trained on what was known then and forecasts the four weeks that follow. Series chosen per origin: items with sales in
at least four of the known weeks, the choice under which quantiles of the last 8 weeks come nearest to their published
.546.

`coverage` is that of outcomes with a uniform number added (the randomised probability integral transform), since counts
that are mostly zero lie at or below any quantile too often; `coverage_plain` is the share at or below.
"""

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq
import torch

from bench.report import write_report
from cartveil.insight.decisions.forecast.protocol import CAR_PARTS, WEEKLY, evaluate_demand
from cartveil.insight.decisions.measures import Evaluation
from cartveil.insight.sequences.series import DemandSeries, wide_series
from cartveil.insight.sequences.weekly import weekly_totals

THREADS = 1


def weekly_of(path: Path) -> DemandSeries:
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


def car_parts_of(path: Path) -> DemandSeries:
    """Read a table of months and parts."""
    names = path.open(encoding="utf-8").readline().strip().split(",")
    types = {name: pa.string() if place == 0 else pa.float32() for place, name in enumerate(names)}
    return wide_series(csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types)))


#: Protocol -> how its data is read, and what is done with it.
PROTOCOLS = {"car_parts": (car_parts_of, CAR_PARTS), "weekly": (weekly_of, WEEKLY)}


def run(path: Path, *, protocol: str, seeds: int) -> Evaluation:
    """Return the figures of every model."""
    read, chosen = PROTOCOLS[protocol]
    return evaluate_demand(
        read(path), protocol=chosen, seeds=range(seeds), on_progress=lambda text: print(text, flush=True)
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="weekly")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    found = run(arguments.data, protocol=arguments.protocol, seeds=arguments.seeds)
    print(f"{'':22}{'WQL':>8}{'95% interval':>16}{'RMSSE':>8}{'stock':>8}  coverage at .1 .5 .9")
    for name, row in found.figures.items():
        covered = " ".join(f"{row['coverage'][level]:.2f}" for level in ("0.1", "0.5", "0.9"))
        interval = found.intervals[name]["wql"]
        told = f"{interval.low:.3f} to {interval.high:.3f}"
        print(f"{name:22}{row['wql']:8.4f}{told:>16}{row['rmsse']:8.3f}{row['stock']['cost']:8.2f}  {covered}")
    if arguments.json:
        write_report(arguments.json, found.to_dict(), seeds=range(arguments.seeds), threads=THREADS)


if __name__ == "__main__":
    main()
