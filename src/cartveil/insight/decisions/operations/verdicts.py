"""What people said of alerts, and what it changes.

A verdict says whether an alert was worth looking at. Three things follow. A kind of evidence that is dismissed time and
again weighs less, one that is confirmed weighs more. What one actor was cleared of weighs less for that actor, for a
while: a dismissal must not become a licence. And the score turns into the chance that an alert is confirmed.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import ReadError
from cartveil.insight.decisions.watch.days import day_of

#: How many confirmed alerts the belief that all kinds of evidence are alike is worth.
_PRIOR = 2.0
#: A kind of evidence weighs at least and at most so much.
_LEAST, _MOST = 0.3, 2.0
#: What a dismissal leaves of the same evidence for the same actor, what many of them leave, and the days after which
#: half of a dismissal is forgotten.
_CLEARED, _AT_LEAST, _HALF_LIFE = 0.4, 0.2, 30.0


@dataclass(frozen=True)
class Verdict:
    """What somebody said of an alert.

    Args:
        actor: Whose alert.
        day: Of the alert.
        confirmed: Whether it was worth looking at.
        evidence: What the alert was made of: name of a field or rule -> evidence.
        score: Of the alert.
    """

    actor: str
    day: date
    confirmed: bool
    evidence: Mapping[str, float] = field(default_factory=dict)
    score: float = 0.0


@dataclass(frozen=True)
class Recalibration:
    """What verdicts changed.

    Args:
        weights: Kind of evidence -> factor; 1 where nothing was said.
        cleared: (actor, kind of evidence) -> days of dismissals.
        slope: Of the log-odds of being confirmed, per unit of log(1 + score).
        intercept: Of the same.
        confirmed: How many alerts were.
        dismissed: How many were not.
    """

    weights: Mapping[str, float]
    cleared: Mapping[tuple[str, str], tuple[date, ...]]
    slope: float
    intercept: float
    confirmed: int
    dismissed: int

    def factor(self, actor: str, day: date, evidence: Mapping[str, float]) -> float:
        """Return by what the score of an alert is multiplied.

        Args:
            actor: Whose alert.
            day: Of the alert; dismissals on later days do not count.
            evidence: Name of a field or rule -> evidence, at least 0.
        """
        total = sum(evidence.values())
        if total <= 0:
            return 1.0
        weighed = (
            value * self.weights.get(kind, 1.0) * self._cleared(actor, kind, day) for kind, value in evidence.items()
        )
        return sum(weighed) / total

    def chance(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the chance that alerts with these recalibrated scores are confirmed, (alerts,)."""
        odds = self.intercept + self.slope * np.log1p(np.maximum(score, 0.0))
        return np.asarray(1.0 / (1.0 + np.exp(-odds)))

    def _cleared(self, actor: str, kind: str, day: date) -> float:
        left = 1.0
        for dismissed in self.cleared.get((actor, kind), ()):
            if dismissed <= day:
                left *= 1.0 - (1.0 - _CLEARED) * 0.5 ** ((day - dismissed).days / _HALF_LIFE)
        return max(left, _AT_LEAST)


def recalibrate(verdicts: Sequence[Verdict]) -> Recalibration:
    """Learn from verdicts; without any, or with one kind only, weights stay near 1 and the chance near its share.

    Args:
        verdicts: In any order. Of two about one actor and day the later one counts.
    """
    last = {(verdict.actor, verdict.day): verdict for verdict in verdicts}
    known = tuple(last.values())
    confirmed = sum(verdict.confirmed for verdict in known)
    cleared: dict[tuple[str, str], list[date]] = defaultdict(list)
    for verdict in known:
        for kind in () if verdict.confirmed else _strongest(verdict.evidence):
            cleared[verdict.actor, kind].append(verdict.day)
    weights = _weights(known, confirmed)
    bare = Recalibration(weights, {}, 0.0, 0.0, confirmed, len(known) - confirmed)
    scores = np.array([each.score * bare.factor(each.actor, each.day, each.evidence) for each in known])
    slope, intercept = _logistic(np.log1p(np.maximum(scores, 0.0)), np.array([each.confirmed for each in known]))
    frozen = {pair: tuple(sorted(days)) for pair, days in cleared.items()}
    return Recalibration(weights, frozen, slope, intercept, confirmed, len(known) - confirmed)


