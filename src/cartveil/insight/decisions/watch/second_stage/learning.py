"""How a judge is trained: corrupt the raw log, derive the stream anew, and learn which events were touched.

The corruption comes before the relations, so that a swapped session is new to the account, and the account's own
events after it stand in a past that was tampered with, as they would.
"""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.measures import average_precision
from cartveil.insight.decisions.watch.second_stage.corruptions import Corrupted, Corruption
from cartveil.insight.decisions.watch.second_stage.inputs import Inputs, Rows, learn_inputs
from cartveil.insight.decisions.watch.second_stage.judge import Judge, JudgeConfig, Reading
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.risk import RiskConfig, RiskModel
from cartveil.insight.sequences.streams import StreamSpec, once, seconds_of
from cartveil.insight.training.loop import Epoch, fit

Derive = Callable[[pa.Table], tuple[pa.Table, StreamSpec]]


@dataclass(frozen=True)
class Lesson:
    """Windows of one step of training: events, which were touched (B, T), and which count (B, T)."""

    batch: Batch
    touched: Tensor
    counts: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps of each window."""
        return self.batch.lengths


@dataclass(frozen=True)
class Material:
    """Windows over corrupted copies of the log, and the rows that stand in them.

    Args:
        reading: The windows; copies are laid end to end.
        touched: Which rows were corrupted, (rows,).
        learnt: Which steps are learnt from, (windows, steps).
        checked: Which steps the best epoch is chosen by, (windows, steps).
    """

    reading: Reading
    touched: NDArray[np.bool_]
    learnt: NDArray[np.bool_]
    checked: NDArray[np.bool_]


def train_judge(
    log: pa.Table,
    *,
    derive: Derive,
    corruptions: Sequence[Corruption],
    config: JudgeConfig | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Judge:
    """Train a judge on a clean log and on corrupted copies of it.

    Args:
        log: The raw events of a clean period.
        derive: Log -> stream and spec; the stream keeps the column that the spec calls `index`.
        corruptions: Each makes a copy of the log in which some events are foreign to their actors.
        config: See `JudgeConfig`.
        on_epoch: Called after every epoch.
        on_progress: Told before the corruptions begin how long they and the training will take.

    Raises:
        ModelError: There is no corruption, or none touched an event.
    """
    config = config or JudgeConfig()
    if not corruptions:
        raise ModelError("a judge needs a corruption to tell from clean events", hint="see `corruptions`")
    generator = np.random.default_rng(config.training.seed)
    began = time.perf_counter()
    stream, spec = derive(log)
    seconds = (time.perf_counter() - began) * _derivations(config, len(corruptions))
    on_progress(f"training the judge will take about {seconds:.0f} s")
    log = once(log, spec)
    inputs = learn_inputs(stream, spec)
    copies = []
    for corrupt in [*corruptions] * config.rounds:
        copy = _copy(corrupt(log, generator), derive, spec, inputs=inputs, config=config)
        copies.append(_kept(copy, config.clean, generator))
    material = _joined(copies)
    if not material.touched[material.reading.windows.rows[material.learnt]].any():
        raise ModelError("no corruption touched an event", hint="the clean log is too short for these corruptions")
    model = _fitted(material, inputs, config, on_epoch)
    return Judge(model, spec, inputs, config)


def _derivations(config: JudgeConfig, corruptions: int) -> float:
    """Return how many times as long as describing the log once a training takes."""
    # An epoch reads what is learnt from a copy about half as fast as it was described.
    return config.rounds * corruptions * (1 + 2 * config.clean * config.training.epochs)


def _copy(corrupted: Corrupted, derive: Derive, spec: StreamSpec, *, inputs: Inputs, config: JudgeConfig) -> Material:
    log = corrupted.log
    place = log.column_names.index(spec.index)
    stream, _ = derive(log.set_column(place, spec.index, pa.array(np.arange(log.num_rows))))
    if not stream.num_rows:
        raise ModelError("no event has an actor and a time", hint="look at these columns")
    reading = Reading.of(inputs.rows(stream, spec), config)
    seconds = seconds_of(stream[spec.time])
    judged = seconds >= seconds.min() + config.settling * (seconds.max() - seconds.min())
    held = held_back(stream[spec.actor], config.held_back)
    touched = corrupted.touched[stream[spec.index].to_numpy()][reading.order]
    learnt, checked = (
        reading.windows.fresh & part[reading.order][reading.windows.rows] for part in (judged & ~held, judged & held)
    )
    return Material(reading, touched, learnt, checked)


def _kept(material: Material, share: float, generator: np.random.Generator) -> Material:
    """Keep all windows that hold a touched event, a share of the others, and the rows in them."""
    windows = material.reading.windows
    asked = material.learnt | material.checked
    luck = generator.random(len(asked))
    chosen = (asked & material.touched[windows.rows]).any(1) | (asked.any(1) & (luck < share))
    steps = windows.rows[chosen]
    used = np.unique(steps[steps >= 0])
    rows = material.reading.rows
    kept = Reading(
        Rows(rows.ids[used], rows.numbers[used], rows.actors[used]),
        material.reading.order[used],
        replace(windows, rows=np.where(steps >= 0, np.searchsorted(used, steps), -1), fresh=windows.fresh[chosen]),
    )
    return Material(kept, material.touched[used], material.learnt[chosen], material.checked[chosen])


def held_back(actors: pa.ChunkedArray, share: float) -> NDArray[np.bool_]:
    """Return whose events a judge does not learn from, (rows,); it depends on nothing but the name.

    Args:
        actors: Who acts.
        share: See `JudgeConfig.held_back`.
    """
    names = actors.cast(pa.string()).combine_chunks().dictionary_encode()
    place = np.array([zlib.crc32(name.encode()) for name in names.dictionary.to_pylist()]) / 2.0**32
    return np.asarray(place[names.indices.to_numpy()] < share)


def _joined(copies: list[Material]) -> Material:
    starts = np.cumsum([0, *(len(copy.touched) for copy in copies)])
    all_rows = [copy.reading.rows for copy in copies]
    rows = Rows(*(np.concatenate([getattr(each, name) for each in all_rows]) for name in ("ids", "numbers", "actors")))
    windows = [copy.reading.windows for copy in copies]
    steps = [np.where(each.rows >= 0, each.rows + start, -1) for each, start in zip(windows, starts, strict=False)]
    together = replace(windows[0], rows=np.concatenate(steps), fresh=np.concatenate([each.fresh for each in windows]))
    order = np.concatenate([copy.reading.order for copy in copies])
    parts = (np.concatenate([getattr(copy, name) for copy in copies]) for name in ("touched", "learnt", "checked"))
    return Material(Reading(rows, order, together), *parts)


def _fitted(material: Material, inputs: Inputs, config: JudgeConfig, on_epoch: Callable[[Epoch], None]) -> RiskModel:
    torch.manual_seed(config.training.seed)
    reading, learnt, checked = material.reading, material.learnt, material.checked
    share = float(material.touched[reading.windows.rows[learnt]].mean())
    model = RiskModel(_shape(inputs, config, prior=share))
    cuts = reading.groups(np.flatnonzero(learnt.any(1)), events=config.events)

    def batches(generator: np.random.Generator) -> Iterator[Lesson]:
        yield from (_lesson(material, group, learnt) for group in reading.shuffled(cuts, generator))

    def validate(trained: RiskModel) -> float:
        groups = reading.groups(np.flatnonzero(checked.any(1)), events=4 * config.events)
        return _precision(trained, [_lesson(material, group, checked) for group in groups])

    fit(
        model,
        _loss,
        batches=batches,
        steps=len(cuts),
        validate=validate if checked.any() else None,
        config=config.training,
        on_epoch=on_epoch,
    )
    return model


def _lesson(material: Material, group: NDArray[np.int64], counts: NDArray[np.bool_]) -> Lesson:
    batch = material.reading.batch(group)
    steps = batch.numeric.shape[1]
    touched = material.touched[material.reading.windows.rows[group][:, :steps]]
    return Lesson(batch, torch.from_numpy(touched), torch.from_numpy(counts[group][:, :steps]).float())


def _precision(model: RiskModel, lessons: list[Lesson]) -> float:
    """Return the average precision of the steps that count."""
    counts = [lesson.counts.bool() for lesson in lessons]
    truth = [lesson.touched[counted].numpy() for lesson, counted in zip(lessons, counts, strict=True)]
    odds = [model(lesson.batch)[counted].numpy() for lesson, counted in zip(lessons, counts, strict=True)]
    return average_precision(np.concatenate(truth), np.concatenate(odds))


def _shape(inputs: Inputs, config: JudgeConfig, *, prior: float) -> RiskConfig:
    encoder = EncoderConfig(
        categorical=tuple((f"field_{place}", size) for place, size in enumerate(inputs.sizes)),
        numeric=2 * len(inputs.scales),
        embedding=config.embedding,
        hidden=config.hidden,
        dropout=config.dropout,
    )
    return RiskConfig(encoder, prior=min(max(prior, 1e-4), 0.5))


def _loss(model: RiskModel, lesson: Lesson) -> Tensor:
    return model.losses(lesson.batch, lesson.touched, lesson.counts).sum() / lesson.counts.sum().clamp(min=1)
