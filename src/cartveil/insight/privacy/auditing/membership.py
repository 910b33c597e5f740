"""Membership inference: who was in the training data, guessed from what the model says of each.

These are attacks as others would try them; unlike an audit they prove nothing, but say how much a given attacker
gains. What counts is less the area under the curve than how many are found at few false alarms.

    >>> attack_by_loss(np.array([0.1, 0.2, 2.0, 3.0]), np.array([True, True, False, False])).auc
    1.0
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError

#: False alarms at which an attack is judged.
FALSE_ALARMS = (0.001, 0.01, 0.1)


@dataclass(frozen=True)
class Attack:
    """How well an attacker told those who were trained on from those who were not.

    Args:
        auc: Chance that one who was trained on looks more like it than one who was not; .5 is guessing.
        advantage: Share found less share of false alarms, at the attacker's own threshold; 0 is guessing.
        found_at: Rate of false alarms -> share of those trained on that is found at no more than that.
        members: How many were trained on.
        others: How many were not.
    """

    auc: float
    advantage: float
    found_at: Mapping[float, float] = field(default_factory=dict)
    members: int = 0
    others: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, for a model's card."""
        return {**asdict(self), "found_at": {f"{rate:g}": share for rate, share in self.found_at.items()}}


def attack_by_loss(losses: NDArray[np.float64], members: NDArray[np.bool_]) -> Attack:
    """Guess that whoever the model predicts well was trained on.

    Args:
        losses: Of everybody, (n,).
        members: Who was trained on, (n,).

    Returns:
        The attack; its threshold is the mean loss of those who were trained on, which a trainer tells readily.

    Raises:
        InputError: See `attack_by_score`.

    Source: Yeom, Giacomelli, Fredrikson and Jha, Privacy Risk in Machine Learning, CSF 2018, definition 4 (membership
        advantage), with the expected training loss as the adversary's threshold.
    """
    _check(losses, members)
    return attack_by_score(-losses, members, threshold=-float(losses[members].mean()))


def attack_by_score(scores: NDArray[np.float64], members: NDArray[np.bool_], *, threshold: float = 0.0) -> Attack:
    """Guess that whoever scores high was trained on.

    Args:
        scores: Of everybody, (n,).
        members: Who was trained on, (n,).
        threshold: From where on the attacker says so.

    Raises:
        InputError: Nobody was trained on, or everybody; or a score is no number.

    Source: to judge by few false alarms: Carlini et al., Membership Inference Attacks From First Principles, IEEE
        S&P 2022.
    """
    _check(scores, members)
    inside, outside = scores[members], scores[~members]
    advantage = float((inside >= threshold).mean() - (outside >= threshold).mean())
    return Attack(
        _auc(inside, outside),
        advantage,
        {rate: _found_at(rate, inside, outside) for rate in FALSE_ALARMS},
        len(inside),
        len(outside),
    )


def _auc(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float:
    ordered = np.sort(outside)
    below = np.searchsorted(ordered, inside, "left") + np.searchsorted(ordered, inside, "right")  # ties count half
    return float(below.mean() / 2 / len(outside))


def _found_at(rate: float, inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float:
    # Above the highest score that may not be reached: so many others and no more stand above it.
    allowed = int(rate * len(outside) + 1e-9)
    if allowed >= len(outside):
        return 1.0
    return float((inside > np.sort(outside)[::-1][allowed]).mean())


def _check(scores: NDArray[np.float64], members: NDArray[np.bool_]) -> None:
    if scores.shape != members.shape or scores.ndim != 1:
        raise InputError("scores and members are not of the same people", path="scores")
    if not members.any() or members.all():
        raise InputError("an attack needs some who were trained on and some who were not", path="members")
    if not np.isfinite(scores).all():
        raise InputError("a score is no number", path="scores", hint="did the training diverge?")
