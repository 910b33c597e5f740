"""What a forecaster learns from: for every item and period, what was known then and what came after."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.forecast.horizon import LEVELS, target_sums, unit_of
from cartveil.insight.decisions.forecast.statics import (
    Ids,
    Vocabulary,
    forgotten,
    ids_of,
    vocabularies_of,
)
from cartveil.insight.models.counts import CountModel, counts_of
from cartveil.insight.models.encoder import Batch
from cartveil.insight.sequences.levels import Levels, levels_of
from cartveil.insight.sequences.series import DemandSeries

#: An item's forecast is learnt from once the data reaches this many periods back.
WARM_UP = 4
#: Steps that an epoch should have at least, and series that a step has at least.
STEPS, FEWEST = 32, 8


@dataclass(frozen=True)
class Lesson:
    """Series of one step of training.

    Args:
        batch: What was known.
        scale: Typical counts, (B, T).
        actual: Counts that came, (B, T, targets).
        weight: What each weighs, (B, T, targets); 0 where nothing is known.
    """

    batch: Batch
    scale: Tensor
    actual: Tensor
    weight: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps of each series, (B,)."""
        return self.batch.lengths


@dataclass(frozen=True)
class Plan:
    """What is learnt from series, and what each lesson counts.

    Args:
        horizon: Periods ahead.
        emphasis: Weight of a lesson is the item's scale to this power: 1 counts units, 0 counts items.
        memory: Periods after which a lesson weighs 1/e.
        identify: Give every item an id of its own.
        size: Series per step, at most; fewer where there are few series, so that there are steps enough.
    """

    horizon: int
    emphasis: float
    memory: float
    identify: bool
    size: int


@dataclass(frozen=True)
class Lessons:
    """All series of a training.

    Args:
        levels: What was known of each item at each period.
        ids: What each item is.
        vocabularies: Of the ids.
        counts: Demand in units of counting, NaN unknown, (I, W).
        weight: Weight of each period's lessons, 0 where there is none, (I, W).
        unit: What demand is counted in; see `unit_of`.
        plan: See `Plan`.
    """

    levels: Levels
    ids: Ids
    vocabularies: tuple[Vocabulary, ...]
    counts: NDArray[np.float32]
    weight: NDArray[np.float32]
    unit: float
    plan: Plan

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Return the items that anything can be learnt from."""
        after = np.isfinite(self.counts[:, ::-1]).cumsum(1)[:, ::-1]  # known periods from each on
        later = np.pad(after[:, 1:], ((0, 0), (0, 1))) > 0
        return np.flatnonzero((self.weight * later).any(axis=1))

    @property
    def size(self) -> int:
        """Return how many series a step learns from."""
        return min(self.plan.size, max(FEWEST, len(self.rows) // STEPS))

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has."""
        return -(-len(self.rows) // self.size)

    def batches(self, generator: np.random.Generator) -> Iterator[Lesson]:
        """Yield every series once, in a fresh order."""
        order = generator.permutation(self.rows)
        for begin in range(0, len(order), self.size):
            yield self.lesson(order[begin : begin + self.size], generator)

    def lesson(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Lesson:
        """Return the lesson of some items, of which the generator chooses some to be unknown."""
        ids = forgotten({field: own[rows] for field, own in self.ids.items()}, generator)
        actual = target_sums(self.counts[rows], horizon=self.plan.horizon)  # (B, T, targets)
        weight = self.weight[rows, :, None] * np.isfinite(actual)
        return Lesson(
            batch_of(self.levels.features[rows], ids),
            torch.from_numpy(self.levels.scale[rows] / np.float32(self.unit)),
            torch.from_numpy(np.nan_to_num(actual)),
            torch.from_numpy(weight.astype(np.float32)),
        )


def lessons_of(demand: DemandSeries, plan: Plan) -> Lessons:
    """Lay out what can be learnt from the periods of `demand`.

    Args:
        demand: Only periods that may be learnt from.
        plan: See `Plan`.

    Raises:
        ModelError: Nothing was ever sold, or there are too few periods.
    """
    periods = demand.demand.shape[1]
    if periods <= WARM_UP:
        hint = f"at least {WARM_UP + 1} whole {demand.period}s are needed; use `RecentQuantiles` until then"
        raise ModelError(f"{periods} whole {demand.period}s are too few to learn from", hint=hint)
    if not (demand.demand > 0).any():
        raise ModelError("no item was ever sold", hint="check the `quantity` column")
    levels = levels_of(demand)
    age = np.arange(periods)
    useful = (age[None] >= levels.started[:, None]) & (age[None] >= WARM_UP - 1)  # (I, W)
    weight = levels.scale**plan.emphasis * useful * np.exp((age - periods) / plan.memory)[None]  # (I, W)
    unit = unit_of(demand.demand)
    counts = np.round(demand.demand / unit).astype(np.float32)
    vocabularies = vocabularies_of(demand, identify=plan.identify)
    ids = ids_of(demand, vocabularies)
    return Lessons(levels, ids, vocabularies, counts, weight.astype(np.float32), unit, plan)


def batch_of(features: NDArray[np.float32], ids: Ids) -> Batch:
    """Return items as the encoder takes them.

    Args:
        features: (B, T, F).
        ids: Field -> id of each item, (B,).
    """
    items, steps = features.shape[:2]
    wide = {field: torch.from_numpy(own)[:, None].expand(-1, steps) for field, own in ids.items()}  # (B, T)
    return Batch(wide, {}, torch.from_numpy(features), torch.full((items,), steps))


def count_loss(model: CountModel, lesson: Lesson) -> Tensor:
    """Return minus the mean log-likelihood of what came, by weight."""
    raw = model(lesson.batch)  # (B, T, targets, 3K + 1)
    chance = counts_of(raw, lesson.scale).log_chance(lesson.actual)  # (B, T, targets)
    return -(chance * lesson.weight).sum() / lesson.weight.sum().clamp(min=1e-6)


def predict(model: CountModel, levels: Levels, ids: Ids, *, unit: float = 1.0, size: int = 512) -> NDArray[np.float64]:
    """Return what the last period leads a model to expect.

    Args:
        model: It is put in evaluation mode.
        levels: What is known.
        ids: What each item is.
        unit: What was counted in training.
        size: Series at once.

    Returns:
        Quantiles of the count plus a uniform number (see `Counts.jittered`), (I, targets, levels); for an item that
        never sold those of a count that is zero for sure.
    """
    shape = (len(levels.features), model.config.targets, len(LEVELS))
    answer = np.broadcast_to(np.array(LEVELS), shape).copy()
    sold = np.flatnonzero(levels.started < levels.features.shape[1])
    model.eval()
    with torch.no_grad():
        for begin in range(0, len(sold), size):
            rows = sold[begin : begin + size]
            batch = batch_of(levels.features[rows], {field: own[rows] for field, own in ids.items()})
            scale = torch.from_numpy(levels.scale[rows, -1] / np.float32(unit))
            answer[rows] = counts_of(model(batch)[:, -1], scale).jittered(LEVELS).numpy()  # (B, targets, levels)
    return answer
