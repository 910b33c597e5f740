import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.sequences.store import SequenceSpec
from cartveil.insight.sequences.windows import (
    Windows,
    blocks_of,
    bounded,
    covered,
    ranges,
    sessions,
    sliding,
    truncated,
    whole_sequences,
)
from journeys import regular, stored

SPEC = SequenceSpec()


@st.composite
def windows(draw, most=12):
    sizes = draw(st.lists(st.integers(1, most), min_size=1, max_size=6))
    end = np.cumsum(sizes)
    start = end - sizes
    known = np.array([draw(st.integers(0, size)) for size in sizes])
    return Windows(np.arange(len(sizes)), start, start + known, end)


def _pairs(found):
    return list(zip(found.start.tolist(), found.end.tolist(), strict=True))


def _targets(found):
    """Return which events are guessed, with one before them, each as often as it is."""
    first = np.maximum(found.scored, found.start + 1)
    return ranges(first, np.maximum(first, found.end)).tolist()


def test_a_consumer_is_one_whole_sequence():
    with stored(regular([3, 1, 2]), SPEC) as store:
        found = whole_sequences(store)
        assert found.consumer.tolist() == [0, 1, 2]
        assert sorted(found.lengths.tolist()) == [1, 2, 3]
        assert found.scored.tolist() == found.start.tolist()


@given(windows(), st.integers(1, 15))
def test_truncation_keeps_one_end(found, at_most):
    last, first = truncated(found, at_most=at_most), truncated(found, at_most=at_most, keep="first")
    assert last.end.tolist() == found.end.tolist()
    assert first.start.tolist() == found.start.tolist()
    for cut in (last, first):
        assert cut.lengths.tolist() == np.minimum(found.lengths, at_most).tolist()
        assert np.all((cut.start <= cut.scored) & (cut.scored <= cut.end))
        assert set(_targets(cut)) <= set(_targets(found))


@given(windows(), st.integers(2, 8), st.data())
def test_sliding_windows_guess_every_event_once(found, length, data):
    step = data.draw(st.integers(1, length - 1))
    cut = sliding(found, length=length, step=step)
    assert _targets(cut) == _targets(found)
    assert cut.lengths.max() <= length
    assert np.all((cut.start <= cut.scored) & (cut.scored <= cut.end))


def test_sliding_windows_start_a_step_apart():
    one = Windows(*(np.array([value]) for value in (0, 10, 10, 18)))
    assert _pairs(sliding(one, length=4, step=3)) == [(10, 14), (13, 17), (16, 18)]


@pytest.mark.parametrize(("length", "step"), [(4, 4), (4, 0), (1, 1)])
def test_windows_between_which_an_event_would_be_lost_are_refused(length, step):
    with pytest.raises(InputError, match="`step`"):
        sliding(Windows(*(np.array([value]) for value in (0, 0, 0, 8))), length=length, step=step)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=1, max_size=30), st.integers(0, 10))
def test_a_session_ends_where_nothing_happened_for_longer_than_the_gap(found, gap):
    subjects, times = zip(*found, strict=True)
    events = pa.table({"subject": [str(each) for each in subjects], "time": times, "item": ["x"] * len(found)})
    with stored(events, SPEC) as store:
        cut = sessions(store, whole_sequences(store), gap=gap)
        assert ranges(cut.start, cut.end).tolist() == list(range(len(store)))  # all events, in order
        for consumer, (start, end) in zip(cut.consumer, _pairs(cut), strict=True):
            assert np.all(np.diff(store.time[start:end]) <= gap * 1e6)
            assert store.offsets[consumer] <= start < end <= store.offsets[consumer + 1]
            assert end == store.offsets[consumer + 1] or store.time[end] - store.time[end - 1] > gap * 1e6


def test_sessions_keep_what_is_known_apart_from_what_is_guessed():
    events = pa.table({"subject": ["a"] * 4, "time": [0, 1, 50, 51], "item": list("wxyz")})
    with stored(events, SPEC) as store:
        known = Windows(*(np.array([value]) for value in (0, 0, 3, 4)))
        cut = sessions(store, known, gap=10)
        assert (_pairs(cut), cut.scored.tolist()) == ([(0, 2), (2, 4)], [2, 3])


@given(windows(most=30), st.integers(1, 3))
def test_nobody_contributes_more_windows_than_the_bound(found, at_most):
    cut = sliding(found, length=4, step=3)
    kept = bounded(cut, at_most=at_most)
    for consumer in np.unique(cut.consumer):
        own, all_of = kept.of(np.array([consumer])), cut.of(np.array([consumer]))
        assert _pairs(own) == _pairs(all_of)[-at_most:]


@pytest.mark.parametrize("cut", [bounded, truncated])
def test_a_bound_below_one_is_refused(cut):
    with pytest.raises(InputError, match="at least 1"):
        cut(Windows(*(np.array([value]) for value in (0, 0, 0, 8))), at_most=0)


@given(windows(most=30), st.sets(st.integers(0, 7)))
def test_the_windows_of_some_consumers_are_all_of_theirs(found, wanted):
    cut = sliding(found, length=3, step=1)
    of = cut.of(np.array(sorted(wanted), np.int64))
    assert _pairs(of) == [pair for pair, who in zip(_pairs(cut), cut.consumer, strict=True) if who in wanted]
    assert cut.consumers.tolist() == sorted(set(cut.consumer.tolist()))


@given(windows(most=30), st.integers(1, 20))
def test_blocks_hold_every_window_once_and_little_more_than_they_may(found, events):
    blocks = list(blocks_of(found, events=events))
    assert [pair for block in blocks for pair in _pairs(block)] == _pairs(found)
    assert all(block.lengths[:-1].sum() <= events for block in blocks)


@given(windows(most=30), st.integers(2, 5))
def test_covered_events_are_met_once(found, length):
    cut = sliding(found, length=length, step=1)
    half = cut.take(np.arange(0, len(cut), 2))
    met = np.concatenate([np.zeros(0, int), *covered(half)]).tolist()
    assert met == sorted({event for start, end in _pairs(half) for event in range(start, end)})


def test_nothing_is_covered_by_no_window():
    empty = Windows(*(np.zeros(0, np.int64),) * 4)
    assert list(covered(empty)) == []
    assert list(blocks_of(empty)) == []
    assert len(sliding(empty, length=3, step=1)) == 0
