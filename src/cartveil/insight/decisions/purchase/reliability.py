"""Whether a probability means what it says: calibration on held-back time, and how reliable it then is.

A score that ranks well may still say 60% where 30% buy. A calibration maps log-odds to probabilities by what came true
in a period that the model did not learn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.measures import auc_roc

Reals = NDArray[np.float64]
Method = Literal["none", "platt", "isotonic"]

#: A probability is kept this far from 0 and 1: nothing is certain.
_EDGE = 1e-4

#: Fewer answers say nothing of what a probability means.
FEWEST = 50

#: Bins of equal size in a reliability diagram.
BINS = 10


@dataclass(frozen=True)
class Calibration:
    """A rising map from log-odds to probability.

    Args:
        method: `none` leaves log-odds as they are, `platt` bends them by two numbers, `isotonic` is a staircase with
            straight lines between the middles of its steps.
        inputs: Log-odds of the staircase, or slope and intercept.
        outputs: Probabilities of the staircase; empty for the others.
    """

    method: Method = "none"
    inputs: tuple[float, ...] = ()
    outputs: tuple[float, ...] = ()

    def __call__(self, log_odds: Reals) -> Reals:
        """Return probabilities (rows,)."""
        if self.method == "isotonic":
            found = np.interp(log_odds, self.inputs, self.outputs)
        else:
            slope, shift = self.inputs if self.method == "platt" else (1.0, 0.0)
            found = sigmoid(slope * np.asarray(log_odds, dtype=np.float64) + shift)
        return np.asarray(np.clip(found, _EDGE, 1 - _EDGE))


def calibrated(log_odds: Reals, answer: NDArray[np.floating]) -> Calibration:
    """Choose and fit a calibration: the simplest that is not clearly worse, on halves that it was not fitted on.

    Args:
        log_odds: Of questions that the model did not learn from, one for each consumer, (rows,).
        answer: What came true, 0 or 1, (rows,).

    Returns:
        `none` where all answers are alike, or there are fewer than 50: so few cannot say what a probability means.

    Source: the rule of one standard error, Breiman et al., Classification and Regression Trees, 1984, section 3.4.3;
        what bends more follows the period that it was fitted on, and the next one is another.
    """
    if len(answer) < FEWEST or answer.min() == answer.max():
        return Calibration()
    halves = np.arange(len(answer)) % 2 == 0
    methods: tuple[Method, ...] = ("none", "platt", "isotonic")
    lost = {}
    for method in methods:
        told = np.empty(len(answer))
        for half in (halves, ~halves):
            told[~half] = fit_calibration(log_odds[half], answer[half], method)(log_odds[~half])
        lost[method] = _nats(told, answer)
    best = min(methods, key=lambda method: float(lost[method].mean()))
    for method in methods:
        worse = lost[method] - lost[best]
        if worse.mean() <= worse.std() / np.sqrt(len(worse)):
            return fit_calibration(log_odds, answer, method)
    return fit_calibration(log_odds, answer, best)


def fit_calibration(log_odds: Reals, answer: NDArray[np.floating], method: Method) -> Calibration:
    """Fit one calibration; see `calibrated`.

    Source: Platt, Probabilistic Outputs for Support Vector Machines, 1999, equation 1 with the targets of section 2.2;
        Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002,
        section 3.2, pool adjacent violators.
    """
    true = np.asarray(answer, dtype=np.float64)
    if method == "none" or true.min() == true.max():
        return Calibration()
    if method == "isotonic":
        return Calibration("isotonic", *_staircase(np.asarray(log_odds, dtype=np.float64), true))
    bought = true.sum()
    target = np.where(true > 0, (bought + 1) / (bought + 2), 1 / (len(true) - bought + 2))
    weights = logistic_fit(np.asarray(log_odds, dtype=np.float64)[:, None], target, ridge=1e-6)
    return Calibration("platt", (max(float(weights[0]), 1e-3), float(weights[1])))


def logistic_fit(features: Reals, target: Reals, *, ridge: float, steps: int = 50) -> Reals:
    """Return weights and, last, the intercept of a logistic regression, (features + 1,).

    Args:
        features: (rows, features).
        target: Probabilities or 0 and 1, (rows,).
        ridge: Penalty on the square of each weight, per row; the intercept is spared.
        steps: Of Newton's method, at most.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, equation 4.26.
    """
    design = np.column_stack([features, np.ones(len(features))])
    penalty = np.full(design.shape[1], ridge * len(features))
    penalty[-1] = 0.0
    weights = np.zeros(design.shape[1])
    share = np.clip(target.mean(), 1e-6, 1 - 1e-6)
    weights[-1] = np.log(share / (1 - share))
    for _ in range(steps):
        chance = sigmoid(design @ weights)
        slope = design.T @ (chance - target) + penalty * weights
        bend = (design * (chance * (1 - chance) + 1e-9)[:, None]).T @ design + np.diag(penalty + 1e-9)
        move = np.linalg.solve(bend, slope)
        weights = weights - move * min(1.0, 5.0 / max(float(np.abs(move).max()), 1e-12))
        if np.abs(move).max() < 1e-8:
            break
    return weights


def sigmoid(log_odds: Reals) -> Reals:
    """Return probabilities, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(log_odds, dtype=np.float64))))


