"""Alerts as somebody's work: detector and rules in one currency, verdicts heeded, the budget kept.

The detector's scores and the severities of rules are not of one scale. Both are turned into evidence, minus the decimal
logarithm of the share of clean days with as much, and added. What touches a honeytoken, and what concerns the log
itself, is always an alert and does not count against the budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.operations.budget import Kept, choose_budget, keep_budget
from cartveil.insight.decisions.operations.verdicts import Recalibration, Verdict, recalibrate
from cartveil.insight.decisions.watch.alerts import Alert
from cartveil.insight.decisions.watch.detector import Detector, Scored, seconds_at
from cartveil.insight.decisions.watch.rules.alerts import COLUMN, LOG, PREFIX, both, rule_alerts
from cartveil.insight.decisions.watch.rules.findings import NOTHING_FOUND, RuleFindings
from cartveil.insight.decisions.watch.rules.found import GRAVEST
from cartveil.insight.sequences.streams import StreamSpec

_DAY = 86400
#: Evidence from which the detector, or the rules, are said to have found an alert: one clean day in ten.
_FOUND = 1.0
#: The part of clean days that makes the tail, and the least by which scores are told apart beyond it.
_TAIL, _LEAST_SCALE = 20, 0.25
#: Rules that alert whatever the budget says.
_ALWAYS = "honeytoken"


@dataclass(frozen=True)
class Watch:
    """What came of watching a period.

    Args:
        alerts: The strongest first; `Alert.score` is evidence in powers of ten.
        kept: How the budget was kept.
        recalibration: What verdicts changed.
        found: The stream as the detector sees it.
        score: Of every (actor, day) of it, those before the period included, (units,).
        unseen: Whether the budget was set on days that the training had not seen.
    """

    alerts: tuple[Alert, ...]
    kept: Kept
    recalibration: Recalibration
    found: Scored
    score: NDArray[np.float64]
    unseen: bool = True


def watch(
    detector: Detector,
    stream: pa.Table,
    *,
    per_day: float,
    since: datetime,
    rules: tuple[pa.Table, RuleFindings] | None = None,
    verdicts: Sequence[Verdict] = (),
) -> Watch:
    """Alert on the days from `since` on, within a budget.

    Args:
        detector: Trained on what came before `since`.
        stream: The events, those before `since` included.
        per_day: Alerts per calendar day.
        since: From when on.
        rules: A log and what rules found in it; the log must be the one that the stream was made of. What the detector
            takes as evidence already (`staff_stream`) is not added again: it gives reasons, and alerts that stand
            beside the budget.
        verdicts: What was said of earlier alerts.

    Returns:
        Alerts, and all that they rest on; the alerts of a day rest on that day and those before it.

    Raises:
        ModelError: The stream has no day before `since` to set the budget on.
    """
    found = detector.examine(stream)
    begin = seconds_at(since) // _DAY
    clean, unseen = _clean(found, detector, begin)
    units = _units(found, detector, rules)
    by_rules = units.severity.sum(1) * (not detector.spec.firm)
    parts = (_evidence(found.days.score, clean), _evidence(by_rules, clean))
    learnt = recalibrate(verdicts)
    score = (parts[0] + parts[1]) * (units.factors(learnt) if verdicts else 1.0)
    later = found.days.day >= begin
    always = units.touched_by(_ALWAYS)
    excused = units.confirmed(verdicts) | always
    budget = choose_budget(score[clean], found.days.day[clean], per_day=per_day)
    kept = keep_budget(budget, score[later], found.days.day[later], excused=excused[later])
    chosen = np.flatnonzero(later)[kept.alerted | always[later]]
    alerts = [
        units.alert(int(unit), float(score[unit]), by_rules_alone=bool(parts[0][unit] < _FOUND)) for unit in chosen
    ]
    alerts += _of_log(rules, since)
    return Watch(_strongest_first(alerts), kept, learnt, found, score, unseen)


@dataclass(frozen=True)
class _Units:
    """The (actor, day)s of an examined stream, with what rules found in them.

    Args:
        found: The stream.
        detector: That examined it.
        log: That rules were applied to; None without rules.
        findings: What they found, but for what concerns the log itself.
        of: Unit of each finding, (findings,).
        rules: Names of the rules that found something.
        severity: The gravest of each rule in each unit, (units, rules).
    """

    found: Scored
    detector: Detector
    log: pa.Table | None
    findings: RuleFindings
    of: NDArray[np.int64]
    rules: tuple[str, ...]
    severity: NDArray[np.float64]

    @property
    def names(self) -> list[str]:
        """Return the actor of each unit."""
        number, row = np.unique(self.found.actors, return_index=True)
        column = self.found.stream[self.detector.spec.actor].take(pa.array(row)).cast(pa.string()).to_pylist()
        known = dict(zip(number.tolist(), column, strict=True))
        return [str(known[actor]) for actor in self.found.days.actor.tolist()]

    def touched_by(self, rule: str) -> NDArray[np.bool_]:
        """Return which units have a finding of this rule."""
        touched = np.zeros(len(self.found.days.score), dtype=bool)
        touched[self.of[_is(self.findings, rule)]] = True
        return touched

    def confirmed(self, verdicts: Sequence[Verdict]) -> NDArray[np.bool_]:
        """Return which units somebody confirmed."""
        said = {(verdict.actor, verdict.day) for verdict in verdicts if verdict.confirmed}
        pairs = zip(self.names, self.found.days.day.tolist(), strict=True)
        return np.fromiter(((name, _date(day)) in said for name, day in pairs), bool, len(self.found.days.day))

    def factors(self, learnt: Recalibration) -> NDArray[np.float64]:
        """Return by what verdicts multiply each unit's score."""
        days = self.found.days
        count = len(days.score)
        fields = [np.bincount(days.unit, weights=each, minlength=count) for each in self.found.contributions.T]
        weight = np.stack([*fields, *(GRAVEST * self.severity).T], axis=1)
        kinds = (*self.detector.spec.described, *(PREFIX + rule for rule in self.rules))
        each = zip(self.names, days.day.tolist(), weight.tolist(), strict=True)
        found = (learnt.factor(actor, _date(day), dict(zip(kinds, row, strict=True))) for actor, day, row in each)
        return np.fromiter(found, np.float64, count)

    def alert(self, unit: int, score: float, *, by_rules_alone: bool) -> Alert:
        """Return the alert of a unit, in the words of whatever found it."""
        of_detector = _by_rules_too(replace(self.detector.alert_of(self.found, unit), score=score), self.detector.spec)
        mine = self.findings.some(np.flatnonzero(self.of == unit))
        if not by_rules_alone:
            # What a rule finds here every few days is no reason, though it adds a little to the score.
            mine = mine.some(np.flatnonzero(mine.severity >= _FOUND / GRAVEST))
        if self.log is None or not len(mine):
            return of_detector
        of_rules = rule_alerts(self.log, mine, at_least=0.0)[0]
        return replace(of_rules, score=score) if by_rules_alone else both(of_rules, of_detector)


