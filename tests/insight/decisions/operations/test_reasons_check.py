from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

pytest.importorskip("torch")

from cartveil.errors import ModelError
from cartveil.insight.decisions.operations.planting import CAUSES, plant_incidents
from cartveil.insight.decisions.operations.reasons_check import deletion_check, named_causes, named_fields
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


def test_each_incident_has_an_actor_day_of_its_own_and_the_rest_of_the_log_is_as_it_was(log, planted):
    assert len(set(planted.planted)) == len({(actor, day) for _, actor, day in planted.planted})
    touched = pa.array([f"{actor}" for _, actor, _ in planted.planted])
    before = log.filter(pc.less(log["time"], pa.scalar(UNTIL)))
    assert planted.log.slice(0, before.num_rows).equals(before)
    assert set(touched.to_pylist()) <= set(log["actor"].to_pylist())


def test_the_log_stays_in_order_and_keeps_its_columns(log, planted):
    times = planted.log["time"].to_pylist()
    assert times == sorted(times)
    assert planted.log.schema == log.schema
    assert len(set(planted.log["index"].to_pylist())) == planted.log.num_rows


def test_what_the_columns_do_not_allow_is_left_out(log):
    plain = log.drop_columns(["device", "network"])
    plain = plain.set_column(plain.column_names.index("subject"), "subject", plain["subject"].cast(pa.string()))
    kinds = {
        kind for kind, _, _ in plant_incidents(plain, since=SINCE, each=1, generator=np.random.default_rng(0)).planted
    }
    assert kinds == set(CAUSES) - {"other place", "consumers in order"}


def test_too_short_a_log_is_refused(log):
    with pytest.raises(ModelError, match="too few"):
        plant_incidents(log, since=SINCE, each=500, generator=np.random.default_rng(0))
