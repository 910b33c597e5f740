"""Next basket: guess each consumer's first basket of November 2011 in UCI Online Retail.

    python -m bench.next_basket --data src/cartveil/faces/demo/data/online_retail.parquet --json FILE [--seeds N]

Weights are trained on targets before October 2011 and chosen on October; counts reach up to November. Test consumers
are those with a basket from 2011-11-01 on and a known item before; all bought items stay in the list. Rows kept:
quantity and price above 0, a customer, no cancelled invoice, a stock code that begins with five digits.
"""

import argparse
import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from bench.report import mean_and_spread, write_report
from cartveil.events.cleaning import clean
from cartveil.events.protected import Events, ProtectedEvents
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import protect_events
from cartveil.guard.protect.steps import Scope
from cartveil.insight.decisions.recommend import RecommenderConfig, evaluate, train_recommender
from cartveil.insight.decisions.recommend.counts import (
    Scorer,
    count_neighbours,
    count_personal_popularity,
    count_popularity,
)
from cartveil.insight.decisions.recommend.times import day_of
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import learn_vocabulary
from cartveil.insight.training.loop import TrainingConfig

HELD_OUT, TEST = datetime(2011, 10, 1), datetime(2011, 11, 1)


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
    figures = measure(protected(pq.read_table(arguments.data)), seeds)
    print(table(figures))
    write_report(arguments.json, figures, seeds=seeds, threads=arguments.threads)


def measure(events: ProtectedEvents, seeds: range) -> dict[str, Any]:
    """Return the figures of the recommender, its LSTM path alone and the baselines."""
    runs = [_run(events, RecommenderConfig(), seed) for seed in seeds]
    alone = [_run(events, lstm_alone(), seed) for seed in seeds]
    baselines = {name: baseline(events, name) for name in _BASELINES}
    figures: dict[str, Any] = {
        name: {part: found[part] for part in ("all", "new")} for name, found in baselines.items()
    }
    spread: dict[str, Any] = {}
    for name, found in (("recommender", runs), ("lstm", alone)):
        figures[name], spread[name] = mean_and_spread([run["test"] for run in found])
    return {
        **figures,
        "consumers": runs[0]["consumers"],
        "sd": spread,
        "runs": runs,
        "seconds_per_epoch": mean_and_spread([run["seconds_per_epoch"] for run in runs])[0],
        "seconds_to_train": mean_and_spread([run["seconds"] for run in runs])[0],
    }


def lstm_alone() -> RecommenderConfig:
    """Return the configuration of the LSTM path alone, which needs more passes than the whole model."""
    config = RecommenderConfig(sequence_only=True)
    return replace(config, training=replace(config.training, epochs=8, learning_rate=4e-3, rates=()))


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    lines = [f"{'':22}{'all: recall@10':>16}{'ndcg@10':>10}{'new: recall@10':>18}{'ndcg@10':>10}"]
    for name in ("recommender", "lstm", "personal_popularity", "item_knn", "popularity"):
        every, new = figures[name]["all"], figures[name]["new"]
        lines.append(
            f"{name:22}{every['recall@10']:16.4f}{every['ndcg@10']:10.4f}{new['recall@10']:18.4f}{new['ndcg@10']:10.4f}"
        )
    return "\n".join(lines)


def baseline(events: ProtectedEvents, name: str) -> dict[str, Any]:
    """Return the test figures of `popularity`, `personal_popularity` or `item_knn`, counted before the test period."""
    past = events.table.filter(pc.less(events.table["time"], pa.scalar(TEST)))
    vocabulary = learn_vocabulary(past["item"], at_most=RecommenderConfig().max_items)
    scorer = _BASELINES[name](baskets_of(past, vocabulary), vocabulary, until=day_of(TEST))
    return evaluate(scorer, events, since=TEST)


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


_BASELINES: dict[str, Callable[..., Scorer]] = {
    "popularity": count_popularity,
    "personal_popularity": count_personal_popularity,
    "item_knn": count_neighbours,
}


def _run(events: ProtectedEvents, config: RecommenderConfig, seed: int) -> dict[str, Any]:
    training: TrainingConfig = replace(config.training, seed=seed)
    started = time.perf_counter()
    recommender = train_recommender(
        events, config=replace(config, training=training), held_out_from=HELD_OUT, until=TEST
    )
    seconds = time.perf_counter() - started
    found = evaluate(recommender, events, since=TEST)
    return {
        "seed": seed,
        "consumers": found.pop("consumers"),
        "test": found,
        "validation": recommender.card["metrics"],
        "seconds": seconds,
        "seconds_per_epoch": recommender.card["seconds_per_epoch"],
    }


if __name__ == "__main__":
    main()
