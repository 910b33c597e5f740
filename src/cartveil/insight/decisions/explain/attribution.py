"""What each event of a history adds to a score: integrated gradients over the encoder's steps.

The values of all events sum to the difference between two scores: the one of the history, and the one of a baseline,
a history of as many empty events. An empty event has a zero for every embedding and every feature: no item, no more
time since the last event than usual. Both scores are part of the answer, and so is what the numerical integration
left over.

Source: Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017, equation 1 and proposition 1.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import MissingExtraError, ModelError
from cartveil.insight.models.encoder import Batch, Encoder

#: States (B, T, H) and what they were read from (B, T, W) -> a score for each sequence (B,).
Score = Callable[[Tensor, Tensor], Tensor]

#: Points of the first integration; each further try takes twice as many.
_POINTS, _MOST_POINTS = 12, 192

#: The part of the difference of scores that may be left over, and the least that is worth another try.
_LEFT_OVER, _NEGLIGIBLE = 0.005, 1e-4


@dataclass(frozen=True)
class Attribution:
    """What each event added to a score.

    Args:
        values: Added by each event, oldest first, (T,).
        score: Of the whole history.
        baseline: Of as many empty events.
    """

    values: NDArray[np.float64]
    score: float
    baseline: float

    @property
    def left_over(self) -> float:
        """Return the part of `score - baseline` that the numerical integration gave to no event."""
        return self.score - self.baseline - float(self.values.sum())

    def strongest(self, count: int) -> NDArray[np.int64]:
        """Return the places of the events that added most, the strongest first."""
        return np.argsort(-self.values, kind="stable")[:count].astype(np.int64)


def attribute(embedded: Tensor, scored: Callable[[Tensor], Tensor]) -> Attribution:
    """Share a score out among the events of one history.

    Args:
        embedded: The numbers that stand for each event, (1, T, W), without padding.
        scored: Such numbers of B histories (B, T, W) -> the score of each, (B,), by a model in evaluation mode.

    Returns:
        A value for each event.

    Raises:
        MissingExtraError: Captum is not installed.
        ModelError: More than one history, or an empty one.

    Guarantees:
        - The values sum to `score - baseline` but for `left_over`, at most 0.5% of it (or 0.0001), unless the score
          bends more sharply than 192 points can follow; `left_over` says so then.
        - No weight has a gradient afterwards that it did not have before.
    """
    if embedded.ndim != 3 or len(embedded) != 1 or not embedded.shape[1]:
        raise ModelError("an attribution is for one history without padding", hint="explain one after the other")
    embedded = embedded.detach()
    with torch.no_grad():
        whole, empty = scored(torch.cat([embedded, torch.zeros_like(embedded)])).tolist()
    allowed = max(_LEFT_OVER * abs(whole - empty), _NEGLIGIBLE)
    method, points = _integrated_gradients(scored), _POINTS
    while True:
        parts = method.attribute(embedded, baselines=torch.zeros_like(embedded), n_steps=points)  # (1, T, W)
        values = parts[0].detach().sum(-1).double().cpu().numpy()  # (T,)
        found = Attribution(values, whole, empty)
        if abs(found.left_over) <= allowed or points >= _MOST_POINTS:
            return found
        points *= 2


def attribute_encoder(encoder: Encoder, batch: Batch, score: Score) -> Attribution:
    """Share out a score of what an encoder reads; see `attribute`.

    Args:
        encoder: Reads the history; its dropout is off while it is asked.
        batch: One sequence (B = 1) without padding.
        score: See `Score`.

    Raises:
        MissingExtraError: Captum is not installed.
        ModelError: More than one sequence, or padding.
    """
    if len(batch.lengths) != 1 or int(batch.lengths[0]) != batch.numeric.shape[1]:
        raise ModelError("an attribution is for one history without padding", hint="explain one after the other")

    def scored(steps: Tensor) -> Tensor:
        states, _ = encoder.read(steps, batch.lengths.expand(len(steps)))  # (B, T, H)
        return score(states, steps)

    training = encoder.training
    encoder.eval()
    try:
        return attribute(encoder.embed(batch), scored)
    finally:
        encoder.train(training)


def last_state(score: Callable[[Tensor], Tensor]) -> Score:
    """Return a score that looks at the last state alone, (B, H) -> (B,)."""
    return lambda states, _: score(states[:, -1])


def _integrated_gradients(scored: Callable[[Tensor], Tensor]) -> Any:
    if importlib.util.find_spec("captum") is None:
        raise MissingExtraError("explaining needs the extra `explain` (captum)", hint="pip install 'cartveil[explain]'")
    from captum.attr import IntegratedGradients

    # Captum multiplies by (input - baseline); the step's units are then summed, so that each event has one value.
    return IntegratedGradients(scored)
