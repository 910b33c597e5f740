"""Personal information in text: exact places, what is covered, and false alarms, trained per task from given files.

    python -m bench.pii --task waybill --train train.txt --test dev.txt --json bench/results/pii_waybill.json
    python -m bench.pii --task waybill --test dev.txt --shipped

`--shipped` asks the finder that ships with Cartveil, which learnt from none of these files. `--clean` names a Parquet
file with a column `review` of texts without anybody in them, for the false alarms; without it they are counted on
sentences from templates that nothing is learnt from. Figures are means over the seeds, spread under `sd`.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from bench.pii_configs import config_of
from bench.pii_districts import district_accuracy
from bench.pii_files import READERS
from bench.pii_ordinary import ordinary_texts
from bench.pii_waybills import rearranged
from bench.report import mean_and_spread, write_report
from cartveil.insight.decisions.finder.examples import Example, Found
from cartveil.insight.decisions.finder.learning import train_tagger
from cartveil.insight.decisions.finder.measures import false_alarms_per_1000, measure
from cartveil.insight.decisions.finder.tagger import Tagger

THREADS = 1

#: Tasks that a module of their own trains and scores.
OWN = {"presidio_synth": "bench.pii_english", "wnut17": "bench.pii_english", "reviews_zh": "bench.pii_reviews"}

#: Ordinary texts to learn from for each waybill, of which no character is outside a label.
_ORDINARY = 0.25

#: Clean texts that false alarms are counted on.
_CLEAN = 2_000


@dataclass(frozen=True)
class Job:
    """What is to be scored.

    Args:
        task: Its name.
        train: Labelled files; more than one are joined.
        test: The file to score.
        shipped: Ask the finder that ships.
        seeds: How many trainings.
        clean: Parquet file with texts that hold nothing.
    """

    task: str
    train: tuple[Path, ...]
    test: Path
    shipped: bool = False
    seeds: int = 3
    clean: Path | None = None


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=[*READERS, *OWN], required=True)
    parser.add_argument("--train", type=Path, nargs="+", default=[])
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clean", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not (given.train or given.shipped or given.task == "reviews_zh"):
        parser.error("name the files to learn from with --train, or ask for --shipped")
    torch.set_num_threads(THREADS)
    job = Job(given.task, tuple(given.train), given.test, given.shipped, given.seeds, given.clean)
    figures = evaluate(job)
    _show(figures)
    if given.json:
        seeds = () if job.shipped else range(job.seeds)
        write_report(given.json, {"task": job.task, **figures}, seeds=seeds, threads=THREADS)


def evaluate(job: Job) -> dict[str, Any]:
    """Return the figures of a job, as its task has them scored."""
    if job.task in OWN:
        found: dict[str, Any] = import_module(OWN[job.task]).evaluate(job)
        return found
    examples = READERS[job.task](job.test)
    if job.shipped:
        from bench.pii_shipped import shipped_finder

        return scored(shipped_finder(job.task), examples, job)
    learnt = [example for path in job.train for example in READERS[job.task](path)]
    if job.task == "waybill":
        learnt += rearranged(learnt, len(learnt))
        learnt += [Example(text) for text in ordinary_texts(int(len(learnt) * _ORDINARY))]
    runs = [_trained_and_scored(job, learnt, examples, seed) for seed in range(job.seeds)]
    mean, spread = mean_and_spread(runs)
    return {**mean, "sd": spread}


def scored(find: Callable[[Sequence[str]], list[list[Found]]], examples: Sequence[Example], job: Job) -> dict[str, Any]:
    """Return the figures of whatever finds places in texts.

    Args:
        find: Texts -> what was found in each.
        examples: Texts with what is there.
        job: Names the clean texts and the task.
    """
    texts = [example.text for example in examples]
    find(texts[:2])  # tables are made when they are first asked for
    started = time.perf_counter()
    found = find(texts)
    seconds = time.perf_counter() - started
    figures = measure(examples, found)
    figures["false_alarms_per_1000"] = false_alarms_per_1000(find(clean_texts(job.clean)))
    figures["characters_per_second"] = sum(map(len, texts)) / seconds
    if job.task == "address_sutd":
        figures.update(district_accuracy(examples))
    return figures


def clean_texts(path: Path | None) -> list[str]:
    """Return texts without anybody in them: real ones from a file, or made ones."""
    if path is None:
        return ordinary_texts(_CLEAN, judged=True, seed=1)
    texts: list[str] = pq.read_table(path, columns=["review"])["review"].to_pylist()[:_CLEAN]
    return [text for text in texts if text]


def _trained_and_scored(job: Job, learnt: Sequence[Example], examples: Sequence[Example], seed: int) -> dict[str, Any]:
    started = time.perf_counter()
    tagger: Tagger = train_tagger(
        learnt,
        config=config_of(job.task, seed=seed),
        on_epoch=lambda epoch: print(f"epoch {epoch.number}: {epoch.score:.4f}, {epoch.seconds:.0f} s", flush=True),
        on_progress=lambda text: print(text, flush=True),
    )
    return {**scored(tagger.tag, examples, job), "training_seconds": time.perf_counter() - started}


def _show(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        if isinstance(value, dict):
            numbers = [f"{key} {number:.3f}" for key, number in value.items() if not isinstance(number, dict)]
            print(f"{name}: {', '.join(numbers)}")
        else:
            print(f"{name}: {value:.4g}")


if __name__ == "__main__":
    main()
