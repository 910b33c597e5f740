"""Misuse of access: learn on clean days of an audit log, judge the days after, beside rules, counts and volume.

    python -m bench.misuse --data FOLDER --json FILE [--scores FILE] [--seeds N] [--network]

FOLDER holds events.parquet and labels.parquet, and meta.json with `test_start` where the first 60% of the days are
not what is learnt from. --scores gets event_id and score of what ships, under the first seed. `lstm` is what ships:
counts against habit, rules, and a judge with an LSTM; `no_recurrence` is the same with a judge that remembers no
earlier event, `no_second_stage` without a judge, `counts` without rules too; `rules` and `volume` stand alone.
--network adds `network`: counts and rules beside a network that expects the next event, without a judge, which takes
longest to train. Labels are for scoring only.
"""

import argparse
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from bench.labelled import labelled_events
from bench.report import write_report
from cartveil.insight.decisions.watch.misuse import evaluate_misuse


def main() -> None:
    """Run the protocol, print its table, write its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = range(arguments.seeds)
    kept = (lambda scores: pq.write_table(scores, arguments.scores)) if arguments.scores else (lambda _: None)
    found = evaluate_misuse(
        labelled_events(arguments.data),
        seeds=seeds,
        network=arguments.network,
        on_progress=lambda line: print(line, flush=True),
        on_scores=kept,
    )
    figures = found.to_dict()
    print(table(figures, list(found.figures)))
    write_report(arguments.json, figures, seeds=seeds, threads=arguments.threads)


def table(figures: dict[str, Any], names: list[str]) -> str:
    """Return the figures for people, a detector a line."""
    lines = [f"{'detector':<18}{'AP':>8}{'found @5':>10}{'found @20':>11}{'leaked @20':>12}{'precision @20':>15}"]
    for name in names:
        each = figures[name]
        lines.append(
            f"{name:<18}{each['average_precision']:>8.3f}{each['at_5']['incident_recall']:>10.2f}"
            f"{each['incident_recall']:>11.2f}{each['leaked_share_mean']:>12.2f}{each['precision']:>15.3f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
