import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.sequences.relations import (
    days_before,
    grouped,
    keys_of,
    latest_before,
    mean_before,
    since_before,
    times_before,
    total_before,
    within,
)

ROWS = st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 40), st.booleans()), max_size=40)


def columns(rows):
    rows = sorted(rows, key=lambda row: row[1])
    keys, times, counted = (np.array([row[place] for row in rows]) for place in range(3))
    return keys.astype(np.int64), times.astype(np.int64), counted.astype(bool)


@given(ROWS, st.integers(1, 20))
def test_all_counts_agree_with_a_loop_over_earlier_rows(rows, window):
    keys, times, counted = columns(rows)
    found = (
        times_before(keys),
        since_before(keys, times),
        within(keys, times, seconds=window, counted=counted),
        mean_before(keys, times.astype(float)),
    )
    for row in range(len(keys)):
        earlier = [other for other in range(row) if keys[other] == keys[row] >= 0]
        assert found[0][row] == len(earlier)
        assert np.isnan(found[1][row]) if not earlier else found[1][row] == times[row] - times[earlier[-1]]
        assert found[2][row] == sum(counted[other] and times[row] - times[other] <= window for other in earlier)
        assert np.isnan(found[3][row]) if not earlier else np.isclose(found[3][row], times[earlier].mean())


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y", "z", None]))))
def test_keys_are_equal_exactly_where_all_values_are(rows):
    first, second = (pa.chunked_array([pa.array([row[place] for row in rows], pa.string())]) for place in (0, 1))
    keys = keys_of(first, second)
    for i, one in enumerate(rows):
        assert (keys[i] < 0) == (None in one)
        for j, other in enumerate(rows):
            if None not in one + other:
                assert (keys[i] == keys[j]) == (one == other)


@given(ROWS)
def test_what_came_latest_and_what_came_to_agrees_with_a_loop(rows):
    keys, times, counted = columns(rows)
    values = times.astype(float)
    latest, valid = latest_before(keys, values), latest_before(keys, values, counted)
    total, days = total_before(keys, values), days_before(keys, times)
    for row in range(len(keys)):
        earlier = [other for other in range(row) if keys[other] == keys[row] >= 0]
        chosen = [other for other in earlier if counted[other]]
        assert np.isnan(latest[row]) if not earlier else latest[row] == values[earlier[-1]]
        assert np.isnan(valid[row]) if not chosen else valid[row] == values[chosen[-1]]
        assert total[row] == values[earlier].sum()
        assert days[row] == len({int(times[other]) for other in earlier} - {int(times[row])})


@given(st.lists(st.integers(0, 9)), st.sampled_from([1, 10**6]))
def test_groups_are_those_of_a_sort_however_far_apart_the_keys(keys, scale):
    found = grouped(np.array(keys, dtype=np.int64) * scale)
    unique = np.unique(
        np.array(keys, dtype=np.int64) * scale, return_index=True, return_inverse=True, return_counts=True
    )
    for ours, theirs in zip((found.keys, found.first, found.of, found.count), unique, strict=True):
        assert ours.tolist() == theirs.tolist()
