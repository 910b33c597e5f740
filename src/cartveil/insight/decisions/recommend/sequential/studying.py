"""How the LSTM of a plain sequence recommender learns from histories, and how long that will take."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend.sequential.config import SequenceConfig
from cartveil.insight.decisions.recommend.sequential.cosine import CosineNextItem
from cartveil.insight.decisions.recommend.sequential.crossing import Spread, spread_over
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories
from cartveil.insight.decisions.recommend.sequential.lessons import lesson_of, shuffled_rows, steps_of
from cartveil.insight.decisions.recommend.sequential.networks import Network, Shape, build
from cartveil.insight.decisions.recommend.sequential.transitions import Counting, count_companions
from cartveil.insight.training.devices import PlacedLoss, device_of
from cartveil.insight.training.lessons import Lesson
from cartveil.insight.training.loop import Epoch, fit

#: Fewer histories of two items and more teach a network nothing.
FEWEST_HISTORIES = 50

#: How the neighbours are counted that targets are spread over: either may have come first.
_AROUND = Counting(backward=1.0, given=0.3, popular=0.3)

#: Neighbours that a target is spread over: so many, or one item in so many of a small catalogue, where everything
#: stands near everything.
_NEAREST, _ONE_IN = 20, 20

#: Steps that are timed before a training begins.
_TIMED = 3


@dataclass(frozen=True)
class _Material:
    """Histories ready to be drawn from: ids (n, steps + 1), lengths (n,), and how targets are spread."""

    ids: np.ndarray
    lengths: np.ndarray
    batch: int
    spread: Spread | None

    @property
    def steps(self) -> int:
        return steps_of(len(self.ids), self.batch)

    def lessons(self, generator: np.random.Generator) -> Iterator[Lesson]:
        for part in shuffled_rows(self.lengths, self.batch, generator):
            yield lesson_of(self.ids[part], self.lengths[part])

    def loss(self, model: CosineNextItem, lesson: Lesson) -> Tensor:
        return model.mean_loss(lesson.batch, lesson.targets, spread=self.spread)


def study(
    past: ItemHistories,
    config: SequenceConfig,
    *,
    judge: Callable[[Network], float] | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> tuple[Network, tuple[Epoch, ...]]:
    """Train the network.

    Args:
        past: What may be learned from, one history of each consumer.
        config: See `SequenceConfig`.
        judge: Network -> score; the best epoch is kept. None keeps the last.
        on_epoch: Called after every epoch.
        on_progress: Told how long it will take, before it begins.

    Raises:
        ModelError: There are too few histories to learn from.
    """
    rows = past.part(np.flatnonzero(past.lengths > 1))
    if len(rows) < FEWEST_HISTORIES:
        raise ModelError(
            "too few histories to learn from",
            hint=f"{FEWEST_HISTORIES} of two items before the last visit are the least",
        )
    shape = Shape(past.item_count, config.hidden, config.dropout, config.steps, private=False, memory=config.memory)
    torch.manual_seed(config.training.seed)
    model = build(shape)
    if not isinstance(model, CosineNextItem):
        raise ModelError("a plain network was asked for")
    network = Network(shape, model)
    material = _material(rows, config)
    on_progress(_how_long(model, material, config))
    epochs = fit(
        model,
        lambda trained, lesson: material.loss(trained, lesson),
        batches=material.lessons,
        steps=material.steps,
        validate=None if judge is None else lambda _: judge(network),
        config=config.training,
        on_epoch=on_epoch,
    )
    return network, epochs


def _material(rows: ItemHistories, config: SequenceConfig) -> _Material:
    lengths = np.minimum(rows.lengths, config.steps + 1)
    nearest = min(_NEAREST, rows.item_count // _ONE_IN)
    wished = config.spread > 0 and nearest > 0
    spread = spread_over(count_companions(rows, _AROUND), config.spread, at_most=nearest) if wished else None
    return _Material(rows.padded(config.steps + 1), lengths, config.batch, spread)


def _how_long(model: CosineNextItem, material: _Material, config: SequenceConfig) -> str:
    """Say how long a training should take, from a few steps that teach nothing."""
    started = time.perf_counter()
    loss = PlacedLoss(material.loss, device_of(model), config.training.precision)
    with torch.random.fork_rng(devices=[]):
        lessons = list(islice(material.lessons(np.random.default_rng(0)), 1 + _TIMED))
        for number, lesson in enumerate(lessons):
            # The first step is not timed: it also prepares what the others find ready.
            started = time.perf_counter() if number <= 1 else started
            loss(model, lesson).backward()  # type: ignore[no-untyped-call]
        each = (time.perf_counter() - started) / max(len(lessons) - 1, 1)
    model.zero_grad(set_to_none=True)
    minutes = each * material.steps * config.training.epochs / 60
    return f"the network learns from {len(material.ids):,} histories in about {max(1, round(minutes))} min"
