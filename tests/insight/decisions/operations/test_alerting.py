from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

pytest.importorskip("torch")

from cartveil.errors import ModelError
from cartveil.insight.decisions.operations import watch
from cartveil.insight.decisions.operations.incidents import name_of
from cartveil.insight.decisions.operations.planting import plant_incidents
from cartveil.insight.decisions.operations.verdicts import Verdict
from cartveil.insight.decisions.watch import DetectorConfig, audit_stream, train_detector
from cartveil.insight.decisions.watch.rules import RuleConfig, apply_rules
from cartveil.insight.decisions.watch.staff import spec_without_rules, staff_stream
from staffroom import UNTIL

SINCE = int(UNTIL.timestamp()) // 86400


@pytest.fixture(scope="module")
def planted(log):
    kinds = ("many records", "case of another", "other hours")
    return plant_incidents(log, since=SINCE, each=1, generator=np.random.default_rng(1), kinds=kinds)


@pytest.fixture(scope="module")
def stream(planted):
    return audit_stream(planted.log)[0]


def alerted(found):
    return {(alert.actor, int(alert.time.timestamp()) // 86400) for alert in found.alerts}


def test_the_budget_is_kept_on_a_short_log(log, detector):
    stream = audit_stream(log)[0]
    for per_day in (0.5, 1, 2):
        assert watch(detector, stream, per_day=per_day, since=UNTIL).kept.ratio <= 1.3


def test_detector_and_rules_together_find_what_was_planted_and_say_which_did(planted, stream, detector):
    rules = (planted.log, apply_rules(planted.log))
    found = watch(detector, stream, per_day=2, since=UNTIL, rules=rules)
    assert {(actor, day) for _, actor, day in planted.planted} <= alerted(found)
    by = {source for alert in found.alerts for source in alert.found_by}
    assert {"detector", "bulk", "case_of_another", "off_hours"} <= by


def test_alerts_stand_in_order_and_lie_after_since(stream, detector):
    found = watch(detector, stream, per_day=2, since=UNTIL + timedelta(days=3))
    assert [alert.score for alert in found.alerts] == sorted((alert.score for alert in found.alerts), reverse=True)
    assert min(alert.time for alert in found.alerts) >= UNTIL + timedelta(days=3)
    assert found.kept.alerted.sum() == len(found.alerts)


def test_a_honeytoken_alerts_beside_the_budget_and_stands_first(log, detector):
    stream = audit_stream(log)[0]
    seen = log["subject"].to_pylist()
    late = next(row for row in reversed(log.to_pylist()) if seen.count(row["subject"]) == 1)
    config = RuleConfig(rules=("honeytoken",), honeytokens=(str(late["subject"]),))
    found = watch(detector, stream, per_day=0.1, since=UNTIL, rules=(log, apply_rules(log, config=config)))
    assert found.alerts[0].actor == late["actor"]
    assert found.alerts[0].found_by[0] == "honeytoken"
    assert found.kept.counts.sum() <= 4


def test_a_gap_in_the_log_is_an_alert_of_its_own(planted, stream, detector):
    middle = planted.log.num_rows - 200
    cut = pa.concat_tables([planted.log.slice(0, middle), planted.log.slice(middle + 5)])
    found = watch(detector, audit_stream(cut)[0], per_day=1, since=UNTIL, rules=(cut, apply_rules(cut)))
    assert "the audit log" in {alert.actor for alert in found.alerts}


def test_what_was_dismissed_sinks_and_what_was_confirmed_stays(stream, detector):
    plain = watch(detector, stream, per_day=1, since=UNTIL)
    first = plain.alerts[0]
    said = [Verdict(first.actor, first.time.date(), False, dict(first.evidence), first.score)]
    dismissed = watch(detector, stream, per_day=1, since=UNTIL, verdicts=said)
    again = {(alert.actor, alert.time): alert.score for alert in dismissed.alerts}
    assert again.get((first.actor, first.time), 0.0) < first.score
    confirmed = [Verdict(first.actor, first.time.date(), True, dict(first.evidence), first.score)]
    assert watch(detector, stream, per_day=1, since=UNTIL, verdicts=confirmed).alerts[0].actor == first.actor


def test_verdicts_of_later_days_do_not_change_earlier_alerts(stream, detector):
    plain = watch(detector, stream, per_day=1, since=UNTIL)
    late = max(plain.alerts, key=lambda alert: alert.time)
    said = [Verdict(late.actor, late.time.date() + timedelta(days=1), False, {}, late.score)]
    changed = watch(detector, stream, per_day=1, since=UNTIL, verdicts=said)
    assert alerted(changed) == alerted(plain)


def test_without_a_day_before_since_there_is_nothing_to_set_the_budget_on(log, detector):
    stream = audit_stream(log)[0]
    late = stream.filter(pc.greater_equal(stream["time"], pa.scalar(UNTIL, stream["time"].type)))
    with pytest.raises(ModelError, match="no day before `since`"):
        watch(detector, late, per_day=1, since=UNTIL)


def test_it_is_known_whether_the_budget_was_set_on_days_of_the_training(stream, detector):
    assert watch(detector, stream, per_day=1, since=UNTIL).unseen
    assert not watch(detector, stream, per_day=1, since=UNTIL - timedelta(days=14)).unseen


def test_rules_that_the_detector_takes_as_evidence_are_not_added_again(planted):
    described, spec = staff_stream(planted.log)
    plain = DetectorConfig(network=False)
    rules = (planted.log, apply_rules(planted.log))
    knows = train_detector(described, spec=spec, until=UNTIL, config=plain)
    bare = train_detector(described, spec=spec_without_rules(spec), until=UNTIL, config=plain)
    alone, beside = (watch(knows, described, per_day=2, since=UNTIL, rules=each) for each in (None, rules))
    np.testing.assert_array_equal(beside.score, alone.score)
    assert {"bulk", "off_hours"} & {source for alert in beside.alerts for source in alert.found_by}
    alone, beside = (watch(bare, described, per_day=2, since=UNTIL, rules=each) for each in (None, rules))
    assert (beside.score > alone.score).any()


def test_an_empty_stream_gives_no_alert(stream, detector):
    assert watch(detector, stream.slice(0, 0), per_day=1, since=UNTIL).alerts == ()


def test_a_log_in_another_zone_gives_the_same_alerts(planted, detector):
    zone = pa.timestamp("us", "Asia/Shanghai")
    there = planted.log.set_column(1, "time", planted.log["time"].cast(zone))
    found = [
        watch(detector, audit_stream(log)[0], per_day=2, since=UNTIL, rules=(log, apply_rules(log)))
        for log in (planted.log, there)
    ]
    assert [name_of(alert) for alert in found[0].alerts] == [name_of(alert) for alert in found[1].alerts]


def test_what_a_rule_finds_every_few_days_is_no_reason(log, detector):
    findings = apply_rules(log)
    weak = replace(findings, severity=np.full(len(findings), 0.05))
    found = watch(detector, audit_stream(log)[0], per_day=2, since=UNTIL, rules=(log, weak.without("log_gap")))
    by_detector = [alert for alert in found.alerts if "detector" in alert.found_by]
    assert by_detector
    assert {alert.found_by for alert in by_detector} == {("detector",)}
