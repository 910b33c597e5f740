"""Events a second of plain training: Cartveil beside a bare torch loop, Keras and RecBole, on the same data and sizes.

    python -m bench.training --json bench/results/training.json [--data Beauty.txt] [--recbole PYTHON]

All train an embedding, one recurrent layer and a full softmax over the items with Adam, on the same windows of at most
50 steps, in the same batches of 256 windows of like length. `cartveil` is the whole way from a store of sequences
through `fit`, with the compiled kernel where it is there, `cartveil_torch` the same without it; the others are handed
ready arrays. `torch` is what one writes by hand: `nn.Embedding`, `nn.LSTM`, `nn.Linear`, cross-entropy. `keras` is the
LSTM of Keras 3 on its torch backend. `recbole` is RecBole's GRU4Rec, which learns one target a sequence and so reads
every prefix of a window as a sequence of its own; it wants other packages, so it runs in an interpreter of its own,
named by `--recbole`.

An event is a target that was learnt. One thread, pinned to one core; the variants take turns, and figures are medians
over the turns of a variant's events per second of the processor.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.private_training import pin
from bench.recbole_peer import Peer, version_of
from bench.report import write_report
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.sequences import SequenceStore, write_sequences
from cartveil.insight.sequences.batches import BatchPlan, BatchReader, SequenceBatch, batch_rows
from cartveil.insight.sequences.encoding import EncodingConfig, learn_encoding
from cartveil.insight.sequences.windows import truncated, whole_sequences
from cartveil.insight.training.compiled import CompiledUpdate
from cartveil.insight.training.lessons import mean_loss
from cartveil.insight.training.loop import TrainingConfig, fit
from cartveil.insight.training.reading import Lessons
from cartveil.insight.training.updates import PlainUpdate

STEPS, BATCH, UNITS, RATE = 50, 256, 128, 1e-3
PLAN = BatchPlan(size=BATCH)

#: Trains on some batches once.
Turn = Callable[[], object]


@dataclass(frozen=True)
class Course:
    """What every variant learns from in a turn.

    Args:
        lessons: The windows, as Cartveil reads them.
        batches: The same, read: padded arrays.
        items: Size of the vocabulary V.
    """

    lessons: Lessons
    batches: list[SequenceBatch]
    items: int

    @property
    def events(self) -> int:
        """Return how many targets a turn has."""
        return int(sum(batch["weights"].sum() for batch in self.batches))

    @property
    def whole(self) -> list[np.ndarray]:
        """Return the ids of the windows, their last included, (B, T + 1) each."""
        return [
            self.lessons.reader.batch(self.lessons.windows.take(batch["window"]), targets=False)["ids"]
            for batch in self.batches
        ]


def course_of(store: SequenceStore, *, batches: int, seed: int = 0) -> Course:
    """Draw so many batches from a pass over the store, whose batches are of like length already."""
    windows = truncated(whole_sequences(store), at_most=STEPS + 1)
    reader = BatchReader(store, learn_encoding(store, windows, config=EncodingConfig(gap=False)))
    rng = np.random.default_rng(seed)
    every = [rows for rows in batch_rows(windows, plan=PLAN, random=rng) if len(rows) == BATCH]
    rows = np.concatenate([every[number] for number in rng.permutation(len(every))[:batches]])
    chosen = windows.take(np.sort(rows))
    read = list(reader.batches(chosen, plan=PLAN, random=rng))
    return Course(Lessons(reader, chosen, PLAN), read, reader.encoding.vocabularies[0][1].size)


def cartveil_turn(course: Course, *, compiled: bool = True) -> Turn:
    """Return Cartveil's own loop, from the store on."""
    torch.manual_seed(0)
    encoder = EncoderConfig((("item", course.items),), embedding=UNITS, hidden=UNITS, dropout=0.0, project=False)
    model = NextItem(NextItemConfig(encoder, course.items))
    config = TrainingConfig(epochs=1, learning_rate=RATE)
    update = CompiledUpdate() if compiled else PlainUpdate()

    def turn() -> object:
        lessons = course.lessons
        return fit(
            model,
            mean_loss,
            batches=lessons.batches,
            steps=len(course.batches),
            validate=None,
            config=config,
            update=update,
        )

    return turn


