"""What a forecaster learns from: for every item and week, what was known then and what came after."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.forecast.horizon import LEVELS, TARGETS, target_sums
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.quantiles import QuantileModel, pinball
from cartveil.insight.sequences.levels import Levels, levels_of
from cartveil.insight.sequences.weekly import WeeklyDemand

#: An item's forecast is learnt from once the data reaches this many weeks back.
WARM_UP = 4


@dataclass(frozen=True)
class Lesson:
    """Series of one step of training: what was known (B, T), what came (B, T, targets), what it weighs."""

    batch: Batch
    actual: Tensor
    weight: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps of each series, (B,)."""
        return self.batch.lengths


@dataclass(frozen=True)
class Lessons:
    """All series of a training.

    Args:
        levels: What was known of each item at each week.
        actual: What each target came to, in the item's scale of that week, NaN unknown, (I, W, targets).
        weight: Weight of each lesson, 0 where there is none, (I, W, targets).
        size: Series per step.
    """

    levels: Levels
    actual: NDArray[np.float32]
    weight: NDArray[np.float32]
    size: int

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return the items that anything can be learnt from."""
        return np.flatnonzero(self.weight.any(axis=(1, 2)))

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has."""
        return -(-len(self.rows) // self.size)

    def batches(self, generator: np.random.Generator) -> Iterator[Lesson]:
        """Yield every series once, in a fresh order."""
        order = generator.permutation(self.rows)
        for begin in range(0, len(order), self.size):
            rows = order[begin : begin + self.size]
            actual, weight = torch.from_numpy(self.actual[rows]), torch.from_numpy(self.weight[rows])
            yield Lesson(batch_of(self.levels, rows), torch.nan_to_num(actual), weight)


def lessons_of(demand: WeeklyDemand, *, emphasis: float, memory: float, size: int) -> Lessons:
    """Lay out what can be learnt from the weeks of `demand`.

    Args:
        demand: Only weeks that may be learnt from.
        emphasis: Weight of a lesson is the item's scale to this power: 1 counts units, 0 counts items.
        memory: Weeks after which a lesson weighs 1/e.
        size: Series per step.

    Raises:
        ModelError: Nothing was ever sold, or there are too few weeks.
    """
    levels = levels_of(demand)
    weeks = demand.demand.shape[1]
    if weeks <= WARM_UP:
        hint = f"at least {WARM_UP + 1} whole weeks are needed; use `RecentQuantiles` until then"
        raise ModelError(f"{weeks} whole weeks are too few to learn from", hint=hint)
    if not demand.demand.any():
        raise ModelError("no item was ever sold", hint="check the `quantity` column")
    actual = target_sums(demand.demand) / levels.scale[..., None]  # (I, W, targets)
    age = np.arange(weeks)
    useful = (age[None] >= levels.started[:, None]) & (age[None] >= WARM_UP - 1)  # (I, W)
    weight = levels.scale**emphasis * useful * np.exp((age - weeks) / memory)[None]  # (I, W)
    return Lessons(levels, actual, (weight[..., None] * np.isfinite(actual)).astype(np.float32), size)


def batch_of(levels: Levels, rows: NDArray[np.int64]) -> Batch:
    """Return the features of some items as the encoder takes them."""
    features = torch.from_numpy(levels.features[rows])  # (B, T, F)
    return Batch({}, {}, features, torch.full((len(rows),), features.shape[1]))


def quantile_loss(model: QuantileModel, lesson: Lesson) -> Tensor:
    """Return the weighted quantile loss of one step, in the measure that forecasts are scored with."""
    quantiles = model(lesson.batch)  # (B, T, targets, levels)
    missed = pinball(quantiles, lesson.actual, torch.tensor(LEVELS)).mean(-1)  # (B, T, targets)
    # A sum over four weeks is four times as large: each target counts alike.
    size = torch.tensor([end - begin for begin, end in TARGETS], dtype=torch.float32)
    sold = (lesson.actual / size * lesson.weight).sum().clamp(min=1e-6)
    return 2 * (missed / size * lesson.weight).sum() / sold


def predict(model: QuantileModel, levels: Levels, *, size: int = 512) -> NDArray[np.float32]:
    """Return quantiles (I, targets, levels) after the last week; zeros for an item that never sold."""
    answer = np.zeros((len(levels.features), len(TARGETS), len(LEVELS)), dtype=np.float32)
    sold = np.flatnonzero(levels.started < levels.features.shape[1])
    model.eval()
    with torch.no_grad():
        for begin in range(0, len(sold), size):
            rows = sold[begin : begin + size]
            quantiles = model(batch_of(levels, rows))[:, -1].clamp(min=0)  # (B, targets, levels)
            answer[rows] = quantiles.numpy() * levels.scale[rows, -1, None, None]
    return answer
