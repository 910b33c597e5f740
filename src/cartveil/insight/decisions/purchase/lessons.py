"""What the network learns from: questions with their answers, as batches of like length."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.insight.decisions.purchase.features import Matrix, steps_of
from cartveil.insight.decisions.purchase.visits import Questions, Reals, Visits
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.risk import RiskModel

#: Questions that are sorted by length together.
_POOL = 32

#: Steps of training that are timed to say how long all will take.
_PROBES = 3


@dataclass(frozen=True)
class Lesson:
    """Questions of one step of training, and their answers (B,)."""

    batch: Batch
    answer: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps of each question, (B,)."""
        return self.batch.lengths

    def to(self, device: torch.device | str) -> "Lesson":
        """Return the same lesson on another device."""
        return Lesson(self.batch.to(device), self.answer.to(device))


@dataclass(frozen=True)
class Lessons:
    """All questions of a training.

    Args:
        visits: Where to look.
        questions: What is asked.
        counts: Their standardised counts, (Q, counts).
        most: Visits that are read of a consumer.
        size: Questions of a batch.
    """

    visits: Visits
    questions: Questions
    counts: Matrix
    most: int
    size: int

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has."""
        return -(-len(self.questions) // self.size)

    def batches(self, generator: np.random.Generator) -> Iterator[Lesson]:
        """Yield every question once, in a fresh order; questions of like length share a batch."""
        order = generator.permutation(len(self.questions))
        length = np.minimum(self.questions.end - self.questions.begin, self.most)
        pool = _POOL * self.size
        cut = []
        for begin in range(0, len(order), pool):
            rows = order[begin : begin + pool]
            rows = rows[np.argsort(length[rows], kind="stable")]
            cut += [rows[start : start + self.size] for start in range(0, len(rows), self.size)]
        for place in generator.permutation(len(cut)):
            yield self.lesson(cut[place])

    def lesson(self, rows: NDArray[np.int64]) -> Lesson:
        """Return some questions as the network takes them."""
        asked = self.questions.take(rows)
        steps = steps_of(self.visits, asked, self.counts[rows], most=self.most)
        batch = Batch({}, {}, torch.from_numpy(steps.numeric), torch.from_numpy(steps.lengths))
        return Lesson(batch, torch.from_numpy(asked.answer))


def answer_loss(model: RiskModel, lesson: Lesson) -> Tensor:
    """Return the mean cross-entropy of the answers; the last step alone, which is the question, counts."""
    place = lesson.lengths - 1
    weights = torch.zeros(lesson.batch.numeric.shape[:2])  # (B, T)
    weights[torch.arange(len(place)), place] = 1.0
    targets = lesson.answer[:, None].expand(weights.shape)  # (B, T)
    return model.losses(lesson.batch, targets, weights).mean()


def log_odds(model: RiskModel, lessons: Lessons, *, size: int = 4096) -> Reals:
    """Return log-odds of all questions in their order, (Q,)."""
    answer = np.zeros(len(lessons.questions))
    length = np.minimum(lessons.questions.end - lessons.questions.begin, lessons.most)
    order = np.argsort(length, kind="stable")
    model.eval()
    with torch.no_grad():
        for begin in range(0, len(order), size):
            rows = order[begin : begin + size]
            batch = lessons.lesson(rows).batch
            answer[rows] = model.head(model.encoder.last(batch)).squeeze(-1).numpy()
    return answer


def seconds_of_epoch(model: RiskModel, lessons: Lessons) -> float:
    """Return about how long one epoch takes, from a few steps on a copy of the model."""
    probe = copy.deepcopy(model).train()
    found = lessons.batches(np.random.default_rng(0))
    drawn = [next(found) for _ in range(min(_PROBES, lessons.steps))]
    began = time.perf_counter()
    for lesson in drawn:
        answer_loss(probe, lesson).backward()  # type: ignore[no-untyped-call]
    return (time.perf_counter() - began) / max(len(drawn), 1) * lessons.steps
