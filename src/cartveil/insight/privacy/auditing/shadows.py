"""Membership inference with shadow models: LiRA, the likelihood ratio attack.

The attacker trains models of their own on halves of people like those attacked, and learns for each person how a model
speaks of them that has seen them, and one that has not. The model attacked is then compared with both.
"""

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.privacy.randomness import Randomness, operating_system

#: With fewer shadows than this, one spread for all people is steadier than each person's own.
OWN_SPREAD_FROM = 64

#: Keeps a spread of next to nothing from making a certainty of chance.
_LEAST_SPREAD = 1e-3


def draw_halves(people: int, shadows: int, *, random: Randomness | None = None) -> NDArray[np.bool_]:
    """Return who is in which shadow's training data, (shadows, people): each person in half of them.

    Args:
        people: How many.
        shadows: How many models, an even number.
        random: The operating system's unless a test says otherwise.

    Raises:
        InputError: An odd number of shadows, or fewer than four.
    """
    if shadows < 4 or shadows % 2:
        raise InputError("must be an even number from 4 on", path="shadows", hint="16 or more are usual")
    source = operating_system() if random is None else random
    ranks = source.integers(shadows * people).reshape(shadows, people).argsort(axis=0)  # (K, n)
    halves: NDArray[np.bool_] = ranks < shadows // 2
    return halves


def confidences_of(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of the probability p = exp(-loss), whose distribution is nearly normal.

    Args:
        losses: Mean cross-entropies in nats, of any shape.

    Source: Carlini et al. (2022), the logit scaling of their attack; p is the probability of an event of a sequence,
        the geometric mean over its events.
    """
    clipped = np.maximum(losses, 1e-12)
    confidences: NDArray[np.float64] = -clipped - np.log(-np.expm1(-clipped))
    return confidences


def likelihood_ratios(
    target: NDArray[np.float64], shadows: NDArray[np.float64], included: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return for each person the logarithm of how much likelier the target model is if it was trained on them.

    Args:
        target: Confidence of the model attacked in each person, (n,).
        shadows: Confidence of each shadow model, (K, n).
        included: Who was in each shadow's training data, (K, n); everybody at least twice, and left out at least twice.

    Returns:
        Scores (n,); above 0 speaks for membership.

    Raises:
        InputError: Shapes that do not fit, or somebody who is not twice in and twice out.

    Source: Carlini et al., Membership Inference Attacks From First Principles, IEEE S&P 2022, algorithm 1 (online
        attack), with one spread for all people where there are few shadows, as they advise.
    """
    _check(target, shadows, included)
    inside = _log_likelihood(target, shadows, included)
    ratios: NDArray[np.float64] = inside - _log_likelihood(target, shadows, ~included)
    return ratios


def _log_likelihood(
    target: NDArray[np.float64], shadows: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    count = chosen.sum(0)  # (n,)
    mean = np.where(chosen, shadows, 0).sum(0) / count
    squares = np.where(chosen, (shadows - mean) ** 2, 0).sum(0)  # (n,)
    own = len(shadows) >= OWN_SPREAD_FROM
    variance = squares / (count - 1) if own else np.full(len(target), squares.sum() / (count - 1).sum())
    spread = np.maximum(np.sqrt(variance), _LEAST_SPREAD)
    likelihood: NDArray[np.float64] = -0.5 * ((target - mean) / spread) ** 2 - np.log(spread)
    return likelihood


def _check(target: NDArray[np.float64], shadows: NDArray[np.float64], included: NDArray[np.bool_]) -> None:
    if shadows.shape != included.shape or shadows.shape[1:] != target.shape:
        raise InputError("confidences are not of the same people", path="shadows")
    seen = included.sum(0)
    if len(seen) and (seen.min() < 2 or (len(included) - seen).min() < 2):
        raise InputError("everybody must be in two shadows and out of two", path="included", hint="`draw_halves`")
