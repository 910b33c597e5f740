"""Unusual orders of consumers: how well swapped and swollen orders are found among real ones.

    python -m bench.orders --data online_retail.parquet --json bench/results/orders.json

The detector learns from the orders of UCI Online Retail before 2011-11-01. Among the orders after that, 60 of consumers
with at least three orders before are corrupted, and the detector has to rank them above the real ones, which are
taken to be usual (some are not: the largest order ever, cancelled within minutes, is among them). The corruptions are
made up; they rank a detector against the baseline, and say nothing about real fraud.

    tenfold   the consumer's own order, ten times the units
    swapped   another consumer's order in place of the consumer's own
    both      another consumer's order, ten times the units

Baseline: z-score of the logarithm of the order's value against the consumer's own orders before.
"""

import argparse
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bench.next_basket import protected
from bench.report import mean_and_spread, write_report
from cartveil.insight.decisions.watch import DetectorConfig, order_stream, train_detector
from cartveil.insight.sequences.purchases import describe_orders, order_lines, orders_of
from cartveil.insight.sequences.relations import keys_of, mean_before, times_before

TEST = datetime(2011, 11, 1)
CORRUPTED, LOOKED_AT = 60, 100
KINDS = ("tenfold", "swapped", "both")
THREADS = 1


def corrupt(orders: pa.Table, kind: str, *, seed: int) -> tuple[pa.Table, np.ndarray]:
    """Return orders of which some late ones are corrupted, and which."""
    rng = np.random.default_rng(seed)
    late = orders["time"].to_numpy() >= np.datetime64(TEST)
    known = times_before(keys_of(orders["actor"])) >= 3
    chosen = rng.choice(np.flatnonzero(late & known), CORRUPTED, replace=False)
    donors = rng.choice(np.flatnonzero(late), CORRUPTED, replace=False)
    columns = {name: orders[name] for name in orders.column_names}
    for name in ("value", "units", "largest_line", "items", "new_items"):
        values = orders[name].to_numpy().copy()
        if kind != "tenfold":
            # Nothing is known of whether the consumer had bought what the other one did: all of it counts as new.
            values[chosen] = orders["items" if name == "new_items" else name].to_numpy()[donors]
        if kind != "swapped" and name in ("value", "units", "largest_line"):
            values[chosen] *= 10
        columns[name] = pa.array(values)
    corrupted = np.zeros(len(late), dtype=bool)
    corrupted[chosen] = True
    return pa.table(columns), corrupted


def z_scores(orders: pa.Table) -> np.ndarray:
    """Return how far each order's value lies above the consumer's own before it."""
    actor, logs = keys_of(orders["actor"]), np.log(np.maximum(orders["value"].to_numpy(), 0.01))
    mean = mean_before(actor, logs)
    deviation = np.sqrt(np.maximum(mean_before(actor, logs**2) - mean**2, 0))
    return np.nan_to_num((logs - mean) / np.maximum(deviation, 0.3))


def measure(scores: np.ndarray, corrupted: np.ndarray, late: np.ndarray) -> dict[str, float]:
    """Return average precision, and the share of corrupted orders among the first hundred."""
    order = np.argsort(-scores[late], kind="stable")
    hits = corrupted[late][order].astype(float)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return {
        "ap": float((precision * hits).sum() / hits.sum()),
        "recall@100": float(hits[:LOOKED_AT].mean() * LOOKED_AT / CORRUPTED),
    }


def run(path: Path, *, seeds: int) -> dict[str, Any]:
    """Return the figures of both, means over seeds of training and corruption."""
    events = protected(pq.read_table(path))
    orders = orders_of(order_lines(events))
    stream, spec = order_stream(events)
    late = orders["time"].to_numpy() >= np.datetime64(TEST)
    runs, seconds = [], []
    for seed in range(seeds):
        config = DetectorConfig()
        config = replace(config, training=replace(config.training, seed=seed))
        started = time.perf_counter()
        detector = train_detector(stream, spec=spec, until=TEST, config=config)
        seconds.append(time.perf_counter() - started)
        found: dict[str, Any] = {"lstm": {}, "z_score": {}}
        for kind in KINDS:
            changed, corrupted = corrupt(orders, kind, seed=seed)
            found["lstm"][kind] = measure(detector.examine(describe_orders(changed)).score, corrupted, late)
            found["z_score"][kind] = measure(z_scores(changed), corrupted, late)
        runs.append(found)
    mean, spread = mean_and_spread(runs)
    return {**mean, "sd": spread, "orders": int(late.sum()), "seconds_to_train": sum(seconds) / len(seconds)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    figures = run(arguments.data, seeds=arguments.seeds)
    for name in ("lstm", "z_score"):
        told = "   ".join(
            f"{kind} AP {row['ap']:.3f} found {row['recall@100']:.2f}" for kind, row in figures[name].items()
        )
        print(f"{name:10}{told}")
    if arguments.json:
        write_report(arguments.json, figures, seeds=range(arguments.seeds), threads=THREADS)


if __name__ == "__main__":
    main()
