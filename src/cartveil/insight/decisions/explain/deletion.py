"""Do the reasons matter? Delete the strongest, and the score must fall further than if others were deleted.

An attribution can add up and still mean nothing. This test does not look at gradients: it takes events out of the
history, asks the model again, and compares with as many events taken out at random.

Source: Samek et al., Evaluating the Visualization of What a Deep Neural Network Has Learned, 2017, section III.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.explain.attribution import Attribution
from cartveil.insight.models.encoder import PADDING, Batch


@dataclass(frozen=True)
class Deletion:
    """How far a score fell.

    Args:
        strongest: When the strongest events were deleted.
        at_random: When as many others were, the mean of the draws.
        deleted: How many events that was.
    """

    strongest: float
    at_random: float
    deleted: int


def deletion_test(
    found: Attribution,
    batch: Batch,
    scored: Callable[[Batch], Tensor],
    *,
    generator: np.random.Generator,
    share: float = 0.1,
    draws: int = 10,
) -> Deletion:
    """Delete the strongest events of a history, and as many at random.

    Args:
        found: What `attribute` said of the history.
        batch: The history, one sequence of at least two events.
        scored: Sequences -> the score that was explained, (B,).
        generator: Draws the others.
        share: How much of the history is deleted; at least one event.
        draws: How often others are drawn.

    Returns:
        Both falls; a test has passed on many histories when the first is larger on average.

    Raises:
        ModelError: The history has fewer than two events.
    """
    steps = len(found.values)
    if steps < 2:
        raise ModelError("a history of fewer than two events has nothing to delete", hint="take a longer one")
    count = min(max(1, round(share * steps)), steps - 1)
    keep = np.ones((draws + 1, steps), bool)
    keep[0, found.strongest(count)] = False
    for row in keep[1:]:
        row[generator.choice(steps, count, replace=False)] = False
    with torch.no_grad():
        scores = scored(without(batch, keep)).double().cpu().numpy()
    falls = found.score - scores
    return Deletion(float(falls[0]), float(falls[1:].mean()), count)


def without(batch: Batch, keep: NDArray[np.bool_]) -> Batch:
    """Return a history once for each row of `keep`, with only the events kept, padded on the right.

    Args:
        batch: One sequence (B = 1).
        keep: (n, T); each row keeps at least one event.
    """
    order = torch.from_numpy(np.argsort(~keep, axis=1, kind="stable"))  # (n, T): kept events first, in order
    lengths = torch.from_numpy(keep.sum(1))
    order = order[:, : int(lengths.max())].to(batch.numeric.device)
    real = torch.arange(order.shape[1])[None, :] < lengths[:, None]
    real = real.to(order.device)
    taken = {name: torch.where(real, ids[0][order], PADDING) for name, ids in batch.categorical.items()}
    bags = {name: torch.where(real[..., None], ids[0][order], PADDING) for name, ids in batch.bags.items()}
    numeric = torch.where(real[..., None], batch.numeric[0][order], 0.0)
    return replace(batch, categorical=taken, bags=bags, numeric=numeric, lengths=lengths.to(batch.lengths))


def mean_falls(tests: Sequence[Deletion]) -> tuple[float, float]:
    """Return the mean fall by the strongest and at random over many histories.

    Raises:
        ModelError: There is no test.
    """
    if not tests:
        raise ModelError("no history was tested", hint="test a hundred")
    return float(np.mean([each.strongest for each in tests])), float(np.mean([each.at_random for each in tests]))