def _by_rules_too(alert: Alert, spec: StreamSpec) -> Alert:
    """Return an alert that names the rules among its reasons, where rules are evidence of the detector."""
    broken = {spec.sentence(name): name.removeprefix(COLUMN) for name in spec.firm}
    rules = [broken[reason] for reason in alert.reasons if reason in broken]
    others = alert.found_by if len(rules) < len(alert.reasons) else ()
    return replace(alert, found_by=tuple(dict.fromkeys((*others, *rules)))) if rules else alert


def _units(found: Scored, detector: Detector, rules: tuple[pa.Table, RuleFindings] | None) -> _Units:
    log, findings = rules if rules is not None else (None, NOTHING_FOUND)
    findings = findings.without("log_gap")
    of = _units_of(found, findings.index, detector.spec)
    names = tuple(dict.fromkeys(findings.rule))
    severity = np.zeros((len(found.days.score), len(names)))
    for place, name in enumerate(names):
        mine = _is(findings, name)
        np.maximum.at(severity[:, place], of[mine], findings.severity[mine])
    return _Units(found, detector, log, findings, of, names, severity)


def _clean(found: Scored, detector: Detector, begin: int) -> tuple[NDArray[np.bool_], bool]:
    """Return which units are validation: before the period that is watched, and after what training has seen if any."""
    before = found.days.day < begin
    if len(before) and not before.any():
        raise ModelError("no day before `since` to set the budget on", hint="give the days before it as well")
    clean = before & (found.days.day > detector.settled)
    return (clean, True) if clean.any() else (before, not before.any())


def _evidence(score: NDArray[np.float64], clean: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return -log10 of the share of clean units with at least this score; 0 for a score of 0."""
    known = np.sort(score[clean])
    above = len(known) - np.searchsorted(known, score, side="left")
    evidence = -np.log10((above + 1) / (len(known) + 1))
    # Beyond what was ever seen nothing is known of the tail: evidence goes on to rise, ever more slowly.
    if len(known):
        tail = known[-max(2, len(known) // _TAIL) :]
        scale = max(float(tail.mean() - tail[0]), float(known[-1]) / _TAIL, _LEAST_SCALE)
        evidence += np.log1p(np.maximum(score - known[-1], 0.0) / (scale * np.log(10)))
    return np.asarray(np.where(score > 0, evidence, 0.0))


def _strongest_first(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    return tuple(sorted(alerts, key=lambda alert: (_ALWAYS not in alert.found_by, -alert.score)))


def _is(findings: RuleFindings, rule: str) -> NDArray[np.bool_]:
    return np.array([name == rule for name in findings.rule], dtype=bool)


def _units_of(found: Scored, index: NDArray[np.int64], spec: StreamSpec) -> NDArray[np.int64]:
    """Return the unit that each entry belongs to."""
    known = found.stream[spec.index].combine_chunks()
    rows = pc.index_in(pa.array(index, known.type), value_set=known).to_numpy(zero_copy_only=False)
    return np.asarray(found.days.unit[rows.astype(np.int64)], dtype=np.int64)


def _of_log(rules: tuple[pa.Table, RuleFindings] | None, since: datetime) -> tuple[Alert, ...]:
    if rules is None:
        return ()
    log, findings = rules
    gaps = findings.some(np.flatnonzero(_is(findings, "log_gap")))
    found = rule_alerts(log, gaps, since=since, at_least=0.0)
    return tuple(replace(alert, score=GRAVEST * alert.score) for alert in found if alert.actor == LOG)


def _date(day: int) -> date:
    return (datetime.fromtimestamp(0, UTC) + timedelta(days=day)).date()
