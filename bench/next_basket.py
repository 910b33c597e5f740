"""Next basket: guess each consumer's first basket of November 2011 in UCI Online Retail.

    python -m bench.next_basket --data src/cartveil/faces/demo/data/online_retail.parquet --json FILE [--seeds N]

Weights are trained on targets before October 2011 and chosen on October; counts reach up to November. Test consumers
are those with a basket from 2011-11-01 on and a known item before; all bought items stay in the list. Rows kept:
quantity and price above 0, a customer, no cancelled invoice, a stock code that begins with five digits. The protocol is
`evaluate_next_basket`, which `cartveil evaluate next-basket` runs on your own release.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bench.report import write_report
from cartveil.events.cleaning import clean
from cartveil.events.protected import Events, ProtectedEvents
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import protect_events
from cartveil.guard.protect.steps import Scope
from cartveil.insight.decisions.recommend.protocol import NextBasketProtocol, evaluate_next_basket

HELD_OUT, TEST = datetime(2011, 10, 1), datetime(2011, 11, 1)

PERIODS = NextBasketProtocol(test_from=TEST, held_out_from=HELD_OUT)

MODELS = ("recommender", "lstm", "counts", "personal_popularity", "item_knn", "popularity")


def main() -> None:
    """Run the protocol, print its table, write its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = range(arguments.seeds)
    events = protected(pq.read_table(arguments.data))
    found = evaluate_next_basket(events, seeds=seeds, protocol=PERIODS, on_progress=_say)
    figures = {**found.to_dict(), "consumers": found.protocol["consumers"]}
    print(table(found.figures))
    write_report(arguments.json, figures, seeds=seeds, threads=arguments.threads)


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as lines for people."""
    columns = (("all", "recall@10"), ("all", "ndcg@10"), ("new", "recall@10"), ("new", "ndcg@10"))
    more = (("one_basket", "ndcg@10"), ("unseen", "ndcg@10"))
    names = [f"{part} {measure}" for part, measure in (*columns, *more)]
    lines = [f"{'':22}" + "".join(f"{name:>20}" for name in names)]
    for model in (*MODELS, *(name for name in figures if name not in MODELS)):
        values = [figures[model].get(part, {}).get(measure) for part, measure in (*columns, *more)]
        lines.append(f"{model:22}" + "".join(f"{'' if each is None else f'{each:.4f}':>20}" for each in values))
    return "\n".join(lines)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def protected(raw: pa.Table, *, width: str = "1m") -> ProtectedEvents:
    """Clean and release the raw file as the product does; only duplicates stay, which the protocol keeps.

    The key is made up and always the same, so that a run can be repeated. Times keep their minutes, as the protocol
    asks which of two baskets came first; the product's default releases hours, and then two invoices of one hour
    cannot be told apart.
    """
    orders = parse_schema(_SCHEMA.format(width=width)).table("orders")
    kept = clean(Events(raw, orders), keep_duplicates=True).kept.table
    return protect_events(kept, orders, derive=_derive, scope=Scope("recommendation", "bench"))


_SCHEMA = """
[tables.orders.columns]
InvoiceNo = {{ kind = "order_id", role = "order" }}
StockCode = {{ kind = "product", role = "item", pattern = "[0-9]{{5}}.*" }}
Description = {{ kind = "product", role = "description" }}
Quantity = {{ kind = "quantity", role = "quantity" }}
InvoiceDate = {{ kind = "event_time", role = "time", release = {{ method = "bucket", width = "{width}" }} }}
UnitPrice = {{ kind = "amount", role = "amount" }}
CustomerID = {{ kind = "user_id", role = "subject" }}
Country = "region"
"""


def _derive(label: str, *names: str) -> SecretKey:
    return SecretKey(hashlib.sha256("/".join(("bench", label, *names)).encode()).digest())


if __name__ == "__main__":
    main()
