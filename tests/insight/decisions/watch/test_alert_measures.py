from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import InputError
from cartveil.insight.decisions.watch.alert_measures import alert_measures, incident_outcomes
from cartveil.insight.decisions.watch.judged import Judged

START = datetime(2024, 4, 1, tzinfo=UTC)
FIRST = (START - datetime(1970, 1, 1, tzinfo=UTC)).days


def log(*rows):
    """Return a log of (hours after the start, actor, rows read, changes...)."""
    entries = []
    for number, (hours, actor, read, *changes) in enumerate(rows):
        entry = {
            "event_id": number,
            "time": START + timedelta(hours=hours),
            "actor": actor,
            "session": f"s{actor}",
            "action": "view",
            "rows": read,
            "decision": "allow",
        }
        entries.append(entry | dict(changes))
    return pa.Table.from_pylist(entries)


def labels(*rows):
    """Return labels of (event_id, incident, scenario)."""
    names = ("event_id", "incident", "scenario")
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def judged(*rows, marked=((0, 1, "snooping"),)):
    return Judged.of(log(*rows), labels(*marked), since=FIRST)


def test_each_day_the_highest_units_are_alerted():
    events = judged((1, "a", 1), (2, "b", 1), (3, "c", 1), (25, "a", 1), (26, "b", 1))
    found = alert_measures(events, np.array([3.0, 2.0, 1.0, 0.0, 1.0]), budget=1)
    assert (found["alerts"], found["units"], found["misuse_units"]) == (2, 5, 1)
    assert (found["precision"], found["recall"], found["incident_recall"]) == (0.5, 1.0, 1.0)
    assert found["false_alarms_per_1000"] == 250


def test_a_units_score_is_its_highest_event_score():
    events = judged((1, "a", 1), (2, "b", 1), (3, "a", 1))
    assert alert_measures(events, np.array([0.0, 2.0, 3.0]), budget=1)["incident_recall"] == 1


def test_what_was_read_up_to_the_alerting_event_has_leaked():
    events = judged(
        (1, "a", 10), (2, "a", 20), (3, "a", 70), (4, "b", 1), marked=[(number, 1, "bulk") for number in range(3)]
    )
    found = alert_measures(events, np.array([0.0, 5.0, 9.0, 5.0]), budget=2)
    # The day's cut is 5: the second event reaches it.
    assert (found["leaked_rows"], found["rows_at_stake"], found["leaked_share_mean"]) == (30, 100, 0.3)
    assert alert_measures(events, np.array([0.0, 5.0, 5.0, 6.0]), budget=1)["leaked_share_mean"] == 1


def test_an_alert_before_the_incident_began_that_day_does_not_count_as_early():
    events = judged((1, "a", 5), (2, "a", 10), (3, "a", 10), marked=[(1, 1, "bulk"), (2, 1, "bulk")])
    assert alert_measures(events, np.array([9.0, 0.0, 9.0]), budget=1)["leaked_rows"] == 20


def test_denied_reads_and_approvals_do_not_leak():
    events = judged(
        (1, "a", 10, ("decision", "deny")),
        (2, "a", 10, ("action", "approve")),
        (3, "a", 10),
        marked=[(number, 1, "bulk") for number in range(3)],
    )
    assert alert_measures(events, np.zeros(3), budget=1)["rows_at_stake"] == 10


def test_sessions_may_be_alerted_instead_of_days():
    events = judged((1, "a", 1), (25, "a", 1), (26, "b", 1))
    assert alert_measures(events, np.zeros(3), budget=9, unit="session")["units"] == 2
    assert alert_measures(events, np.zeros(3), budget=9)["units"] == 3


def test_an_event_without_a_score_stands_below_all_others():
    events = judged((1, "a", 1), (2, "b", 1))
    assert alert_measures(events, np.array([np.nan, -5.0]), budget=1)["incident_recall"] == 0


def test_ties_are_broken_by_the_same_lot_every_time():
    events = judged(*((1, f"a{number}", 1) for number in range(20)))
    first, again = (alert_measures(events, np.zeros(20), budget=3) for _ in range(2))
    assert first == again


def test_incidents_are_told_apart_by_scenario():
    events = judged((1, "a", 1), (2, "b", 1), (25, "c", 1), marked=[(0, 1, "one"), (1, 2, "two"), (2, 3, "two")])
    found = alert_measures(events, np.array([1.0, 0.0, 0.0]), budget=1)["per_scenario"]
    assert (found["one"]["incident_recall"], found["two"]["incident_recall"]) == (1.0, 0.5)
    assert incident_outcomes(events, np.array([1.0, 0.0, 0.0]), budget=1)[0].tolist() == [1, 0, 1]


def test_events_before_the_judged_days_are_left_out():
    events = Judged.of(log((-30, "a", 1), (1, "a", 1)), labels((1, 1, "x")), since=FIRST)
    assert events.ids.tolist() == [1]


def test_a_label_of_an_event_that_is_not_judged_is_refused():
    with pytest.raises(InputError, match="not judged"):
        judged((1, "a", 1), marked=((7, 1, "x"),))


def test_a_log_without_judged_events_is_refused():
    with pytest.raises(InputError, match="no event to judge"):
        Judged.of(log((-30, "a", 1)), labels((0, 1, "x")), since=FIRST)


def test_another_number_of_scores_is_refused():
    with pytest.raises(InputError, match="2 scores for 1 events"):
        alert_measures(judged((1, "a", 1)), np.zeros(2))
