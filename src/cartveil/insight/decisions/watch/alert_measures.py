"""How good alerts on misuse are: precision and recall at a budget per day, and how much was read before the alert.

An alert is one actor on one day, or in one session; its score is its highest event score. Each day the highest units
are alerted. What an event's score may rest on is that event and earlier ones.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.measures import auc_roc, average_precision
from cartveil.insight.decisions.watch.judged import Judged
from cartveil.insight.sequences.relations import starts_of

_DAY = 86400
_NEVER = np.iinfo(np.int64).max


def alert_measures(
    judged: Judged, scores: NDArray[np.float64], *, budget: int = 20, unit: str = "day", seed: int = 0
) -> dict[str, Any]:
    """Return what alerting on the highest units of each day finds.

    Args:
        judged: The events.
        scores: Of each event, higher is more suspicious; NaN where there is none, which stands below all others.
        budget: Alerts a day.
        unit: `day` for (actor, day), `session` for (actor, session).
        seed: Of how ties are broken.

    Returns:
        precision, recall, average_precision, incident_recall, leaked_share_mean and more, and `per_scenario`; the
        chance values say what alerts drawn by lot would reach.

    Raises:
        InputError: Another number of scores than of events.
    """
    if len(scores) != len(judged.ids):
        raise InputError(f"{len(scores)} scores for {len(judged.ids)} events", path="score")
    scores = lowest_for_unknown(scores)
    units = _units(judged, scores, budget=budget, unit=unit, seed=seed)
    found = _incidents(judged, scores, units)
    positive, alerted = units.positive, units.alerted
    hits, alerts = int((positive & alerted).sum()), int(alerted.sum())
    perfect = np.minimum(np.bincount(units.day[positive] - units.day.min()), budget).sum() if positive.any() else 0
    stake, lost = found.stake, found.lost
    return {
        "unit": unit,
        "budget": budget,
        "units": len(positive),
        "misuse_units": int(positive.sum()),
        "alerts": alerts,
        "precision": hits / max(1, alerts),
        "precision_max": float(perfect / max(1, alerts)),
        "recall": hits / max(1, int(positive.sum())),
        "recall_chance": alerts / len(positive),
        "average_precision": average_precision(positive, units.score),
        "auroc": auc_roc(positive, units.score),
        "false_alarms_per_1000": 1000 * float((alerted & ~positive).sum() / max(1, (~positive).sum())),
        "event_average_precision": average_precision(judged.incident >= 0, scores),
        "incidents": len(stake),
        "incident_recall": _mean(found.found),
        "leaked_share_mean": _mean(lost / np.maximum(stake, 1)),
        "leaked_rows_median": float(np.median(lost)) if len(lost) else 0.0,
        "leaked_rows": int(lost.sum()),
        "rows_at_stake": int(stake.sum()),
        "days_to_alert_median": float(np.nanmedian(found.days)) if found.found.any() else None,
        "incident_recall_chance": _mean(found.luck),
        "per_scenario": _per_scenario(judged, units, found),
    }


def lowest_for_unknown(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores with one below all others where there is none."""
    known = scores[~np.isnan(scores)]
    return np.where(np.isnan(scores), (known.min() if len(known) else 0.0) - 1, scores)


