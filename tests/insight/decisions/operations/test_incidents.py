from datetime import UTC, datetime, timedelta

from cartveil.insight.decisions.operations import group_alerts
from cartveil.insight.decisions.watch import Alert

START = datetime(2024, 5, 6, 12, tzinfo=UTC)


def alert(actor, day, score=1.0, subjects=(), **other):
    return Alert(actor, START + timedelta(days=day), score, (f"reason {day}",), (1,), tuple(subjects), **other)


def test_days_of_one_actor_that_follow_one_another_are_one_incident():
    (incident,) = group_alerts([alert("anna", 2, 3.0), alert("anna", 0), alert("anna", 5)])
    assert incident.name == "anna/2024-05-06"
    assert (incident.first, incident.last) == (START, START + timedelta(days=5))
    assert incident.reasons == ("reason 2", "reason 0", "reason 5")
    assert incident.score == 3.0


def test_days_far_apart_are_two():
    assert len(group_alerts([alert("anna", 0), alert("anna", 4)])) == 2


def test_two_actors_after_one_consumer_are_one_incident():
    (incident,) = group_alerts([alert("anna", 0, subjects=["p7"]), alert("bert", 1, 2.0, subjects=["p7", "p8"])])
    assert incident.actors == ("bert", "anna")
    assert incident.subjects == ("p7", "p8")


def test_a_consumer_whom_half_the_staff_reads_brings_nobody_together():
    assert len(group_alerts([alert(actor, 0, subjects=["vip"]) for actor in "abcde"])) == 5


def test_an_incident_keeps_its_name_when_alerts_are_added():
    few = [alert("anna", 0, subjects=["p1"]), alert("bert", 1, subjects=["p1"])]
    more = [*few, alert("bert", 3, 9.0), alert("anna", 2.5)]
    assert {each.name for each in group_alerts(few)} == {each.name for each in group_alerts(more)}


def test_an_alert_given_twice_counts_once_and_nothing_gives_nothing():
    (incident,) = group_alerts([alert("anna", 0), alert("anna", 0)])
    assert len(incident.alerts) == 1
    assert group_alerts([]) == ()


def test_what_found_it_is_named_and_the_strongest_incident_stands_first():
    found = group_alerts([alert("anna", 0, found_by=("burst",)), alert("anna", 1, 2.0), alert("bert", 9, 5.0)])
    assert [each.score for each in found] == [5.0, 2.0]
    assert found[1].found_by == ("detector", "burst")
    assert found[1].to_dict()["alerts"] == ["anna/2024-05-06", "anna/2024-05-07"]
