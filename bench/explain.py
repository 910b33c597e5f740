"""Explanations: how long one takes, and whether the reasons it gives are those that matter.

    python -m bench.explain --json bench/results/explain.json [--data online_retail.parquet]

Speed: histories of 50 events, a network of 128 units over 10,000 items, one thread, one history after the other; the
search for contrary moments included. Faithfulness: a sequence recommender trained on UCI Online Retail, and of
`--histories` consumers the item that it puts first; the strongest tenth of the events is deleted, and a tenth drawn at
random, ten times.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bench.next_basket import protected
from bench.report import write_report
from cartveil.faces import demo
from cartveil.insight.decisions.explain.attribution import attribute
from cartveil.insight.decisions.explain.deletion import Deletion, deletion_test, mean_falls
from cartveil.insight.decisions.explain.next_item import ask, explain_next_item
from cartveil.insight.decisions.recommend.sequential import SequenceConfig, train_sequence_recommender
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_of
from cartveil.insight.decisions.recommend.sequential.networks import Network, Shape, build
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary

STEPS, ITEMS, UNITS = 50, 10_000, 128


def untrained(seed: int = 0) -> SequenceRecommender:
    """Return a recommender of the stated size; what its weights are does not matter for time."""
    torch.manual_seed(seed)
    shape = Shape(ITEMS + RESERVED, UNITS, 0.0, STEPS, private=False)
    network = Network(shape, build(shape).eval())
    words = tuple(f"item {number}" for number in range(ITEMS))
    return SequenceRecommender(Vocabulary(words), torch.ones(shape.items), None, network, 0.0, {"network": 1.0}, {}, {})


def made_up(generator: np.random.Generator) -> pa.Table:
    """Return a history of `STEPS` events."""
    return pa.table(
        {
            "subject": ["x"] * STEPS,
            "time": pa.array([datetime(2024, 1, 1) + timedelta(days=day) for day in range(STEPS)], pa.timestamp("us")),
            "item": [f"item {number}" for number in generator.integers(0, ITEMS, STEPS)],
        }
    )


def speeds(rounds: int) -> list[float]:
    """Return milliseconds of each explanation after a first."""
    recommender, generator = untrained(), np.random.default_rng(0)
    explain_next_item(recommender, made_up(generator), "item 1")
    found = []
    for _ in range(rounds):
        events = made_up(generator)
        started = time.perf_counter()
        explain_next_item(recommender, events, "item 1")
        found.append(1000 * (time.perf_counter() - started))
    return found


def faithful(recommender: SequenceRecommender, table: pa.Table, subjects: Sequence[str], seed: int) -> list[Deletion]:
    """Return the test by deletion for the first item of each consumer's list."""
    generator, found = np.random.default_rng(seed), []
    for subject in subjects:
        baskets = baskets_of(table.filter(pa.compute.equal(table["subject"], subject)), recommender.vocabulary)
        history = histories_of(baskets).latest(STEPS)
        if len(history.items) < 10:
            continue
        item = recommender.vocabulary.word(int(recommender.scores_after(history)[0].argmax()))
        question = ask(recommender, history, item)
        shares = attribute(question.embedded, question.scored)
        found.append(deletion_test(shares, question.batch, question.score_of, generator=generator))
    return found


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(demo.__file__).parent / "data" / "online_retail.parquet")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--histories", type=int, default=200)
    given = parser.parse_args()
    torch.set_num_threads(1)
    times = speeds(given.rounds)
    release = protected(pq.read_table(given.data))
    recommender = train_sequence_recommender(release, config=SequenceConfig(own=0.0))
    subjects = sorted(set(release.table["subject"].to_pylist()))
    chosen = np.random.default_rng(0).choice(subjects, given.histories, replace=False).tolist()
    tests = faithful(recommender, release.table, chosen, seed=0)
    strongest, at_random = mean_falls(tests)
    figures: dict[str, Any] = {
        "steps": STEPS,
        "items": ITEMS,
        "p50_ms": statistics.median(times),
        "p99_ms": float(np.quantile(times, 0.99)),
        "histories": len(tests),
        "falls": {"strongest": strongest, "at_random": at_random},
        "strongest_fell_further": float(np.mean([each.strongest > each.at_random for each in tests])),
    }
    print(figures)
    if given.json:
        write_report(given.json, figures, seeds=[0], threads=1)


if __name__ == "__main__":
    main()
