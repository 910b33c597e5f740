"""A lower bound on epsilon from a single training: what a promise would have made too unlikely to see.

Of some examples a fair coin decided which were trained on. Whoever guesses the coins from the model is right more
often than chance allows where the model tells too much. Under a promise of epsilon and delta the number of right
guesses is hardly ever larger than that of randomized response, and that is what is tested.

    >>> round(epsilon_shown(100, 100, canaries=100, delta=0.0, confidence=0.95), 2)
    3.49
    >>> epsilon_shown(50, 100, canaries=100, delta=0.0, confidence=0.95)
    0.0
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError

#: Shares of the canaries whose coins are guessed: the surest guesses alone, or all.
FRACTIONS = (0.1, 0.25, 0.5, 1.0)

#: A bound is found to this much.
_PRECISION = 1e-4


@dataclass(frozen=True)
class Bound:
    """What an audit proved.

    Args:
        epsilon: The promise of any smaller epsilon is refuted; 0 where nothing was shown.
        delta: The delta of the promise.
        confidence: The probability with which an honest promise is not refuted, at least.
        canaries: Examples whose coins could be guessed, m.
        guesses: How many were, r, in the best of the ways that were tried.
        correct: How many of these guesses were right, v.
        ways: How many numbers of guesses were tried; each had its part of what may go wrong.
    """

    epsilon: float
    delta: float
    confidence: float
    canaries: int
    guesses: int
    correct: int
    ways: int


def bound_from_one_run(
    scores: NDArray[np.float64],
    included: NDArray[np.bool_],
    *,
    delta: float,
    confidence: float = 0.95,
    fractions: tuple[float, ...] = FRACTIONS,
) -> Bound:
    """Return the largest epsilon that one training refutes.

    The highest scores are guessed to be of examples that were trained on, as many of the lowest to be of others.

    Args:
        scores: One for each example whose coin was tossed, (m,); higher where the model seems to know it. They may
            depend on the model in any way, on the coins through the model alone.
        included: How the coins fell, (m,).
        delta: Of the promise; 0 for pure differential privacy.
        confidence: See `Bound`.
        fractions: Shares of the examples to guess. All are tried, and the error that is allowed is split among them,
            since the best is chosen after the fact.

    Raises:
        InputError: Scores and coins are not of the same examples, a score is no number, or a share or probability
            makes no sense.

    Guarantees:
        - If training keeps (epsilon, delta) for one example more or less, the bound exceeds epsilon with a probability
          of at most 1 - `confidence`.

    Source: Steinke, Nasr and Jagielski, Privacy Auditing with One (1) Training Run, NeurIPS 2023, algorithm 1; the
        theorem for approximate differential privacy stands at `p_value`.
    """
    _check(scores, included, delta, confidence, fractions)
    count = len(scores)
    halves = sorted({max(1, round(fraction * count / 2)) for fraction in fractions if count > 1})
    order = np.argsort(scores, kind="stable")
    level = 1 - (1 - confidence) / max(1, len(halves))
    best = Bound(0.0, delta, confidence, count, 0, 0, len(halves))
    for half in (min(half, count // 2) for half in halves):
        correct = int((~included[order[:half]]).sum() + included[order[-half:]].sum())
        shown = epsilon_shown(correct, 2 * half, canaries=count, delta=delta, confidence=level)
        if shown > best.epsilon or not best.guesses:
            best = Bound(shown, delta, confidence, count, 2 * half, correct, len(halves))
    return best


def epsilon_shown(correct: int, guesses: int, *, canaries: int, delta: float, confidence: float) -> float:
    """Return the largest epsilon that so many right guesses refute, 0 where they refute none.

    Args:
        correct: Right guesses, v.
        guesses: All guesses, r; a number fixed without a look at the coins.
        canaries: Examples whose coins were tossed, m.
        delta: Of the promise.
        confidence: 1 less the p-value below which a promise is refuted.
    """
    low, high = 0.0, 1.0

    def refuted(epsilon: float) -> bool:
        return p_value(correct, guesses, canaries=canaries, epsilon=epsilon, delta=delta) < 1 - confidence

    if not refuted(low):
        return 0.0
    while refuted(high):
        low, high = high, 2 * high
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def p_value(correct: int, guesses: int, *, canaries: int, epsilon: float, delta: float) -> float:
    """Return the probability, at most, of so many right guesses or more under a promise.

    With W binomial of r guesses that are right with probability q = e^epsilon / (1 + e^epsilon):
    P[W >= v] + 2 m delta max_i P[v > W >= v - i] / i.

    Args:
        correct: Right guesses, v.
        guesses: All guesses, r.
        canaries: Examples whose coins were tossed, m.
        epsilon: Of the promise.
        delta: Of the promise.

    Raises:
        InputError: More right guesses than guesses, or more guesses than examples.

    Source: Steinke, Nasr and Jagielski (2023), main theorem for approximate differential privacy, in the form of
        appendix D: beta + 2 m delta alpha. There i runs from 1 to m; beyond v the sum grows no more.
    """
    if not 0 <= correct <= guesses <= canaries:
        raise InputError("right guesses, guesses and canaries must be in ascending order", path="correct")
    chances = _binomial(guesses, epsilon)  # (r + 1,)
    beyond = float(chances[correct:].sum())
    if not delta or not correct:
        return min(1.0, beyond)
    below = np.cumsum(chances[:correct][::-1]) / np.arange(1, correct + 1)  # (v,)
    return min(1.0, beyond + 2 * canaries * delta * float(below.max()))


def _binomial(trials: int, epsilon: float) -> NDArray[np.float64]:
    """Return the probability of each number of successes, (trials + 1,), in logarithms so that none is lost."""
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, trials + 1)))])  # (trials + 1,)
    ways = factorials[-1] - factorials - factorials[::-1]
    right, wrong = -math.log1p(math.exp(-epsilon)), -epsilon - math.log1p(math.exp(-epsilon))
    successes = np.arange(trials + 1)
    chances: NDArray[np.float64] = np.exp(ways + successes * right + successes[::-1] * wrong)
    return chances


def _check(
    scores: NDArray[np.float64],
    included: NDArray[np.bool_],
    delta: float,
    confidence: float,
    fractions: tuple[float, ...],
) -> None:
    if scores.shape != included.shape or scores.ndim != 1 or not len(scores):
        raise InputError("scores and coins are not of the same examples", path="scores")
    if not np.isfinite(scores).all():
        raise InputError("a score is no number", path="scores", hint="did the training diverge?")
    if not (0 <= delta < 1 and 0 < confidence < 1):
        raise InputError("must be a probability", path="delta" if 0 < confidence < 1 else "confidence")
    if not fractions or not all(0 < fraction <= 1 for fraction in fractions):
        raise InputError("must be above 0 and at most 1", path="fractions", hint="shares of the canaries to guess")
