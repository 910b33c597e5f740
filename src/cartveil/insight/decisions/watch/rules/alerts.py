"""Findings of rules as alerts, one per actor and day, beside those of the detector."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from cartveil.insight.decisions.watch.alerts import Alert
from cartveil.insight.decisions.watch.days import day_of, in_utc
from cartveil.insight.decisions.watch.rules.findings import RuleFindings
from cartveil.insight.decisions.watch.rules.found import GRAVEST

#: Who acts where a finding is about the log itself.
LOG = "the audit log"
#: Marks the evidence of a rule among that of fields.
PREFIX = "rule "
#: The same, as the name of a column of a stream.
COLUMN = "rule_"
#: How many rules' findings an alert tells.
MOST_REASONS = 3
_MOST_EVENTS = 20


def rule_alerts(
    log: pa.Table, findings: RuleFindings, *, since: datetime | None = None, at_least: float = 0.5
) -> tuple[Alert, ...]:
    """Gather findings per actor and day.

    Args:
        log: That the rules were applied to.
        findings: What they found.
        since: Only findings of entries from this time on; default: all.
        at_least: Severity that a finding alone must have, or several of one day together.

    Returns:
        Alerts with the sum of each rule's gravest finding of the day as score, the strongest first.
    """
    actors = log["actor"].take(pa.array(findings.place)).cast(pa.string()).to_pylist()
    times = log["time"].take(pa.array(findings.place)).to_pylist()
    days: dict[tuple[str, object], list[int]] = defaultdict(list)
    for place, (rule, actor, time) in enumerate(zip(findings.rule, actors, times, strict=True)):
        if since is None or in_utc(time) >= in_utc(since):
            days[LOG if rule == "log_gap" else actor, day_of(time)].append(place)
    alerts = (_alert(actor, places, log, findings) for (actor, _), places in days.items())
    return tuple(sorted((alert for alert in alerts if alert.score >= at_least), key=lambda alert: -alert.score))


def both(rules: Alert, detector: Alert) -> Alert:
    """Return one alert of two about the same actor and day: the rules' reasons stand first, the alert names both."""
    return replace(
        detector,
        reasons=(*rules.reasons, *detector.reasons),
        events=tuple(dict.fromkeys((*rules.events, *detector.events))),
        subjects=tuple(dict.fromkeys((*rules.subjects, *detector.subjects))),
        found_by=(*rules.found_by, *detector.found_by),
        evidence=(*rules.evidence, *detector.evidence),
    )


def _alert(actor: str, places: Sequence[int], log: pa.Table, findings: RuleFindings) -> Alert:
    order = sorted(places, key=lambda place: -findings.severity[place])
    gravest: dict[str, int] = {}
    for place in order:
        gravest.setdefault(findings.rule[place], place)
    rows = findings.place[order[:_MOST_EVENTS]]
    subjects = log["subject"].take(pa.array(rows)).cast(pa.string()).to_pylist()
    severity = {rule: float(findings.severity[place]) for rule, place in gravest.items()}
    return Alert(
        actor=actor,
        time=log["time"][int(findings.place[order[0]])].as_py(),
        score=float(np.sum(list(severity.values()))),
        reasons=tuple(findings.evidence[place] for place in list(gravest.values())[:MOST_REASONS]),
        events=tuple(dict.fromkeys(int(index) for index in findings.index[order[:_MOST_EVENTS]])),
        subjects=tuple(dict.fromkeys(subject for subject in subjects if subject)),
        found_by=tuple(gravest),
        evidence=tuple((PREFIX + rule, GRAVEST * value) for rule, value in severity.items()),
    )
