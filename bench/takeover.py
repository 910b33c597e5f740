"""Account takeover: learn on clean days, judge the sessions after, beside rules and counts.

    python -m bench.takeover --data FOLDER --json FILE [--scores FILE] [--seeds N]

FOLDER holds events.parquet and labels.parquet, and meta.json with `test_start` where the first 60% of the days are
not what is learnt from. --scores gets event_id and score of what ships, under the first seed. `lstm` is what ships;
`no_recurrence` is the same without memory of earlier events beyond the columns, `no_second_stage` the surprise of the
next-event network alone. Labels are for scoring only.
"""

import argparse
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from bench.labelled import labelled_events
from bench.report import write_report
from cartveil.insight.decisions.watch.takeover import evaluate_takeover

_SHOWN = (
    "session_average_precision",
    "recall_at_1pct_fpr",
    "recall_at_0.1pct_fpr",
    "incident_recall_1pct",
    "lost_share_01pct",
    "card_precision_100",
)


def main() -> None:
    """Run the protocol, print its table, write its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = range(arguments.seeds)
    kept = (lambda scores: pq.write_table(scores, arguments.scores)) if arguments.scores else (lambda _: None)
    found = evaluate_takeover(labelled_events(arguments.data), seeds=seeds, on_progress=print, on_scores=kept)
    figures = found.to_dict()
    print(table(figures, list(found.figures)))
    write_report(arguments.json, figures, seeds=seeds, threads=arguments.threads)


def table(figures: dict[str, Any], names: list[str]) -> str:
    """Return the figures for people, a detector a line."""
    lines = ["detector          " + "  ".join(f"{name[-20:]:>20}" for name in _SHOWN)]
    for name in names:
        lines.append(f"{name:<18}" + "  ".join(f"{figures[name][measure]:>20.3f}" for measure in _SHOWN))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