class Stock(nn.Module):
    """Embedding, LSTM and linear layer as PyTorch has them."""

    def __init__(self, items: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(items, UNITS, padding_idx=0)
        self.lstm = nn.LSTM(UNITS, UNITS, batch_first=True)
        self.head = nn.Linear(UNITS, items)

    def forward(self, ids: Tensor) -> Tensor:
        """Return scores of all items after every step, (B, T, V)."""
        scores: Tensor = self.head(self.lstm(self.embedding(ids))[0])
        return scores


def torch_turn(course: Course) -> Turn:
    """Return the loop that one writes by hand."""
    torch.manual_seed(0)
    model = Stock(course.items)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    ready = [(torch.from_numpy(batch["ids"]), torch.from_numpy(batch["targets"])) for batch in course.batches]

    def turn() -> None:
        for ids, targets in ready:
            optimizer.zero_grad()
            functional.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), ignore_index=0).backward()
            optimizer.step()

    return turn


def keras_turn(course: Course) -> Turn:
    """Return Keras' own training step."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras  # reads the environment

    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Embedding(course.items, UNITS),
        keras.layers.LSTM(UNITS, return_sequences=True),
        keras.layers.Dense(course.items),
    ]
    model = keras.Sequential([keras.Input((None,), dtype="int64"), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss=loss)
    ready = [(batch["ids"], batch["targets"], batch["weights"]) for batch in course.batches]

    def turn() -> None:
        for ids, targets, weights in ready:
            model.train_on_batch(ids, targets, sample_weight=weights)

    return turn


def measured(course: Course, turns: Mapping[str, Turn], peer: Peer | None, *, rounds: int) -> dict[str, list[float]]:
    """Return events per second of the processor of each variant, turn by turn, after one that does not count."""
    found: dict[str, list[float]] = {name: [] for name in (*turns, *(["recbole"] if peer else []))}
    for number in range(rounds + 1):
        for name in found:
            speed = peer.events_per_second() if peer and name == "recbole" else course.events / _seconds(turns[name])
            if number:
                found[name].append(speed)
    return found


def _seconds(turn: Turn) -> float:
    started = time.process_time()
    turn()
    return time.process_time() - started


def events_of(data: Path | None, *, items: int = 10_000, seed: int = 0) -> pa.Table:
    """Return the events of a file with a consumer a line, its items in order; without one 4,000 made-up sequences."""
    if data is None:
        drawn = np.random.default_rng(seed).integers(0, items, (4_000, STEPS + 1)).astype("U")
        lines = [[str(number), *row] for number, row in enumerate(drawn.tolist())]
    else:
        lines = [line.split() for line in data.read_text(encoding="utf-8").splitlines()]
    return pa.table(
        {
            "subject": pa.array([line[0] for line in lines for _ in line[1:]], pa.string()),
            "time": pa.array([when for line in lines for when in range(len(line) - 1)], pa.int64()),
            "item": pa.array([item for line in lines for item in line[1:]], pa.string()),
        }
    )


def figures(course: Course, found: Mapping[str, list[float]]) -> dict[str, Any]:
    """Return medians, and each variant's speed over the bare loop's, turn by turn."""
    over = {
        name: statistics.median(one / other for one, other in zip(speeds, found["torch"], strict=True))
        for name, speeds in found.items()
    }
    steps = [batch["lengths"] for batch in course.batches]
    return {
        "events_per_second": {name: round(statistics.median(speeds)) for name, speeds in found.items()},
        "over_torch": {name: round(ratio, 2) for name, ratio in over.items()},
        "turn": {
            "batches": len(course.batches),
            "events": course.events,
            "mean_steps": round(float(np.concatenate(steps).mean()), 1),
            "items": course.items,
        },
    }


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a consumer a line: name, then items in order")
    parser.add_argument("--recbole", type=Path, help="a Python interpreter that has RecBole")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=2, help="batches of a turn")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pin()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        course = course_of(write_sequences(events_of(given.data), folder / "store"), batches=given.batches)
        turns = {
            "cartveil": cartveil_turn(course),
            "cartveil_torch": cartveil_turn(course, compiled=False),
            "torch": torch_turn(course),
            "keras": keras_turn(course),
        }
        peer = stack.enter_context(Peer(given.recbole, course.whole, items=course.items)) if given.recbole else None
        told = figures(course, measured(course, turns, peer, rounds=given.rounds))
    told |= {"data": given.data.name if given.data else "made up", "rounds": given.rounds}
    told |= {"peers": {"keras": version("keras"), "recbole": version_of(given.recbole) if given.recbole else None}}
    for name, speed in told["events_per_second"].items():
        print(f"{name:<16}{speed:>10,} events a second{told['over_torch'][name]:>8.2f} times the bare loop")
    if given.json:
        write_report(given.json, told, seeds=[0], threads=1)


if __name__ == "__main__":
    main()
