from collections import Counter
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.privacy import bound_contributions


def _release(rows):
    columns = {
        "subject": pa.array([row[0] for row in rows], pa.string()),
        "time": pa.array([datetime(2024, 1, 1) + timedelta(hours=row[1]) for row in rows], pa.timestamp("us")),
        "item": pa.array([str(number) for number in range(len(rows))], pa.string()),
    }
    return ProtectedEvents(pa.table(columns), {}, ProtectionMark())


def test_the_most_recent_events_stay_in_their_order():
    events = _release([("a", 3), ("a", 1), ("b", 0), ("a", 2), ("a", 3)])
    assert bound_contributions(events, at_most=2).table["item"].to_pylist() == ["0", "2", "4"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5))), st.integers(1, 4))
def test_nobody_contributes_more_and_nobody_loses_without_need(rows, at_most):
    before = Counter(row[0] for row in rows)
    after = Counter(bound_contributions(_release(rows), at_most=at_most).table["subject"].to_pylist())
    assert after == {subject: min(count, at_most) for subject, count in before.items()}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5)), min_size=1), st.integers(1, 4))
def test_what_goes_is_never_more_recent_than_what_stays(rows, at_most):
    kept = {int(item) for item in bound_contributions(_release(rows), at_most=at_most).table["item"].to_pylist()}
    for subject in "ab":
        own = [number for number, row in enumerate(rows) if row[0] == subject]
        gone = [(rows[number][1], number) for number in own if number not in kept]
        stay = [(rows[number][1], number) for number in own if number in kept]
        assert not gone or max(gone) < min(stay)


def test_a_bound_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        bound_contributions(_release([("a", 1)]), at_most=0)
