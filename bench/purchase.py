"""Who buys within four weeks, in UCI Online Retail: calibrated probabilities beside counts.

    python -m bench.purchase --data src/cartveil/faces/demo/data/online_retail.parquet --json FILE [--seeds N]

Asked on two days, four and eight weeks before the data end, of everybody who had bought before; each model is trained
and calibrated anew on what was known that day. Rows kept: quantity and price above 0, a customer, no cancelled invoice,
a stock code that begins with five digits. Intervals resample consumers.
"""

import argparse
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from bench.next_basket import protected
from bench.report import write_report
from cartveil.insight.decisions.purchase import evaluate_purchase


def main() -> None:
    """Run the protocol, print its table, write its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = range(arguments.seeds)
    events = protected(pq.read_table(arguments.data)).table
    found = evaluate_purchase(events, seeds=seeds, on_progress=lambda line: print(line, flush=True))
    figures = found.to_dict()
    print(table(figures, found.figures))
    if arguments.json:
        write_report(arguments.json, figures, seeds=seeds, threads=arguments.threads)


def table(figures: dict[str, Any], models: Any) -> str:
    """Return the figures as lines for people."""
    names = ("brier", "log_loss", "calibration_error", "auc", "said", "came_true")
    lines = [f"{'':20}" + "".join(f"{name.replace('_', ' '):>19}" for name in names)]
    lines += [f"{model:20}" + "".join(f"{figures[model][name]:19.4f}" for name in names) for model in models]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
