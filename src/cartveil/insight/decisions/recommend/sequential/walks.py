"""Made-up histories: walks over pairs that were counted with noise, for an LSTM to learn from before it sees anybody.

What is drawn from noisy counts is as private as they are and costs nothing more, so an LSTM may read as many walks as
it likes. It learns what the counts know, in the form in which training can go on.
"""

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.sequential.companions import Companions
from cartveil.insight.decisions.recommend.sequential.lessons import lesson_of, shuffled_rows, steps_of
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.sequences.vocabulary import RESERVED
from cartveil.insight.training.lessons import Lesson, mean_loss
from cartveil.insight.training.loop import TrainingConfig, fit

#: Items of a walk.
LENGTH = 8

#: Chance that a walk goes on to any popular item instead of a companion.
_ELSEWHERE = 0.1


def drawn_walks(companions: Companions, popularity: Tensor, count: int, *, seed: int) -> np.ndarray:
    """Draw walks over a shelf.

    Args:
        companions: Pairs of the shelf's items.
        popularity: Chance of each item, (V,).
        count: How many walks.
        seed: What is drawn depends on nobody, so it may be repeated.

    Returns:
        Places on the shelf, (count, LENGTH) int64.
    """
    generator = torch.Generator().manual_seed(seed)
    popular = popularity[companions.items].clamp(min=1e-9)
    popular = popular / popular.sum()  # (K,)
    total = companions.weights.sum(1, keepdim=True)
    near = (1 - _ELSEWHERE) * companions.weights / total.clamp(min=1e-12) + _ELSEWHERE * popular
    chances = torch.where(total > 0, near, popular)  # (K, K)
    walks = [torch.multinomial(popular, count, replacement=True, generator=generator)]
    for _ in range(LENGTH - 1):
        walks.append(torch.multinomial(chances[walks[-1]], 1, generator=generator)[:, 0])
    return torch.stack(walks, dim=1).numpy()  # (count, LENGTH)


def rehearse(model: NextItem, walks: np.ndarray, *, seed: int) -> None:
    """Train on walks, in place, without any private data."""
    ids = walks + RESERVED
    lengths = np.full(len(ids), LENGTH)

    def batches(generator: np.random.Generator) -> "list[Lesson]":
        return [lesson_of(ids[rows], lengths[rows]) for rows in shuffled_rows(lengths, 256, generator)]

    fit(
        model,
        mean_loss,
        batches=batches,
        steps=steps_of(len(ids), 256),
        validate=None,
        config=TrainingConfig(epochs=4, learning_rate=1e-2, weight_decay=0.0, seed=seed),
    )