def read_verdicts(path: str | Path) -> tuple[Verdict, ...]:
    """Read verdicts: the lines that alerts were delivered as, each with `verdict` added.

    Args:
        path: JSON lines; those without a verdict are alerts that nobody has looked at, and are passed over.

    Raises:
        ReadError: The file cannot be read, or a line is not what was delivered.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError("cannot be read", path=str(path), hint="give a file of JSON lines") from error
    found = (_read(line, f"{path}:{number}") for number, line in enumerate(text.splitlines(), 1) if line.strip())
    return tuple(verdict for verdict in found if verdict is not None)


def _read(line: str, path: str) -> Verdict | None:
    hint = 'a delivered alert with `"verdict": "confirmed"` or `"dismissed"` added'
    try:
        said = json.loads(line)
        if said.get("verdict") is None:
            return None
        if said["verdict"] not in ("confirmed", "dismissed"):
            raise ReadError("the verdict is neither `confirmed` nor `dismissed`", path=path, hint=hint)
        evidence = {str(kind): max(float(value), 0.0) for kind, value in said.get("evidence", {}).items()}
        day = day_of(datetime.fromisoformat(str(said["time"])))
        return Verdict(str(said["actor"]), day, said["verdict"] == "confirmed", evidence, float(said["score"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReadError("not an alert with a verdict", path=path, hint=hint) from error


def _strongest(evidence: Mapping[str, float]) -> Iterable[str]:
    """Return the kinds of evidence that make up most of an alert; a dismissal says nothing of the others."""
    highest = max(evidence.values(), default=0.0)
    return [kind for kind, value in evidence.items() if value > 0 and value >= 0.5 * highest]


def _weights(verdicts: Sequence[Verdict], confirmed: int) -> dict[str, float]:
    """Return how much more often alerts of each kind were confirmed than alerts at large.

    Each alert counts by the share that the kind has in its evidence. The root is cautious: verdicts are about alerts,
    and say little of what never became one.
    """
    share = (confirmed + 0.5) / (len(verdicts) + 1.0)
    seen: dict[str, float] = defaultdict(float)
    right: dict[str, float] = defaultdict(float)
    for verdict in verdicts:
        total = sum(verdict.evidence.values())
        for kind, value in verdict.evidence.items() if total > 0 else ():
            seen[kind] += value / total
            right[kind] += verdict.confirmed * value / total
    ratio = {kind: (right[kind] + _PRIOR) / (seen[kind] * share + _PRIOR) for kind in seen}
    return {kind: float(np.clip(np.sqrt(value), _LEAST, _MOST)) for kind, value in ratio.items()}


def _logistic(x: NDArray[np.float64], y: NDArray[np.bool_], *, steps: int = 50) -> tuple[float, float]:
    """Return slope and intercept by Newton's method, with the targets of Platt, which no perfect split can break.

    Source: Platt, Probabilistic Outputs for Support Vector Machines, 1999, section 2.2; the slope is held by a ridge.
    """
    positive, negative = int(y.sum()), int((~y).sum()) if len(y) else 0
    target = np.where(y, (positive + 1) / (positive + 2), 1 / (negative + 2)) if len(y) else np.empty(0)
    design = np.stack([x, np.ones(len(x))], axis=1) if len(x) else np.empty((0, 2))
    weight = np.array([0.0, np.log((positive + 1) / (negative + 1))])
    ridge = np.diag([1.0, 1e-3])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(design @ weight, -30, 30)))
        slope = design.T @ (chance - target) + ridge @ weight
        curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + ridge
        weight = weight - np.linalg.solve(curvature, slope)
    return float(weight[0]), float(weight[1])
