"""Moments of the consumer's own past that speak against a guess: the history looked alike, and something else came.

Nobody else's history is looked at, so that an explanation never shows one consumer to another.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cartveil.errors import ModelError


@dataclass(frozen=True)
class CounterExample:
    """A moment like the present one, after which something else came.

    Args:
        step: Place of the event after which it was, from 0.
        likeness: Cosine of the states then and now, -1 to 1.
        came: Id of what came.
    """

    step: int
    likeness: float
    came: int


def counter_examples(states: Tensor, came: Tensor, guess: int, *, at_most: int = 3) -> list[CounterExample]:
    """Find the past moments most like the last one after which something else than the guess came.

    Args:
        states: Hidden states of one history, (T, H); the last is the present.
        came: Id of what came after each but the last, (T - 1,).
        guess: Id of what is guessed to come now.
        at_most: How many, the most alike first.

    Returns:
        None where the past is too short or never said otherwise.

    Raises:
        ModelError: `states` and `came` do not fit each other.
    """
    if len(came) != len(states) - 1:
        raise ModelError("each state but the last needs what came after it", hint="came is one shorter than states")
    alike = functional.cosine_similarity(states[:-1], states[-1:], dim=1)  # (T - 1,)
    other = torch.nonzero(came != guess).flatten()
    ranked = other[torch.argsort(alike[other], descending=True, stable=True)][:at_most]
    return [CounterExample(int(step), float(alike[step]), int(came[step])) for step in ranked]
