"""An alarm budget: how many alerts a day somebody has the time for, and the threshold that keeps to it.

A threshold chosen once goes stale: people join, screens change, a month ends. So the validation days choose where to
begin, and each day thereafter is judged by the scores of the days before it, and what was alerted too much or too
little is made up for over the days that follow. Over a period the mean then stays at the budget whatever happens to
the scores, as long as there is evidence for so many; what an attack adds and a verdict confirms is not held against
it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError

#: How many of the highest scores say how fast the tail falls off, where a budget is smaller than they can tell.
_TAIL = 20


@dataclass(frozen=True)
class AlarmBudget:
    """How many alerts a day, and the scores that say where the threshold lies.

    Args:
        per_day: Alerts per calendar day.
        scores: Of past (actor, day)s, (units,).
        days: Day of each, (units,); a day without any within their range counts as a day too.
        memory: How many days back scores tell something about today.
        repay: Over how many days a surplus or a lack of alerts is made up for.
        surge: How many times the budget one day may bring at most, the strongest; somebody has to look at them.
    """

    per_day: float
    scores: NDArray[np.float64]
    days: NDArray[np.int64]
    memory: int = 14
    repay: float = 2.0
    surge: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if not self.per_day > 0:
            raise InputError("a budget is above 0", path="per_day", hint="give alerts per day, such as 5 or 0.5")
        if len(self.scores) != len(self.days):
            raise InputError(f"{len(self.days)} days for {len(self.scores)} scores", path="days")

    def threshold(self, per_day: float | None = None) -> float:
        """Return the score that is reached so many times a day.

        Between two scores it lies in between; above the highest one, where a budget asks for less than one alert in
        all the days, the tail is taken as exponential. Never 0: what has no evidence is no alert.
        """
        wanted = self.per_day if per_day is None else per_day
        if not len(self.scores):
            return float(np.nextafter(0.0, 1.0))
        count = wanted * float(np.ptp(self.days) + 1)
        falling = np.sort(self.scores)[::-1]
        if count < 0.5:
            return float(falling[0] + _fall(falling) * np.log(0.5 / max(count, 1e-9)))
        cut = np.interp(count + 0.5, np.arange(1, len(falling) + 1), falling)
        return float(max(cut, np.nextafter(0.0, 1.0)))


@dataclass(frozen=True)
class Kept:
    """What a budget made of a period.

    Args:
        days: Every calendar day of the period, (days,).
        thresholds: Of each day, (days,).
        counts: Alerts of each day, (days,).
        alerted: Which units are alerts, (units,).
        budget: The budget with what the period added, to go on with.
    """

    days: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    counts: NDArray[np.int64]
    alerted: NDArray[np.bool_]
    budget: AlarmBudget

    @property
    def ratio(self) -> float:
        """Return alerts of the whole period against the budget for it: 1 is kept."""
        return float(self.counts.sum() / (self.budget.per_day * max(len(self.counts), 1)))


def choose_budget(scores: NDArray[np.float64], days: NDArray[np.int64], *, per_day: float) -> AlarmBudget:
    """Choose a budget on validation days, which no training has seen.

    Args:
        scores: Of each (actor, day), higher is more suspicious, (units,).
        days: Day of each, (units,).
        per_day: Alerts per calendar day.

    Raises:
        InputError: A budget of 0 or less, or another number of days than of scores.
    """
    return AlarmBudget(per_day, np.asarray(scores, dtype=np.float64), np.asarray(days, dtype=np.int64))


def hold_budget(budget: AlarmBudget, scores: NDArray[np.float64], days: NDArray[np.int64]) -> Kept:
    """Alert on a period by the threshold that was chosen, as it is."""
    return _kept(budget, scores, days, excused=None, repay=False)


def keep_budget(
    budget: AlarmBudget,
    scores: NDArray[np.float64],
    days: NDArray[np.int64],
    *,
    excused: NDArray[np.bool_] | None = None,
) -> Kept:
    """Alert on a period day by day, each by the days before it.

    Args:
        budget: What validation chose, or what the period before left.
        scores: Of each (actor, day) of the period, (units,).
        days: Day of each, (units,).
        excused: Units that a verdict confirmed: they are alerts and do not count against the budget, (units,).

    Guarantees:
        - The threshold of a day rests on earlier days only.
        - Alerts less budget, summed from the first day on, return to 0 whatever the scores do: a day aims at the
          budget less a part of what stands above it, and of equal scores at the threshold only so many are alerts.
        - A score of 0 is no alert: days with too little evidence stay below the budget.

    Source: the idea of Gibbs and Candès, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021, with the
        sum of the errors in place of the last one.
    """
    return _kept(budget, scores, days, excused=excused, repay=True)


def _kept(
    budget: AlarmBudget,
    scores: NDArray[np.float64],
    days: NDArray[np.int64],
    *,
    excused: NDArray[np.bool_] | None,
    repay: bool,
) -> Kept:
    excused = np.zeros(len(scores), dtype=bool) if excused is None else excused
    period = np.arange(days.min(), days.max() + 1) if len(days) else np.empty(0, dtype=np.int64)
    thresholds, counts = np.empty(len(period)), np.zeros(len(period), dtype=np.int64)
    alerted, surplus, known = np.zeros(len(scores), dtype=bool), 0.0, budget
    for place, day in enumerate(period):
        room = budget.per_day - surplus / budget.repay
        aim = float(np.clip(room, budget.per_day / 10, 3 * budget.per_day))
        thresholds[place] = known.threshold(aim if repay else None)
        today = days == day
        most = _most(budget, scores[today & ~excused], thresholds[place], room) if repay else len(scores)
        alerted[_strongest(scores, today & (scores >= thresholds[place]), most)] = True
        counts[place] = (alerted & today & ~excused).sum()
        if repay:
            surplus += counts[place] - budget.per_day
            known = _with_day(known, scores[today & ~excused], int(day))
    return Kept(period, thresholds, counts, alerted, known)


def _most(budget: AlarmBudget, scores: NDArray[np.float64], threshold: float, room: float) -> int:
    """Return how many alerts a day may bring."""
    most = max(1, int(np.ceil(budget.surge * budget.per_day)))
    if (scores == threshold).sum() <= room:
        return most
    # No threshold can part equal scores: what stands above them, and of them as many as there is room for.
    return min(most, max(int((scores > threshold).sum()), int(np.ceil(max(room, 0.0)))))


def _strongest(scores: NDArray[np.float64], among: NDArray[np.bool_], most: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(among)
    return rows[np.argsort(-scores[rows], kind="stable")[:most]]


def _with_day(budget: AlarmBudget, scores: NDArray[np.float64], day: int) -> AlarmBudget:
    """Return the budget with a day added, and those forgotten that are too long ago."""
    days = np.concatenate([budget.days, np.full(len(scores), day)])
    recent = days > day - budget.memory
    return replace(budget, scores=np.concatenate([budget.scores, scores])[recent], days=days[recent])


def _fall(falling: NDArray[np.float64]) -> float:
    """Return the mean excess of the highest scores over the one below them: the scale of an exponential tail."""
    top = falling[: min(_TAIL, max(1, len(falling) // 2))]
    return float(max(np.mean(top) - falling[min(len(top), len(falling) - 1)], 1e-9))
