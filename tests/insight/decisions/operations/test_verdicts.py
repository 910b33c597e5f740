import json
from datetime import date, timedelta

import numpy as np
import pytest

from cartveil.errors import ReadError
from cartveil.insight.decisions.operations.verdicts import Verdict, read_verdicts, recalibrate

DAY = date(2024, 5, 6)


def said(kind, confirmed, count, *, actor="someone", score=2.0):
    return [Verdict(f"{actor}{turn}", DAY, confirmed, {kind: 2.0, "hour": 0.2}, score) for turn in range(count)]


def test_evidence_that_is_dismissed_weighs_less_and_what_is_confirmed_more():
    learnt = recalibrate([*said("rows", False, 40), *said("step", True, 10, actor="other")])
    assert learnt.factor("new", DAY, {"rows": 3.0}) < 0.6
    assert learnt.factor("new", DAY, {"step": 3.0}) > 1.4
    assert learnt.factor("new", DAY, {"never seen": 3.0}) == 1.0


def test_without_verdicts_nothing_changes():
    learnt = recalibrate([])
    assert learnt.factor("anna", DAY, {"rows": 3.0}) == 1.0
    assert learnt.factor("anna", DAY, {}) == 1.0
    np.testing.assert_allclose(learnt.chance(np.array([0.0, 9.0])), 0.5)


@pytest.mark.parametrize("confirmed", [True, False])
def test_verdicts_of_one_kind_only_leave_the_weights_near_one(confirmed):
    learnt = recalibrate(said("rows", confirmed, 50))
    assert learnt.factor("new", DAY, {"rows": 1.0}) == pytest.approx(1.0, abs=0.15)
    assert np.isfinite(learnt.chance(np.array([0.0, 1e6]))).all()
    assert (learnt.chance(np.array([2.0]))[0] > 0.5) == confirmed


def test_what_an_actor_was_cleared_of_weighs_less_for_that_actor_and_comes_back():
    learnt = recalibrate([Verdict("anna", DAY, False, {"rows": 2.0, "hour": 0.5})])
    later = [learnt.factor("anna", DAY + timedelta(days=wait), {"rows": 1.0}) for wait in (0, 30, 365)]
    others = learnt.factor("bert", DAY, {"rows": 1.0})
    assert later[0] < 0.6 * others
    assert later[0] < later[1] < later[2] <= others
    assert learnt.factor("anna", DAY, {"hour": 1.0}) == pytest.approx(learnt.factor("bert", DAY, {"hour": 1.0}))


def test_a_dismissal_says_nothing_of_days_before_it():
    learnt = recalibrate([Verdict("anna", DAY, False, {"rows": 2.0})])
    before = DAY - timedelta(days=1)
    assert learnt.factor("anna", before, {"rows": 1.0}) == learnt.factor("bert", before, {"rows": 1.0})


def test_no_number_of_dismissals_silences_an_actor():
    learnt = recalibrate([Verdict("anna", DAY - timedelta(days=turn), False, {"rows": 2.0}) for turn in range(90)])
    assert learnt.factor("anna", DAY, {"rows": 1.0}) > 0.05


def test_the_chance_rises_with_the_score_where_verdicts_say_so():
    high, low = said("rows", True, 30, score=8.0), said("rows", False, 30, actor="other", score=1.0)
    chance = recalibrate([*high, *low]).chance(np.array([1.0, 3.0, 8.0]))
    assert chance[0] < 0.3 < 0.7 < chance[2]
    assert chance[0] < chance[1] < chance[2]


def test_of_two_verdicts_about_one_day_the_later_counts():
    learnt = recalibrate([Verdict("anna", DAY, True), Verdict("anna", DAY, False)])
    assert (learnt.confirmed, learnt.dismissed) == (0, 1)


def line(**other):
    alert = {"id": "anna/2024-05-06", "actor": "anna", "time": "2024-05-06T12:00:00+00:00", "score": 3.1}
    return json.dumps({**alert, "evidence": {"rows": 2.0}, **other})


def test_delivered_alerts_with_a_verdict_are_read_and_others_passed_over(tmp_path):
    path = tmp_path / "alerts.jsonl"
    path.write_text("\n".join([line(verdict="confirmed"), line(), "", line(actor="bert", verdict="dismissed")]))
    assert [(each.actor, each.day, each.confirmed) for each in read_verdicts(path)] == [
        ("anna", DAY, True),
        ("bert", DAY, False),
    ]


@pytest.mark.parametrize("text", ["no json", "[]", line(verdict="maybe"), '{"verdict": "confirmed"}'])
def test_what_is_no_alert_with_a_verdict_is_refused_with_its_line(tmp_path, text):
    path = tmp_path / "alerts.jsonl"
    path.write_text(line() + "\n" + text)
    with pytest.raises(ReadError, match=r"alerts\.jsonl:2") as caught:
        read_verdicts(path)
    assert "dismissed" in str(caught.value.hint)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ReadError):
        read_verdicts(tmp_path / "none.jsonl")


def test_the_day_of_a_verdict_is_that_of_utc(tmp_path):
    path = tmp_path / "alerts.jsonl"
    path.write_text(line(verdict="confirmed", time="2024-05-07T03:00:00+08:00"))
    assert read_verdicts(path)[0].day == DAY
