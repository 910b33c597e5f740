"""Real attacks in traces of system calls, found by a detector that saw normal traces alone, beside two counts.

    python -m bench.syscalls --train train.parquet --test test.parquet --json bench/results/syscalls.json

Both files have a row per trace, with the columns `syscalls` (a list of numbers) and `label` (`normal`, or the attack).
`lstm` is what ships: three networks, and the calmest stretch of a trace. `lstm_mean` judges the same networks by the
mean surprise, `lstm_single` asks one network; `ngram` counts (Witten-Bell, six calls) and takes the
mean, `ngram_calmest` the calmest stretch, `nearest` compares tf-idf bags
of pairs of calls. Means over the seeds, spread under `sd`.
"""

import argparse
from pathlib import Path

import pyarrow.parquet as pq
import torch

from bench.report import write_report
from cartveil.insight.decisions.traces import evaluate_traces

THREADS = 1
MEASURES = ("auc", "ap", "tpr@1%", "tpr@5%")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    found = evaluate_traces(
        pq.read_table(arguments.train),
        pq.read_table(arguments.test),
        seeds=range(arguments.seeds),
        on_progress=lambda text: print(text, flush=True),
    )
    print(f"{'':14}" + "".join(f"{name:>9}" for name in MEASURES))
    for model, figures in found.figures.items():
        print(f"{model:14}" + "".join(f"{figures[name]:9.3f}" for name in MEASURES))
    if arguments.json:
        write_report(arguments.json, found.to_dict(), seeds=range(arguments.seeds), threads=THREADS)


if __name__ == "__main__":
    main()
