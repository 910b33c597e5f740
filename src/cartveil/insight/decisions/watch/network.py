"""The next-event network of a detector: a stream as numbers, its training, and the surprise of each event."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.insight.decisions.watch.coding import Coding
from cartveil.insight.decisions.watch.windows import Windows, windows_of
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.fields import FieldsConfig, FieldsModel
from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.streams import StreamSpec
from cartveil.insight.training.loop import Epoch, TrainingConfig, fit


@dataclass(frozen=True)
class DetectorConfig:
    """How to train a detector.

    Args:
        hidden: Units of the LSTM.
        embedding: Units per field.
        dropout: Share of units dropped in training.
        steps: Events per window.
        overlap: Events of a window that only warm the encoder up.
        events: Events per step of training, padding included.
        held_back: Last share of the training period, for calibration and early stopping.
        threshold: Evidence below which a field says nothing, in powers of ten.
        network: Whether a network that expects the next event is trained; without it only what can be counted speaks.
        training: See `TrainingConfig`.
    """

    hidden: int = 64
    embedding: int = 12
    dropout: float = 0.1
    steps: int = 64
    overlap: int = 16
    events: int = 1024
    held_back: float = 0.3
    threshold: float = 1.0
    network: bool = True
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=10, learning_rate=5e-3, patience=3))


#: Steps that are timed before training.
_PROBES = 3


@dataclass(frozen=True)
class Lesson:
    """Windows of one step of training: what was known, what came, and which steps count."""

    batch: Batch
    actual: Tensor
    counts: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps of each window."""
        return self.batch.lengths


@dataclass(frozen=True)
class Coded:
    """A stream as numbers, in order of time; `order` leads to the rows of its windows."""

    ids: NDArray[np.int64]
    roles: NDArray[np.int64]
    actors: NDArray[np.int64]
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    order: NDArray[np.int64]

    @classmethod
    def of(cls, stream: pa.Table, spec: StreamSpec, coding: Coding) -> "Coded":
        """Code a stream that stands in order of time."""
        actors = keys_of(stream[spec.actor])
        order = np.argsort(actors, kind="stable")
        # Numbered, since a column may have any name and a module's part may not.
        names = tuple(f"field_{place}" for place in range(len(spec.described)))
        return cls(
            coding.ids(stream, spec),
            coding.role_ids(stream, spec),
            actors,
            names,
            coding.sizes,
            order,
        )

    def windows(self, config: DetectorConfig) -> Windows:
        """Cut the stream into windows, by actor and time."""
        return windows_of(
            self.ids[self.order],
            self.roles[self.order],
            self.actors[self.order],
            steps=config.steps,
            overlap=config.overlap,
        )


def fit_network(
    coded: Coded,
    held: NDArray[np.bool_],
    config: DetectorConfig,
    *,
    on_epoch: Callable[[Epoch], None],
    on_progress: Callable[[str], None],
) -> FieldsModel:
    """Train the network on the events that are not held back, and stop by those that are; say first how long."""
    torch.manual_seed(config.training.seed)
    fields = tuple(zip(coded.names, coded.sizes, strict=True))
    shape = EncoderConfig(
        categorical=(*fields, ("role", int(coded.roles.max()) + 3)),
        embedding=config.embedding,
        hidden=config.hidden,
        dropout=config.dropout,
    )
    model = FieldsModel(FieldsConfig(shape, fields))
    windows, later = coded.windows(config), held[coded.order]
    learnt = windows.fresh & ~later[windows.rows]
    checked = windows.fresh & later[windows.rows]
    cuts = windows.cuts(np.flatnonzero(learnt.any(1)), events=config.events)

    def batches(generator: np.random.Generator) -> Iterator[Lesson]:
        groups = windows.shuffled(cuts, generator)
        yield from (_lesson(windows, learnt, group, coded.names) for group in groups)

    def validate(trained: FieldsModel) -> float:
        groups = windows.cuts(np.flatnonzero(checked.any(1)), events=4 * config.events)
        lessons = [_lesson(windows, checked, group, coded.names) for group in groups]
        total = sum(float(_loss(trained, lesson)) * float(lesson.counts.sum()) for lesson in lessons)
        return -total / max(1.0, sum(float(lesson.counts.sum()) for lesson in lessons))

    each = _seconds_of_a_step(model, list(islice(batches(np.random.default_rng(0)), _PROBES)))
    on_progress(f"training the network will take about {each * len(cuts) * config.training.epochs:.0f} s at most")
    fit(
        model,
        _loss,
        batches=batches,
        steps=len(cuts),
        validate=validate,
        config=config.training,
        on_epoch=on_epoch,
    )
    return model


def _seconds_of_a_step(model: FieldsModel, lessons: Sequence[Lesson]) -> float:
    """Return about how long a step of training takes, on a copy of the model; what is drawn later stays the same."""
    probe = copy.deepcopy(model).train()
    with torch.random.fork_rng(devices=()):
        began = time.perf_counter()
        for lesson in lessons:
            _loss(probe, lesson).backward()  # type: ignore[no-untyped-call]
    return (time.perf_counter() - began) / max(len(lessons), 1)


def _lesson(windows: Windows, counts: NDArray[np.bool_], chosen: NDArray[np.int64], names: tuple[str, ...]) -> Lesson:
    batch, actual = windows.batch(chosen, names)
    return Lesson(batch, actual, torch.from_numpy(counts[chosen][:, : actual.shape[1]]))


def _loss(model: FieldsModel, lesson: Lesson) -> Tensor:
    surprise = model.surprise(lesson.batch, lesson.actual).sum(-1)  # (B, T)
    return (surprise * lesson.counts).sum() / lesson.counts.sum().clamp(min=1)


def network_surprise(model: FieldsModel, coded: Coded, config: DetectorConfig) -> NDArray[np.float32]:
    """Return the surprise of each field in nats, in order of time, (rows, fields)."""
    windows = coded.windows(config)
    surprise = np.zeros(coded.ids.shape, dtype=np.float32)
    model.eval()
    with torch.no_grad():
        for some in windows.cuts(np.arange(len(windows.rows)), events=4 * config.events):
            batch, actual = windows.batch(some, coded.names)
            found = model.surprise(batch, actual).numpy()  # (B, T, fields)
            fresh = windows.fresh[some][:, : actual.shape[1]]
            surprise[coded.order[windows.rows[some][:, : actual.shape[1]][fresh]]] = found[fresh]
    return surprise
