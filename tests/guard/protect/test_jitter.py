import datetime
import decimal
import math
from decimal import Decimal
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, SchemaError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.jitter import jitter, move_whole, movements
from cartveil.guard.protect.modes.blocks import cmac_one, subkey

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
            assert abs(result - value) <= abs(value) * Fraction(spread)
            assert (result > 0, result < 0) == (value > 0, value < 0)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from([16, 32, 64]), spreads)
def test_numbers_of_every_width_stay_in_bounds_and_of_their_sign(
    data: st.DataObject, width: int, spread: float
) -> None:
    floats = st.none() | st.floats(allow_nan=False, width=width)  # type: ignore[arg-type]
    values = data.draw(st.lists(floats, min_size=1, max_size=20))
    kind = {16: pa.float16(), 32: pa.float32(), 64: pa.float64()}[width]
    moved = jitter(pa.array(values, kind), KEY, records=records(len(values)), spread=spread)
    assert moved.type == kind
    for value, result in zip(values, moved.to_pylist(), strict=True):
        if value is None or math.isinf(value):
            assert result == value
        else:
            assert abs(Fraction(result) - Fraction(value)) <= abs(Fraction(value)) * Fraction(spread)
            assert (result > 0, result < 0) == (value > 0, value < 0)


ends = st.sampled_from([-1.0, 1.0 - 2.0**-52])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-(2**53), 2**53) | st.integers(-200, 200), min_size=1, max_size=20), st.data())
def test_the_longest_step_of_whole_numbers_ends_on_the_bound(values: list[int], data: st.DataObject) -> None:
    spread = data.draw(st.sampled_from([0.1, 0.05, 0.3, 0.7, 1 / 3]) | spreads)
    by = np.full(len(values), data.draw(ends))
    for value, result in zip(values, move_whole(np.array(values), by, spread).tolist(), strict=True):
        room = abs(value) * Fraction(spread)
        assert room * (1 - Fraction(1, 2**50)) - 2 < abs(result - value) <= room


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from([16, 32, 64]), spreads, ends)
def test_the_longest_step_of_numbers_ends_within_the_bound(
    data: st.DataObject, width: int, spread: float, end: float
) -> None:
    floats = st.floats(allow_nan=False, allow_infinity=False, width=width)  # type: ignore[call-overload]
    values = data.draw(st.lists(floats, min_size=1, max_size=20))
    column = pa.array(values, {16: pa.float16(), 32: pa.float32(), 64: pa.float64()}[width])
    with patch("cartveil.guard.protect.jitter.movements", lambda *_: np.full(len(values), end)):
        moved = jitter(column, KEY, records=records(len(values)), spread=spread).to_pylist()
    for value, result in zip(values, moved, strict=True):
        assert abs(Fraction(result) - Fraction(value)) <= abs(Fraction(value)) * Fraction(spread)


def test_not_a_number_stays_one() -> None:
    (moved,) = jitter(pa.array([math.nan]), KEY, records=records(1), spread=0.5).to_pylist()
    assert math.isnan(moved)


@settings(max_examples=100, deadline=None)
@given(st.data(), spreads, st.booleans())
def test_decimals_of_every_width_stay_in_bounds_type_and_sign(data: st.DataObject, spread: float, wide: bool) -> None:
    precision = data.draw(st.integers(1, 76 if wide else 38))
    scale = data.draw(st.integers(0, precision))
    units = st.none() | st.integers(-(10**precision) + 1, 10**precision - 1)
    exact = decimal.Context(prec=80)
    drawn = data.draw(st.lists(units, min_size=1, max_size=8))
    values = [None if unit is None else Decimal(unit).scaleb(-scale, exact) for unit in drawn]
    kind = pa.decimal256(precision, scale) if wide else pa.decimal128(precision, scale)
    moved = jitter(pa.array(values, kind), KEY, records=records(len(values)), spread=spread)
    assert moved.type == kind
    for value, result in zip(values, moved.to_pylist(), strict=True):
        if value is None:
            assert result is None
        else:
            assert abs(Fraction(result) - Fraction(value)) <= abs(Fraction(value)) * Fraction(spread)
            assert (result > 0, result < 0) == (value > 0, value < 0)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32()]), spreads, st.data())
def test_narrow_whole_numbers_do_not_overflow(kind: pa.DataType, spread: float, data: st.DataObject) -> None:
    info = np.iinfo(kind.to_pandas_dtype())
    values = data.draw(st.lists(st.sampled_from([int(info.min), int(info.max), 0, 1]), min_size=1, max_size=20))
    moved = jitter(pa.array(values, kind), KEY, records=records(len(values)), spread=spread)
    assert moved.type == kind
    for value, result in zip(values, moved.to_pylist(), strict=True):
        assert abs(result - value) <= abs(value) * Fraction(spread)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=20),
    st.sampled_from([pa.int16(), pa.float64(), pa.decimal128(22, 2)]),
    st.floats(-40, 0),
    st.floats(0, 40),
)
def test_the_least_and_the_greatest_result_hold_for_every_type(
    values: list[int], kind: pa.DataType, least: float, most: float
) -> None:
    column = pa.array(values, pa.int64()).cast(kind)
    moved = jitter(column, KEY, records=records(len(values)), spread=0.9, minimum=least, maximum=most)
    assert all(Fraction(least) <= Fraction(result) <= Fraction(most) for result in moved.to_pylist())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.integers(-1000, 1000), min_size=1, max_size=20), st.permutations(range(20)))
def test_where_a_row_stands_changes_nothing(values: list[int | None], order: list[int]) -> None:
    chosen = pa.array([place for place in order if place < len(values)])
    column, ids = pa.array(values, pa.float64()), records(len(values))
    moved = jitter(column, KEY, records=ids, spread=0.3)
    assert jitter(column.take(chosen), KEY, records=ids.take(chosen), spread=0.3).equals(moved.take(chosen))


def test_times_at_the_end_of_their_type_are_refused_not_wrapped() -> None:
    for kind, edge in ((pa.timestamp("ns"), 2**63 - 1), (pa.timestamp("us"), -(2**63))):
        with pytest.raises(ColumnError, match="far"):
            jitter(pa.array([edge] * 60).cast(kind), KEY, records=records(60), spread="12h")
    with pytest.raises(SchemaError):
        jitter(pa.array([0]).cast(pa.timestamp("ns")), KEY, records=records(1), spread="999999d")


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
