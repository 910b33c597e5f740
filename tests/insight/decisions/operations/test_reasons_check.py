from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("torch")

from cartveil.errors import ModelError
from cartveil.insight.decisions.operations.planting import CAUSES, plant_incidents
from cartveil.insight.decisions.operations.reasons_check import (
    deletion_check,
    named_causes,
    named_fields,
    named_rules,
)
from cartveil.insight.decisions.watch import Alert, audit_stream
from staffroom import UNTIL

SINCE = int(UNTIL.timestamp()) // 86400


@pytest.fixture(scope="module")
def planted(log):
    return plant_incidents(log, since=SINCE, each=2, generator=np.random.default_rng(0))


@pytest.fixture(scope="module")
def stream(planted):
    return audit_stream(planted.log)[0]


def test_reasons_name_what_was_planted(planted, stream, detector):
    found = named_causes(detector.examine(stream), planted.planted, CAUSES, detector=detector)
    assert len(found) == 2 * len(CAUSES)
    assert np.mean([each.named for each in found]) >= 0.8


def test_what_was_planted_scores_above_the_usual(planted, stream, detector):
    examined = detector.examine(stream)
    found = named_causes(examined, planted.planted, CAUSES, detector=detector)
    usual = np.median(examined.days.score[examined.days.day >= SINCE])
    assert np.median([each.score for each in found]) > usual + 1


def test_deleting_what_reasons_name_lowers_the_score_further_than_at_random(stream, detector):
    alerts = detector.alerts(stream, per_day=1, since=UNTIL)[:15]
    falls = deletion_check(detector, stream, alerts, generator=np.random.default_rng(0))
    assert falls.named.mean() > falls.at_random.mean() + 0.2
    assert falls.passed > 0.8


def test_reasons_that_are_made_up_do_not_pass(stream, detector):
    alerts = detector.alerts(stream, per_day=1, since=UNTIL)[:15]
    nonsense = [replace(alert, reasons=("the answer was deny; usual: allow",)) for alert in alerts]
    falls = deletion_check(detector, stream, nonsense, generator=np.random.default_rng(0))
    assert falls.passed < 0.2


def test_an_actor_or_day_that_the_stream_does_not_hold_is_passed_over(stream, detector):
    nobody = (("no case", "nobody", SINCE), ("no case", "agent1", SINCE + 999))
    assert named_causes(detector.examine(stream), nobody, CAUSES, detector=detector) == ()


def test_without_alerts_there_is_nothing_to_check(stream, detector):
    with pytest.raises(ModelError, match="no alert"):
        deletion_check(detector, stream, [], generator=np.random.default_rng(0))


def test_fields_are_read_off_the_sentences_that_a_person_sees(detector):
    evidence = (("rows", 5.0), ("hour", 0.6), ("day", 0.4))
    reasons = ("worked between 02-04 o'clock; usual: 10-12", "read 900 rows at once; usual: 1")
    alert = Alert("anna", UNTIL, 1.0, reasons, (), evidence=evidence)
    assert named_fields(alert, detector.spec) == ("hour", "rows")
    silent = replace(alert, reasons=("an unusual order of usual events",))
    assert named_fields(silent, detector.spec) == ()


def test_an_alert_that_was_given_is_judged_by_what_it_says(planted, stream, detector):
    examined = detector.examine(stream)
    kind, actor, day = next(each for each in planted.planted if each[0] == "other hours")
    time = UNTIL.replace(hour=3) + (day - SINCE) * timedelta(days=1)
    given = Alert(actor, time, 1.0, ("outside working hours on 0 of 9 days before",), (), found_by=("off_hours",))
    found = {
        each.alerted: each
        for each in named_causes(examined, planted.planted, CAUSES, detector=detector, alerts=[given])
    }
    assert found[True].reasons == ("rule off_hours",)
    assert found[True].named
    assert (found[True].kind, found[True].actor, found[True].day) == (kind, actor, day)
    other = replace(given, found_by=("bulk",))
    found = named_causes(examined, planted.planted, CAUSES, detector=detector, alerts=[other])
    assert [each.named for each in found if each.alerted] == [False]


def test_the_detector_is_no_rule_and_rules_that_an_alert_does_not_tell_do_not_count():
    alert = Alert("anna", UNTIL, 1.0, (), (), found_by=("bulk", "burst", "dormant", "off_hours", "detector"))
    assert named_rules(alert) == ("rule bulk", "rule burst", "rule dormant")
    assert named_rules(replace(alert, found_by=("detector",))) == ()


def test_what_reasons_weigh_is_what_the_score_is_made_of(stream, detector):
    examined = detector.examine(stream)
    assert examined.parts.shape == (len(examined.days.score), len(detector.spec.groups))
    np.testing.assert_allclose(examined.parts.sum(1), examined.days.score, atol=1e-6)


def test_reasons_seldom_name_what_was_not_planted_yet(log, planted, detector):
    before = named_causes(detector.examine(audit_stream(log)[0]), planted.planted, CAUSES, detector=detector)
    assert np.mean([each.named for each in before]) < 0.3
