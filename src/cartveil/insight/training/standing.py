"""Where a training stands: the epochs behind it, and what the one that runs gave so far."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """What one pass gave: mean loss, validation score (higher is better), seconds, samples a second."""

    number: int
    loss: float
    score: float
    seconds: float
    samples_per_second: float


@dataclass(frozen=True)
class Standing:
    """Where a training stands.

    Args:
        epoch: Number of the pass that runs, from 1.
        step: Steps it has made.
        total: Sum of their losses.
        samples: Samples they learnt from.
        seconds: Time they took.
        taken: Steps of all passes.
        best: Best score so far.
        waited: Passes since.
        history: The passes that ended.
    """

    epoch: int = 1
    step: int = 0
    total: float = 0.0
    samples: int = 0
    seconds: float = 0.0
    taken: int = 0
    best: float = -math.inf
    waited: int = 0
    history: tuple[Epoch, ...] = ()

    @property
    def loss(self) -> float:
        """Return the mean loss of this pass so far."""
        return self.total / self.step if self.step else math.nan

    def after(self, loss: float, *, samples: int, seconds: float) -> "Standing":
        """Return where it stands after one more step; `seconds` is that of the whole pass."""
        return replace(
            self,
            step=self.step + 1,
            taken=self.taken + 1,
            total=self.total + loss,
            samples=self.samples + samples,
            seconds=seconds,
        )

    def closed(self, score: float | None) -> "Standing":
        """Return where it stands when the pass ended with a score; None where nothing is scored."""
        seconds = max(self.seconds, 1e-9)
        shown = math.nan if score is None else score
        epoch = Epoch(self.epoch, self.loss, shown, seconds, self.samples / seconds)
        better = score is None or score > self.best
        return Standing(
            epoch=self.epoch + 1,
            taken=self.taken,
            best=self.best if score is None or not better else score,
            waited=0 if better else self.waited + 1,
            history=(*self.history, epoch),
        )

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Standing":
        """Return what `dataclasses.asdict` made into plain values."""
        return cls(**{**facts, "history": tuple(Epoch(**epoch) for epoch in facts["history"])})