def brier(probability: Reals, answer: NDArray[np.floating]) -> float:
    """Return the mean squared distance from what came true; 0 is perfect."""
    return float(np.mean((probability - answer) ** 2))


def log_loss(probability: Reals, answer: NDArray[np.floating]) -> float:
    """Return the mean negative logarithm of the probability of what came true, in nats."""
    return float(_nats(probability, answer).mean())


def _nats(probability: Reals, answer: NDArray[np.floating]) -> Reals:
    return np.asarray(-np.where(answer > 0, np.log(probability), np.log1p(-probability)))


def reliability(
    probability: Reals, answer: NDArray[np.floating], *, bins: int = BINS
) -> tuple[tuple[float, float, int], ...]:
    """Return the reliability diagram: mean probability, share that came true and size of bins of equal size.

    Rows of the same probability stand in the same bin.

    Raises:
        InputError: There is no row.

    Source: Murphy and Winkler, Reliability of Subjective Probability Forecasts, Applied Statistics 1977.
    """
    if not len(probability):
        raise InputError("nothing to compare", path="probability", hint="a diagram needs at least one row")
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, probability, side="left")
    size = np.bincount(place, minlength=len(edges) + 1)
    said = np.bincount(place, weights=probability, minlength=len(edges) + 1)
    true = np.bincount(place, weights=answer, minlength=len(edges) + 1)
    return tuple((float(said[n] / size[n]), float(true[n] / size[n]), int(size[n])) for n in np.flatnonzero(size))


def calibration_error(probability: Reals, answer: NDArray[np.floating], *, bins: int = BINS) -> float:
    """Return how far said and true lie apart in the reliability diagram, mean over rows.

    Source: Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015,
        section 4.1, with bins of equal size.
    """
    diagram = reliability(probability, answer, bins=bins)
    return sum(size * abs(said - true) for said, true, size in diagram) / sum(size for *_, size in diagram)


def figures_of(probability: Reals, answer: NDArray[np.floating]) -> Mapping[str, Any]:
    """Return the measures of probabilities, as the benchmark files have them."""
    return {
        "brier": brier(probability, answer),
        "log_loss": log_loss(probability, answer),
        "calibration_error": calibration_error(probability, answer),
        "auc": auc_roc(answer > 0, probability),
        "said": float(probability.mean()),
        "came_true": float(answer.mean()),
    }


def _staircase(log_odds: Reals, answer: Reals) -> tuple[tuple[float, ...], tuple[float, ...]]:
    values, place = np.unique(log_odds, return_inverse=True)
    size = np.bincount(place).astype(np.float64)
    true = np.bincount(place, weights=answer)
    blocks: list[list[float]] = []  # sum of log-odds, answers, rows
    for value, bought, rows in zip(values, true, size, strict=True):
        blocks.append([value * rows, bought, rows])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last = blocks.pop()
            blocks[-1] = [kept + more for kept, more in zip(blocks[-1], last, strict=True)]
    # A step of few rows must not say that something is certain: one more of each, at the share of all.
    share = float(answer.mean())
    inputs = tuple(float(block[0] / block[2]) for block in blocks)
    outputs = tuple(float((block[1] + 2 * share) / (block[2] + 2)) for block in blocks)
    return inputs, tuple(float(each) for each in np.maximum.accumulate(outputs))
