import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.sequences.splits import first_since, leave_one_out, split_by_consumer, split_by_time
from cartveil.insight.sequences.store import SequenceSpec
from cartveil.insight.sequences.windows import Windows, sliding, whole_sequences
from journeys import regular, stored

SPEC = SequenceSpec()

_EPOCH = dt.datetime(1970, 1, 1)

events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=30)


def _table(found):
    subjects, times = zip(*found, strict=True)
    return pa.table({"subject": [str(each) for each in subjects], "time": times, "item": ["x"] * len(found)})


def _at(seconds):
    return _EPOCH + dt.timedelta(seconds=seconds)


def _guessed(found):
    return {event for begin, end in zip(found.scored, found.end, strict=True) for event in range(begin, end)}


@settings(max_examples=25, deadline=None)
@given(events, st.integers(0, 31), st.integers(0, 31))
def test_every_event_is_guessed_in_the_part_of_its_time(found, one, other):
    validate, test = sorted((one, other))
    with stored(_table(found), SPEC) as store:
        split = split_by_time(store, whole_sequences(store), validate=_at(validate), test=_at(test))
        seconds = store.time // 1_000_000
        assert _guessed(split.train) == set(np.flatnonzero(seconds < validate))
        assert _guessed(split.validate) == set(np.flatnonzero((seconds >= validate) & (seconds < test)))
        assert _guessed(split.test) == set(np.flatnonzero(seconds >= test))


@settings(max_examples=25, deadline=None)
@given(events, st.integers(0, 31))
def test_what_is_learnt_from_knows_nothing_of_what_came_later(found, validate):
    with stored(_table(found), SPEC) as store:
        split = split_by_time(store, whole_sequences(store), validate=_at(validate), test=_at(validate))
        assert all(store.time[end - 1] < validate * 1_000_000 for end in split.train.end)
        for part in (split.validate, split.test):
            assert part.start.tolist() == store.offsets[part.consumer].tolist()  # they read the whole past


@settings(max_examples=25, deadline=None)
@given(events, st.integers(-1, 31))
def test_the_first_event_since_a_moment_is_found_in_every_window(found, second):
    with stored(_table(found), SPEC) as store:
        windows = sliding(whole_sequences(store), length=3, step=2)
        slow = [
            next((event for event in range(start, end) if store.time[event] >= second * 1_000_000), end)
            for start, end in zip(windows.start, windows.end, strict=True)
        ]
        assert first_since(store, windows, second * 1_000_000).tolist() == slow


def test_a_moment_may_be_a_day_or_have_a_zone():
    with stored(regular([3], gap=43_200), SPEC) as store:  # midnight, noon, midnight
        zone = dt.timezone(dt.timedelta(hours=12))
        for moment in (dt.date(1970, 1, 2), dt.datetime(1970, 1, 2), dt.datetime(1970, 1, 2, 12, tzinfo=zone)):
            split = split_by_time(store, whole_sequences(store), validate=moment, test=moment)
            assert (split.train.end.tolist(), split.test.scored.tolist()) == ([2], [2])


def test_periods_in_the_wrong_order_are_refused():
    with stored(regular([3]), SPEC) as store, pytest.raises(InputError, match="test period begins before"):
        split_by_time(store, whole_sequences(store), validate=_at(2), test=_at(1))


def _subjects(store, part):
    return {store.subjects[who].as_py() for who in part.consumer.tolist()}


def test_a_consumer_falls_on_one_side_whoever_else_is_there():
    with stored(regular([4] * 60), SPEC) as store, stored(regular([2] * 30), SPEC) as fewer:
        parts = [
            split_by_consumer(of, sliding(whole_sequences(of), length=2, step=1), validate=0.2, test=0.3)
            for of in (store, fewer)
        ]
        sides = [_subjects(store, part) for part in (parts[0].train, parts[0].validate, parts[0].test)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 60
        assert all(sides)
        for side, part in zip(sides, (parts[1].train, parts[1].validate, parts[1].test), strict=True):
            assert _subjects(fewer, part) <= side


def test_shares_are_met_and_another_seed_gives_another_split():
    with stored(regular([1] * 2000), SPEC) as store:
        whole = whole_sequences(store)
        split, other = (split_by_consumer(store, whole, validate=0.1, test=0.2, seed=seed) for seed in (0, 1))
        assert abs(len(split.validate) - 200) < 60
        assert abs(len(split.test) - 400) < 80
        assert split.test.consumer.tolist() != other.test.consumer.tolist()


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.1), (0.1, float("nan"))])
def test_shares_that_leave_nobody_to_learn_from_are_refused(shares):
    with stored(regular([1]), SPEC) as store, pytest.raises(InputError, match="shares"):
        split_by_consumer(store, whole_sequences(store), validate=shares[0], test=shares[1])


def test_leave_one_out_tests_on_the_last_event_and_validates_on_the_one_before():
    split = leave_one_out(Windows(*(np.array(values) for values in ((0, 1), (0, 5), (0, 5), (5, 7)))))
    assert (split.train.start.tolist(), split.train.end.tolist()) == (
        [0, 5],
        [3, 7],
    )  # two events are learnt from whole
    assert (split.validate.start.tolist(), split.validate.scored.tolist(), split.validate.end.tolist()) == (
        [0],
        [3],
        [4],
    )
    assert (split.test.start.tolist(), split.test.scored.tolist(), split.test.end.tolist()) == ([0], [4], [5])
