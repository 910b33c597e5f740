"""Alerts: the days of an actor that stand out, and why, in plain words."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.insight.sequences.streams import StreamSpec

_DAY = 86400
#: How many of a day's strangest events make its score: one alone may be chance, a full day of small ones is work.
_STRANGEST = 5
#: What is left of an actor's score a day later.
_CARRIED = 0.6
#: A habit is the median of this many days, none of them of the last week; with fewer than three it is that of others.
_HABIT_DAYS, _SETTLED_DAYS, _FEWEST_DAYS = 30, 7, 3


@dataclass(frozen=True)
class Alert:
    """One actor on one day.

    Args:
        actor: Name of an employee or service, or a consumer's pseudonym.
        time: Of the day's strangest event.
        score: Evidence in powers of ten, summed; comparable within one detector.
        reasons: Why, strongest first, in plain words.
        events: `index` of the events that the score is made of, strangest first.
        subjects: Pseudonyms that those events concern; empty where the stream has no subjects.
    """

    actor: str
    time: datetime
    score: float
    reasons: tuple[str, ...]
    events: tuple[int, ...]
    subjects: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what a program may read; nothing in it is sensitive."""
        return {
            "actor": self.actor,
            "time": self.time.isoformat(),
            "score": round(self.score, 3),
            "reasons": list(self.reasons),
            "events": list(self.events),
            "subjects": list(self.subjects),
        }


@dataclass(frozen=True)
class Days:
    """Scores per actor and day.

    Args:
        unit: Which (actor, day) each event belongs to, (rows,).
        actor: Number of the actor of each unit.
        day: Days since 1970 of each unit.
        own: Root of the sum of the day's strangest events, (units,).
        score: By how much that exceeds the actor's habit, with what is left of the days before, (units,).
    """

    unit: NDArray[np.int64]
    actor: NDArray[np.int64]
    day: NDArray[np.int64]
    own: NDArray[np.float64]
    score: NDArray[np.float64]


def score_days(
    actors: NDArray[np.int64], seconds: NDArray[np.int64], scores: NDArray[np.float64], *, usual: float, settled: int
) -> Days:
    """Gather event scores per actor and day, against what the actor's days were like before.

    Args:
        actors: Number of the actor of each event.
        seconds: Time of each event.
        scores: Of each event, at least 0; one event or more.
        usual: What stands for the habit of an actor without a past, as `Days.own`.
        settled: Day from which scores mean something: before it the network has seen the events, and everything
            was new to the counts.
    """
    days = seconds // _DAY
    first_day = int(days.min())
    width = int(days.max()) - first_day + 1
    keys, unit = np.unique(actors * width + (days - first_day), return_inverse=True)
    actor, day = keys // width, keys % width + first_day
    order = np.lexsort((-scores, unit))
    place = np.arange(len(unit)) - np.searchsorted(unit[order], unit[order], side="left")
    top = order[place < _STRANGEST]
    # The root evens out that strange days also vary more.
    own = np.sqrt(np.bincount(unit[top], weights=scores[top], minlength=len(keys)))
    return Days(unit, actor, day, own, _above_habit(actor, day, own, usual=usual, settled=settled))


def _above_habit(
    actor: NDArray[np.int64], day: NDArray[np.int64], own: NDArray[np.float64], *, usual: float, settled: int
) -> NDArray[np.float64]:
    """Return by how much each day exceeds the actor's habit, with what is left of the days before."""
    # A loop over actors' days, of which there are few; each step needs the one before.
    score, first = np.empty(len(own)), 0
    for place in range(len(own)):
        if place and (actor[place] != actor[place - 1] or day[place - 1] < settled):
            first = place
        # The last days are no habit yet: who misuses access for a week must not become used to it.
        known = own[first + np.flatnonzero(day[first:place] < day[place] - _SETTLED_DAYS)][-_HABIT_DAYS:]
        habit = float(np.median(known)) if len(known) >= _FEWEST_DAYS else usual
        carried = _CARRIED ** (day[place] - day[place - 1]) * score[place - 1] if place > first else 0.0
        score[place] = max(own[place] - habit, 0.0) + carried
    return score


def reasons_of(
    events: pa.Table, past: pa.Table, contributions: NDArray[np.float64], *, spec: StreamSpec, most: int = 3
) -> tuple[str, ...]:
    """Put the strongest fields of some events into words.

    Args:
        events: The alert's events.
        past: What `usual` is taken from: the actor's earlier events, or the peers' where there are too few.
        contributions: Evidence of each event and field, (events, fields).
        spec: The stream's.
        most: How many reasons at most.
    """
    weight = contributions.sum(0)
    said: list[str] = []
    for field in np.argsort(-weight, kind="stable"):
        if len(said) == most or weight[field] <= 0.1 * weight.max():
            break
        name = spec.described[field]
        value = _say(events[name][int(np.argmax(contributions[:, field]))].as_py())
        usual = _usual(past[name], numeric=name in spec.numeric)
        # A usual value can still surprise the network, as part of an unusual order of events: no reason to a reader.
        if value != usual:
            said.append(spec.sentence(name).format(value=value, usual=usual))
    return tuple(said) or ("an unusual order of usual events",)


def _usual(column: pa.ChunkedArray, *, numeric: bool) -> str:
    known = column.drop_null()
    if len(known) == 0:
        return "none"
    if numeric:
        return _say(pc.quantile(known.cast(pa.float64()), q=0.5)[0].as_py())
    counts = pc.value_counts(known)
    return _say(counts.field("values")[int(np.argmax(counts.field("counts").to_numpy()))].as_py())


def _say(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.1f}"
    return "none" if value is None else str(value)
