import datetime
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, SchemaError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.blocks import cmac_one, subkey
from cartveil.guard.protect.jitter import jitter, movements

KEY = SecretKey(bytes(range(32)))
spreads = st.floats(0.001, 0.999)


def records(count: int) -> pa.Array:
    return pa.array([f"record {number}" for number in range(count)])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.integers(-(2**53), 2**53), min_size=1, max_size=20), spreads)
def test_whole_numbers_stay_whole_in_bounds_and_of_their_sign(values: list[int | None], spread: float) -> None:
    moved = jitter(pa.array(values, pa.int64()), KEY, records=records(len(values)), spread=spread)
    assert moved.type == pa.int64()
    for value, result in zip(values, moved.to_pylist(), strict=True):
        if value is None:
            assert result is None
        else:
            assert abs(result - value) <= abs(value) * Fraction(spread) + Fraction(abs(value), 2**50)
            assert (result > 0, result < 0) == (value > 0, value < 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.floats(allow_nan=False, width=32), min_size=1, max_size=20), spreads)
def test_numbers_stay_in_bounds_and_of_their_sign(values: list[float | None], spread: float) -> None:
    moved = jitter(pa.array(values, pa.float64()), KEY, records=records(len(values)), spread=spread).to_pylist()
    for value, result in zip(values, moved, strict=True):
        if value is None or math.isinf(value):
            assert result == value
        else:
            assert abs(result - value) <= abs(value) * spread * (1 + 1e-9) + 1e-300
            assert (result > 0) == (value > 0)


def test_moves_nearly_everything_evenly_to_both_sides() -> None:
    moved = jitter(pa.array(np.full(20_000, 100.0)), KEY, records=pa.array(range(20_000)), spread=0.1).to_numpy()
    assert abs(moved.mean() - 100) < 0.2
    assert moved.min() < 90.01
    assert moved.max() > 109.99
    assert len(np.unique(moved)) == 20_000


def test_the_movement_is_the_first_53_bits_of_the_mac_of_the_record() -> None:
    tag = cmac_one(b"record 7", subkey(KEY, "jitter"))
    assert movements(pa.array(["record 7"]), KEY)[0] == (int.from_bytes(tag[:8]) >> 11) / 2**52 - 1


def test_is_stable_per_record_and_key_wherever_the_row_stands() -> None:
    values, ids = pa.array([10.0, 20.0, 30.0]), pa.array(["a", "b", "c"])
    first = jitter(values, KEY, records=ids, spread=0.2).to_pylist()
    again = jitter(values[::-1], KEY, records=ids[::-1], spread=0.2).to_pylist()
    assert first == again[::-1]
    assert jitter(values, SecretKey(bytes(32)), records=ids, spread=0.2).to_pylist() != first


def test_decimals_keep_type_and_scale() -> None:
    column = pa.array([Decimal("12.34"), None, Decimal("-0.01"), Decimal("0.00")], pa.decimal128(10, 2))
    moved = jitter(column, KEY, records=records(4), spread=0.5)
    assert moved.type == column.type
    assert abs(moved[0].as_py() - Decimal("12.34")) <= Decimal("6.17")
    assert moved.to_pylist()[1:] == [None, Decimal("-0.01"), Decimal("0.00")]


def test_bounds_hold() -> None:
    column = pa.array([1.0] * 200 + [100.0] * 200)
    moved = jitter(column, KEY, records=records(400), spread=0.5, minimum=0.9, maximum=120.0).to_numpy()
    assert moved.min() == 0.9
    assert moved.max() == 120.0


TIME = datetime.datetime(2010, 12, 1, 8, 26)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_move_within_the_span(unit: str) -> None:
    column = pa.array([TIME, None] * 50, pa.timestamp(unit, "UTC"))
    moved = jitter(column, KEY, records=records(100), spread="12h")
    assert moved.type == column.type
    assert moved.null_count == 50
    apart = np.abs((moved.drop_null().cast(pa.int64()).to_numpy()) - column[0].value)
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    assert apart.max() <= 12 * 3600 * ticks
    assert apart.max() > 10 * 3600 * ticks


def test_one_consumers_times_keep_their_intervals() -> None:
    column = pa.array([TIME, TIME + datetime.timedelta(hours=5)], pa.timestamp("us"))
    first, second = jitter(column, KEY, records=pa.array(["lin", "lin"]), spread="3d").to_pylist()
    assert second - first == datetime.timedelta(hours=5)


def test_dates_move_by_days() -> None:
    column = pa.array([datetime.date(2010, 12, 1)] * 50)
    moved = jitter(column, KEY, records=records(50), spread="3d").to_pylist()
    assert {abs((day - datetime.date(2010, 12, 1)).days) for day in moved} == {0, 1, 2}


@pytest.mark.parametrize("spread", [0, -0.1, 1, 5, "12h", "much", None, True])
def test_nonsense_for_numbers_is_refused(spread: object) -> None:
    with pytest.raises(SchemaError):
        jitter(pa.array([1.0]), KEY, records=pa.array(["a"]), spread=spread)


@pytest.mark.parametrize("spread", [0.5, "10y", "0h"])
def test_nonsense_for_times_is_refused(spread: object) -> None:
    with pytest.raises(SchemaError):
        jitter(pa.array([TIME]), KEY, records=pa.array(["a"]), spread=spread)


def test_text_without_numbers_lengths_apart_and_ids_are_refused() -> None:
    with pytest.raises(ColumnError):
        jitter(pa.array(["abc"]), KEY, records=pa.array(["a"]), spread=0.1)
    with pytest.raises(ColumnError):
        jitter(pa.array([1.0]), KEY, records=pa.array(["a", "b"]), spread=0.1)
    with pytest.raises(ColumnError):
        jitter(pa.array([2**60]), KEY, records=pa.array(["a"]), spread=0.1)


def test_chunks_nulls_and_text_numbers_pass() -> None:
    column = pa.chunked_array([["1.5"], [None]])
    moved = jitter(column, KEY, records=pa.chunked_array([["a", "b"]]), spread=0.1)
    assert isinstance(moved, pa.ChunkedArray)
    assert moved.null_count == 1
    assert len(jitter(pa.array([], pa.float64()), KEY, records=pa.array([], pa.string()), spread=0.1)) == 0
