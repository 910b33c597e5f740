import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError
from cartveil.insight.sequences.moments import moments_of

EPOCH = dt.datetime(1970, 1, 1)
DAY = 86_400_000_000

times = st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), max_size=5)


@given(times, st.sampled_from(["us", "ns"]), st.sampled_from([None, "UTC", "Asia/Shanghai"]))
def test_a_timestamp_is_what_it_says_whatever_its_unit_and_zone(found, unit, zone):
    ticks = [(each - EPOCH) // dt.timedelta(microseconds=1) for each in found]
    column = pa.chunked_array([pa.array(ticks, pa.timestamp("us", zone))]).cast(pa.timestamp(unit, zone))
    assert moments_of(column, "time").tolist() == ticks


@given(st.lists(st.integers(-(10**10), 10**10), max_size=5))
def test_whole_numbers_are_seconds(found):
    column = pa.chunked_array([pa.array(found, pa.int64())])
    assert moments_of(column, "time").tolist() == [1_000_000 * each for each in found]


def test_what_is_finer_than_a_microsecond_is_cut_off():
    assert moments_of(pa.chunked_array([pa.array([1_999], pa.timestamp("ns"))]), "time").tolist() == [1]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_is_its_midnight(kind):
    column = pa.chunked_array([pa.array([dt.date(1970, 1, 3), dt.date(1969, 12, 31)], kind)])
    assert moments_of(column, "time").tolist() == [2 * DAY, -DAY]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["2024-01-01"]),
        pa.array([1.0]),
        pa.array([dt.time(12)]),
        pa.array([dt.timedelta(1)]),
        pa.array([True]),
        pa.array([2**62]),
        pa.array([2**63], pa.uint64()),
        pa.array([2**62], pa.timestamp("s")),
    ],
)
def test_what_is_no_time_or_too_far_away_is_refused(values):
    with pytest.raises(ColumnError, match=r"^when: .* cannot be read as a time"):
        moments_of(pa.chunked_array([values]), "when")


def test_a_time_that_is_null_is_refused():
    with pytest.raises(ColumnError, match=r"^when: a time is NULL"):
        moments_of(pa.chunked_array([pa.array([None], pa.timestamp("us"))]), "when")
