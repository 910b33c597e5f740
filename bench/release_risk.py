"""What a release of UCI Online Retail gives away, by how exactly times leave, and what each way costs.

    python -m bench.release_risk --data src/cartveil/faces/demo/data/online_retail.parquet --json FILE [--seeds N]

Each release is made as the product makes it (cleaned, consumers under pseudonyms), twice, for two recipients. Unicity
is the share of consumers whom 2 or 4 of their own purchases, drawn at random, pick out, where the purchases are known
as exactly as the release tells times; asked are all consumers with so many different purchases. Linkability is the
share of consumers of the one release who are found in the other by equal histories over weeks, or by items alone.
NDCG@10 is that of a plain item-kNN on the last fifth of the rows: a yardstick, no model of the product.

    1h, 1d, 7d   times in bands of that width
    shift        times to the minute, moved by up to 30 days, one offset for each consumer and recipient; the purchases
                 are known by the day that the release tells, as whoever found out the offset knows them
    items        no time at all
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from bench.next_basket import _derive
from bench.report import mean_and_spread, write_report
from cartveil.events.cleaning import clean
from cartveil.events.protected import Events, ProtectedEvents
from cartveil.events.schema import parse_schema
from cartveil.faces.scoring import next_item_score
from cartveil.guard.protect import protect_events
from cartveil.guard.protect.risk import linkability
from cartveil.guard.protect.risk.unicity import points_of, unicity
from cartveil.guard.protect.steps import Scope

#: How times leave, and how exactly a purchase is known beside such a release.
WAYS: Mapping[str, tuple[str, str]] = {
    "1h": ('{ method = "bucket", width = "1h" }', "1h"),
    "1d": ('{ method = "bucket", width = "1d" }', "1d"),
    "7d": ('{ method = "bucket", width = "7d" }', "7d"),
    "shift": ('{ method = "shift", days = 30 }', "1d"),
}
KNOWN = (2, 4)
THREADS = 1

_SCHEMA = """
[tables.orders.columns]
InvoiceNo = {{ kind = "order_id", role = "order" }}
StockCode = {{ kind = "product", role = "item", pattern = "[0-9]{{5}}.*" }}
Quantity = {{ kind = "quantity", role = "quantity" }}
InvoiceDate = {{ kind = "event_time", role = "time", release = {step} }}
UnitPrice = {{ kind = "amount", role = "amount" }}
CustomerID = {{ kind = "user_id", role = "subject" }}
"""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    seeds = range(arguments.seeds)
    figures = {way: measure(arguments.data, way, seeds) for way in (*WAYS, "items")}
    for way, found in figures.items():
        shares = "  ".join(f"{known} known {found['unicity'][str(known)]:6.1%}" for known in KNOWN)
        linked = f"linked by weeks {found['linked_by_weeks']:6.1%}, by items {found['linked_by_items']:6.1%}"
        print(f"{way:6} {shares}  {linked}  NDCG@10 {found['ndcg@10']:.4f}")
    if arguments.json:
        write_report(arguments.json, figures, seeds=seeds, threads=THREADS)


def measure(path: Path, way: str, seeds: range) -> dict[str, Any]:
    """Return the figures of one way of releasing times; unicity as mean over seeds."""
    step, width = WAYS.get(way, (WAYS["1h"][0], ""))
    first, second = (release(path, step, recipient) for recipient in ("lab", "partner"))
    started = time.perf_counter()
    points = points_of(first.table, width=width)
    runs = [_unicity(points, width, seed) for seed in seeds]
    seconds = time.perf_counter() - started
    mean, spread = mean_and_spread([{known: one.share for known, one in run.items()} for run in runs])
    return {
        "unicity": mean,
        "sd": spread,
        "asked": {known: one.asked for known, one in runs[0].items()},
        "consumers": int(first.release["consumers"]),
        "events": len(first),
        "linked_by_weeks": linkability(first.table, second.table, width="7d").share,
        "linked_by_items": linkability(first.table, second.table, width="").share,
        "ndcg@10": next_item_score(first.table.select(["subject", "time", "item"])),
        "seconds_for_unicity": seconds / len(seeds),
    }


def release(path: Path, step: str, recipient: str) -> ProtectedEvents:
    """Return the release of all cleaned rows for one recipient."""
    orders = parse_schema(_SCHEMA.format(step=step)).table("orders")
    kept = clean(Events(pq.read_table(path, columns=[column.name for column in orders.columns]), orders)).kept.table
    return protect_events(kept, orders, derive=_derive, scope=Scope("recommendation", recipient))


def _unicity(points: Any, width: str, seed: int) -> dict[str, Any]:
    found = unicity(points, known=KNOWN, width=width, rng=np.random.default_rng(seed), sample=points.consumers)
    return {str(one.points): one for one in found}


if __name__ == "__main__":
    main()
