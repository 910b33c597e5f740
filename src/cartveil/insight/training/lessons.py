"""What a next item model learns from in one step: sequences, what came next, and what each step counts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.next_item import NextItem


@dataclass(frozen=True)
class Lesson:
    """Sequences with their targets.

    Args:
        batch: What was known before each target.
        targets: Ids of what came, (B, T).
        weights: What each step counts, (B, T) float; 0 where nothing is asked.
    """

    batch: Batch
    targets: Tensor
    weights: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps of each sequence, (B,)."""
        return self.batch.lengths

    def to(self, device: torch.device | str) -> "Lesson":
        """Return the same lesson on another device."""
        return Lesson(self.batch.to(device), self.targets.to(device), self.weights.to(device))


def losses_of(model: NextItem, lesson: Lesson) -> Tensor:
    """Return each sequence's weighted sum of cross-entropies, (B,): what private training clips."""
    return model.losses(lesson.batch, lesson.targets, lesson.weights)


def mean_loss(model: NextItem, lesson: Lesson, *, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy of the steps that count: what plain training descends.

    Args:
        model: What is trained.
        lesson: What it is trained on.
        smoothing: Share of each target that is spread evenly over all items; hand `fit` a `partial` with it.
    """
    losses = model.losses(lesson.batch, lesson.targets, lesson.weights, smoothing=smoothing)
    return losses.sum() / lesson.weights.sum().clamp(min=1e-6)
