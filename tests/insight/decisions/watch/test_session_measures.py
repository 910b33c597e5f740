from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError, InputError
from cartveil.insight.decisions.watch.session_measures import Sessions, session_figures

START = datetime(2024, 3, 4, tzinfo=UTC)
SINCE = int(START.timestamp()) // 86400


def _data(rows):
    """Rows of (day, consumer, session, action, amount, incident or None)."""
    events = pa.table(
        {
            "event_id": np.arange(len(rows)),
            "time": pa.array(
                [START + timedelta(days=row[0], seconds=place) for place, row in enumerate(rows)],
                pa.timestamp("us", "UTC"),
            ),
            "consumer": pa.array([row[1] for row in rows]),
            "session": pa.array([row[2] for row in rows]),
            "action": pa.array([row[3] for row in rows]),
            "amount": pa.array([row[4] for row in rows], pa.float64()),
            "decision": ["allow"] * len(rows),
        }
    )
    bad = [(place, row[5]) for place, row in enumerate(rows) if row[5] is not None]
    names = ("event_id", "incident")
    labels = pa.table({name: pa.array([pair[side] for pair in bad], pa.int64()) for side, name in enumerate(names)})
    return events, labels.append_column("scenario", pa.array(["stranger"] * len(bad), pa.string()))


ROWS = [
    (0, 1, "a", "login", None, None),
    (0, 1, "a", "checkout", 10.0, None),
    (0, 2, "b", "login", None, 7),
    (0, 2, "b", "checkout", 40.0, 7),
    (1, 2, "c", "checkout", 60.0, 7),
    (1, 3, "d", "login", None, None),
]


def _figures(scores, rows=ROWS, **kept):
    sessions = Sessions.of_events(*_data(rows), since=SINCE)
    return session_figures(sessions, np.array(scores, dtype=np.float64), **kept)


def test_a_perfect_detector_finds_every_session_and_loses_what_was_spent_before_its_alarm():
    found = _figures([0, 0, 1, 9, 9, 0])
    assert found["session_average_precision"] == found["session_auroc"] == 1
    assert found["recall_at_0.1pct_fpr"] == found["incident_recall_01pct"] == 1
    # The login already lies above every clean session.
    assert found["lost_share_01pct"] == 0
    assert _figures([0, 0, 0, 9, 9, 0])["lost_share_01pct"] == pytest.approx(0.4)
    assert _figures([5, 5, 0, 0, 0, 5])["lost_share_01pct"] == 1


def test_a_session_is_as_suspicious_as_its_worst_event():
    assert _figures([0, 3, 9, 0, 1, 2])["session_average_precision"] == pytest.approx((1 + 2 / 4) / 2)


def test_equal_scores_find_nobody_at_a_small_share_of_false_alarms():
    found = _figures([1] * 6)
    assert found["recall_at_1pct_fpr"] == found["incident_recall_1pct"] == 0
    assert found["session_average_precision"] == pytest.approx(0.5)


def test_a_consumer_found_out_leaves_the_later_lists():
    found = _figures([0, 0, 9, 9, 9, 0], top=1)
    assert found["card_precision_1"] == found["card_precision_1_max"] == 0.5
    assert found["card_recall_1"] == 1


def test_each_kind_of_takeover_has_its_figures():
    assert _figures([0, 0, 9, 9, 0, 0])["per_scenario"]["stranger"] == {
        "incident_recall": 1,
        "incidents": 1,
        "leaked_share": 0,
        "unit_recall": 0.5,
        "units": 2,
    }


def test_events_without_a_score_come_last_and_unknown_ones_are_ignored():
    sessions = Sessions.of_events(*_data(ROWS), since=SINCE)
    aligned = sessions.aligned(np.array([99, 3, 0]), np.array([5.0, 2.0, 1.0]))
    assert aligned.tolist() == [1, 0, 0, 2, 0, 0]


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6))
def test_figures_hang_on_the_order_of_scores_only(scores):
    stretched = np.arctan(np.round(scores, 3))
    assert _figures(np.round(scores, 3)) == _figures(stretched)


def test_only_days_from_the_start_are_judged():
    sessions = Sessions.of_events(*_data(ROWS), since=SINCE + 1)
    assert sessions.ids.tolist() == [4, 5]
    with pytest.raises(InputError):
        Sessions.of_events(*_data(ROWS), since=SINCE + 9)


def test_a_score_that_is_no_number_and_a_missing_column_are_refused():
    events, labels = _data(ROWS)
    with pytest.raises(InputError):
        Sessions.of_events(events, labels, since=SINCE).aligned(np.array([0]), np.array([np.nan]))
    with pytest.raises(ColumnError):
        Sessions.of_events(events.drop_columns(["amount"]), labels, since=SINCE)
