import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, SchemaError
from cartveil.guard.protect.bucket import bucket
from cartveil.guard.protect.widths import Unit, Width, parse_width


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.integers(-(10**12), 10**12), max_size=30), st.integers(1, 1000))
def test_whole_numbers_fall_to_the_lower_end(values: list[int | None], width: int) -> None:
    bands = bucket(pa.array(values, pa.int64()), width=width)
    assert bands.type == pa.int64()
    assert bands.to_pylist() == [None if value is None else value // width * width for value in values]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), max_size=30))
def test_prices_in_cents_fall_to_the_tenth_below(cents: list[int]) -> None:
    bands = bucket(pa.array([cent / 100 for cent in cents], pa.float64()), width=0.1).to_pylist()
    assert bands == [pytest.approx(cent // 10 / 10) for cent in cents]


def test_top_codes() -> None:
    assert bucket(pa.array([5, 99, 100, 12_345, None]), width=10, top=100).to_pylist() == [0, 90, 100, 100, None]
    assert bucket(pa.array([5.0, 12_345.0]), width=10, top=100).to_pylist() == [0.0, 100.0]


def test_small_types_and_decimals_keep_their_type_where_it_fits() -> None:
    assert bucket(pa.array([7, -128], pa.int8()), width=5).to_pylist() == [5, -130]
    assert bucket(pa.array([7], pa.int16()), width=5).type == pa.int16()
    assert bucket(pa.array([Decimal("12.34")]), width=5).to_pylist() == [Decimal("10.00")]


TIME = datetime.datetime(2010, 12, 1, 8, 26, 59)


@pytest.mark.parametrize(
    ("width", "start"),
    [
        ("1min", datetime.datetime(2010, 12, 1, 8, 26)),
        ("1h", datetime.datetime(2010, 12, 1, 8)),
        ("6h", datetime.datetime(2010, 12, 1, 6)),
        ("1d", datetime.datetime(2010, 12, 1)),
        ("7d", datetime.datetime(2010, 11, 29)),
        ("1w", datetime.datetime(2010, 11, 29)),
    ],
)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_fall_to_the_start_of_their_span(width: str, start: datetime.datetime, unit: str) -> None:
    bands = bucket(pa.array([TIME, None], pa.timestamp(unit)), width=width)
    assert bands.type == pa.timestamp(unit)
    assert bands.cast(pa.timestamp("us")).to_pylist() == [start, None]


def test_times_before_1970_and_dates_fall_back_too() -> None:
    assert bucket(pa.array([datetime.datetime(1960, 1, 1, 5, 30)]), width="1h")[0].as_py().minute == 0
    assert bucket(pa.array([datetime.date(2010, 12, 1)]), width="7d").to_pylist() == [datetime.date(2010, 11, 29)]


def test_text_times_are_read() -> None:
    assert bucket(pa.array(["2010-12-01 08:26:00"]), width="1h").to_pylist() == [datetime.datetime(2010, 12, 1, 8)]


@pytest.mark.parametrize("written", ["1985-03-02", "19850302", "2/3/1985", "1985年3月2日", "1985-03-02T00:00:00"])
def test_birth_dates_become_decades_however_written(written: str) -> None:
    assert bucket(pa.array([written, None, "unknown"]), width="10y").to_pylist() == ["1980-1989", None, None]


def test_dates_and_times_become_bands_of_years() -> None:
    assert bucket(pa.array([datetime.date(1989, 12, 31), None]), width="10y").to_pylist() == ["1980-1989", None]
    assert bucket(pa.array([TIME]), width="5y").to_pylist() == ["2010-2014"]
    assert bucket(pa.array([TIME]), width="1y").to_pylist() == ["2010"]


@pytest.mark.parametrize(
    "width", [0, -1, "", "often", "1x", "-1h", None, True, "1.5y", "0d", float("inf"), float("nan")]
)
def test_a_width_of_nonsense_is_refused_with_a_hint(width: object) -> None:
    with pytest.raises(SchemaError) as caught:
        bucket(pa.array([1]), width=width)
    assert caught.value.hint


def test_a_width_of_the_wrong_sort_is_refused() -> None:
    with pytest.raises(SchemaError):
        bucket(pa.array([1]), width="1h")
    with pytest.raises(SchemaError):
        bucket(pa.array([TIME]), width=10)
    with pytest.raises(ColumnError):
        bucket(pa.array(["abc"]), width=10)
    with pytest.raises(ColumnError):
        bucket(pa.array([True]), width=10)


def test_widths_are_read() -> None:
    assert parse_width(0.5) == Width(0.5, Unit.NUMBER)
    assert parse_width("10") == Width(10, Unit.NUMBER)
    assert parse_width("2w") == Width(14 * 86_400, Unit.SECONDS)
    assert parse_width("10y") == Width(10, Unit.YEARS)
