"""Incidents: alerts that belong together, so that one story is read once.

Alerts of one actor on days close to one another are one incident; so are alerts of several actors who went after the
same consumer, unless half the staff did: then the consumer is what is unusual, and the alerts stay apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from cartveil.insight.decisions.watch.alerts import Alert
from cartveil.insight.decisions.watch.days import day_of

#: Actors whom one consumer may bring together.
_MOST_ACTORS = 3


@dataclass(frozen=True)
class Incident:
    """Alerts that belong together.

    Args:
        name: Actor and day of the first alert; stays the same while alerts are added.
        actors: Who acts in it, by the strongest alert first.
        first: Time of the first alert.
        last: Time of the last one.
        score: Of the strongest alert.
        reasons: Of all alerts, those of the strongest first, each once.
        found_by: What found them, likewise.
        subjects: Pseudonyms concerned, likewise.
        alerts: In order of time.
    """

    name: str
    actors: tuple[str, ...]
    first: datetime
    last: datetime
    score: float
    reasons: tuple[str, ...]
    found_by: tuple[str, ...]
    subjects: tuple[str, ...]
    alerts: tuple[Alert, ...]

    def to_dict(self) -> dict[str, object]:
        """Return what a program may read; nothing in it is sensitive."""
        return {
            "incident": self.name,
            "actors": list(self.actors),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "score": round(self.score, 3),
            "reasons": list(self.reasons),
            "found_by": list(self.found_by),
            "subjects": list(self.subjects),
            "alerts": [name_of(alert) for alert in self.alerts],
        }


def name_of(alert: Alert) -> str:
    """Return what an alert is called by: its actor and day."""
    return f"{alert.actor}/{day_of(alert.time)}"


def group_alerts(alerts: Sequence[Alert], *, days: float = 3.0) -> tuple[Incident, ...]:
    """Group alerts into incidents, the strongest first.

    Args:
        alerts: In any order; one that is given twice counts once.
        days: How far apart alerts may lie that follow one another in an incident.
    """
    alerts = sorted({name_of(alert): alert for alert in alerts}.values(), key=lambda alert: (alert.time, alert.actor))
    group = list(range(len(alerts)))
    for first, second in _neighbours(alerts, timedelta(days=days)):
        _join(group, first, second)
    members: dict[int, list[Alert]] = defaultdict(list)
    for place, alert in enumerate(alerts):
        members[_root(group, place)].append(alert)
    return tuple(sorted((_incident(each) for each in members.values()), key=lambda incident: -incident.score))


def _neighbours(alerts: Sequence[Alert], apart: timedelta) -> Iterable[tuple[int, int]]:
    """Yield pairs of alerts that belong together: next to one another under the same actor or the same subject."""
    of_actor: dict[str, list[int]] = defaultdict(list)
    of_subject: dict[str, list[int]] = defaultdict(list)
    for place, alert in enumerate(alerts):
        of_actor[alert.actor].append(place)
        for subject in alert.subjects:
            of_subject[subject].append(place)
    wanted = [each for each in of_subject.values() if len({alerts[place].actor for place in each}) <= _MOST_ACTORS]
    for places in (*of_actor.values(), *wanted):
        for first, second in pairwise(places):
            if alerts[second].time - alerts[first].time <= apart:
                yield first, second


def _root(group: list[int], place: int) -> int:
    while group[place] != place:
        group[place] = group[group[place]]
        place = group[place]
    return place


def _join(group: list[int], first: int, second: int) -> None:
    # The earlier root wins, so that an incident keeps its name.
    roots = sorted((_root(group, first), _root(group, second)))
    group[roots[1]] = roots[0]


def _incident(alerts: Sequence[Alert]) -> Incident:
    strongest = sorted(alerts, key=lambda alert: -alert.score)
    return Incident(
        name=name_of(alerts[0]),
        actors=_once(alert.actor for alert in strongest),
        first=alerts[0].time,
        last=alerts[-1].time,
        score=strongest[0].score,
        reasons=_once(reason for alert in strongest for reason in alert.reasons),
        found_by=_once(source for alert in strongest for source in alert.found_by),
        subjects=_once(subject for alert in strongest for subject in alert.subjects),
        alerts=tuple(alerts),
    )


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
