import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.sequences.clock import without_stray_times

YEAR = np.arange(0.0, 365.0, 0.1)


@pytest.mark.parametrize("stray", [365.0 + 40, 20_000.0, -366.0 - 10, -15_000.0])
def test_a_time_far_from_nearly_all_others_is_set_aside(stray):
    kept = without_stray_times(np.append(YEAR, stray))
    assert kept.tolist() == [True] * len(YEAR) + [False]


@pytest.mark.parametrize("near", [365.0 + 20, -300.0])
def test_a_month_after_and_a_year_before_are_kept(near):
    assert without_stray_times(np.append(YEAR, near)).all()


def test_one_order_of_many_lines_is_one_stray():
    kept = without_stray_times(np.concatenate([YEAR, np.full(50, 9000.0)]))
    assert kept.sum() == len(YEAR)


def test_dates_and_missing_ones_are_understood():
    times = (np.datetime64("2024-01-01") + np.arange(1000).astype("timedelta64[h]")).astype("datetime64[us]")
    times = np.concatenate([times, np.array(["2043-01-01", "NaT", "1970-01-01"], "datetime64[us]")])
    assert without_stray_times(times)[-3:].tolist() == [False, True, False]


def test_nothing_is_set_aside_of_nothing():
    assert without_stray_times(np.array([])).tolist() == []
    assert without_stray_times(np.array([np.nan])).tolist() == [True]


@given(st.lists(st.floats(-40_000, 40_000), max_size=60))
def test_never_is_more_than_a_tenth_set_aside(days):
    kept = without_stray_times(np.array(days))
    assert len(kept) == len(days)
    assert not len(days) or kept.mean() >= 0.9