def incident_outcomes(
    judged: Judged, scores: NDArray[np.float64], *, budget: int = 20
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return of each incident whether it was found, 1 or 0, and which share of what was at stake leaked before.

    Args:
        judged: The events.
        scores: See `alert_measures`; no NaN.
        budget: Alerts a day.
    """
    units = _units(judged, scores, budget=budget, unit="day", seed=0)
    found = _incidents(judged, scores, units)
    return found.found.astype(np.float64), found.lost / np.maximum(found.stake, 1)


@dataclass(frozen=True)
class ActorDays:
    """What is ranked: each actor's days.

    Args:
        actor: Number of the actor, (units,).
        score: Highest score of its events, (units,).
        positive: Whether it holds misuse, (units,).
    """

    actor: NDArray[np.int64]
    score: NDArray[np.float64]
    positive: NDArray[np.bool_]


def days_of(judged: Judged, scores: NDArray[np.float64]) -> ActorDays:
    """Return the days of all actors.

    Args:
        judged: The events.
        scores: See `alert_measures`; no NaN.
    """
    units = _units(judged, scores, budget=1, unit="day", seed=0)
    actor = np.empty(len(units.score), dtype=np.int64)
    actor[units.of] = judged.actor
    return ActorDays(actor, units.score, units.positive)


@dataclass(frozen=True)
class _Units:
    """What an alert may be about, an actor on a day or in a session.

    Args:
        of: Unit of each event, (rows,).
        day: Day of its first event, (units,).
        score: Highest score of its events, (units,).
        positive: Whether it holds misuse, (units,).
        alerted: Whether it is among the highest of its day, (units,).
        cut: Lowest alerted score of its day, (units,).
        share: Share of the day's units that is alerted, (units,).
    """

    of: NDArray[np.int64]
    day: NDArray[np.int64]
    score: NDArray[np.float64]
    positive: NDArray[np.bool_]
    alerted: NDArray[np.bool_]
    cut: NDArray[np.float64]
    share: NDArray[np.float64]


def _units(judged: Judged, scores: NDArray[np.float64], *, budget: int, unit: str, seed: int) -> _Units:
    second = judged.day if unit == "day" else judged.session
    width = int(second.max() - second.min()) + 1
    known, of = np.unique(judged.actor * width + second - second.min(), return_inverse=True)
    score = np.full(len(known), -np.inf)
    np.maximum.at(score, of, scores)
    begin = np.full(len(known), np.iinfo(np.int64).max)
    np.minimum.at(begin, of, judged.micros)
    day = begin // (_DAY * 1_000_000)
    # Ties go by lot, the same lot in every run.
    order = np.lexsort((-np.random.default_rng(seed).random(len(known)), -score, day))
    begins = starts_of(day[order])
    alerted = np.empty(len(known), dtype=bool)
    alerted[order] = np.arange(len(known)) - begins < budget
    _, first, place, count = np.unique(day[order], return_index=True, return_inverse=True, return_counts=True)
    lowest = score[order][first + np.minimum(count, budget) - 1]
    cut, share = np.empty(len(known)), np.empty(len(known))
    cut[order], share[order] = lowest[place], (np.minimum(count, budget) / count)[place]
    positive = np.bincount(of, weights=judged.incident >= 0, minlength=len(known)) > 0
    return _Units(of, day, score, positive, alerted, cut, share)


@dataclass(frozen=True)
class _Incidents:
    """Per incident, by number: whether it was found, what leaked before, what was at stake, days to the alert."""

    number: NDArray[np.int64]
    found: NDArray[np.bool_]
    lost: NDArray[np.int64]
    stake: NDArray[np.int64]
    days: NDArray[np.float64]
    luck: NDArray[np.float64]


def _incidents(judged: Judged, scores: NDArray[np.float64], units: _Units) -> _Incidents:
    numbers = np.unique(judged.incident[judged.incident >= 0])
    rows = [_incident(judged, scores, units, int(number)) for number in numbers]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    found, lost, stake, days, luck = (np.asarray(column) for column in columns)
    return _Incidents(numbers, found.astype(bool), lost, stake, days.astype(np.float64), luck)


def _incident(
    judged: Judged, scores: NDArray[np.float64], units: _Units, number: int
) -> tuple[bool, int, int, float, float]:
    own = np.flatnonzero(judged.incident == number)
    mine = np.unique(units.of[own])
    alert = min((_alerted_at(judged, scores, units, own=own, unit=int(unit)) for unit in mine), default=_NEVER)
    stake = int(judged.read[own].sum())
    before = judged.micros[own] <= alert
    day = float(alert // (_DAY * 1_000_000) - judged.day[own].min()) if alert < _NEVER else float("nan")
    luck = 1 - float(np.prod(1 - units.share[mine]))
    return bool(units.alerted[mine].any()), int(judged.read[own][before].sum()), stake, day, luck


def _alerted_at(
    judged: Judged, scores: NDArray[np.float64], units: _Units, *, own: NDArray[np.int64], unit: int
) -> int:
    """Return when a unit was alerted on, not before the incident's own first event there."""
    if not units.alerted[unit]:
        return _NEVER
    rows = np.flatnonzero(units.of == unit)
    begin = judged.micros[own[units.of[own] == unit]].min()
    reached = rows[(scores[rows] >= units.cut[unit]) & (judged.micros[rows] >= begin)]
    return int(judged.micros[reached].min()) if len(reached) else _NEVER


def _per_scenario(judged: Judged, units: _Units, found: _Incidents) -> dict[str, dict[str, float]]:
    kinds = np.array([judged.scenario.get(int(number), "") for number in found.number])
    answer = {}
    for kind in sorted({kind for kind in kinds.tolist() if kind}):
        mine = kinds == kind
        touched = np.unique(units.of[np.isin(judged.incident, found.number[mine])])
        answer[kind] = {
            "incident_recall": _mean(found.found[mine]),
            "incidents": int(mine.sum()),
            "leaked_share": float(found.lost[mine].sum() / max(1, found.stake[mine].sum())),
            "unit_recall": _mean(units.alerted[touched]),
            "units": len(touched),
        }
    return answer


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
