"""Bounded noise that is the same each time for the same record and key.

Fresh noise would average out over repeated exports; noise drawn from a keyed function of the record's id does not.
"""

import decimal
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.errors import ColumnError, SchemaError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import Numbers, Values, as_measure, as_text, shaped_like
from cartveil.guard.protect.modes.blocks import cmac, subkey, texts_of
from cartveil.guard.protect.widths import Unit, parse_width

Floats = npt.NDArray[np.float64]

_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EXACT = 2**53  # integers above are not exact in a double
_WIDEST = 2**63 - 1
_WIDEST_SPAN = 2.0**62  # ticks
_WIDE = decimal.Context(prec=80)  # the widest decimal of Arrow has 76 digits


def jitter(
    column: Values,
    key: SecretKey,
    *,
    records: Values,
    spread: object,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Values:
    """Move each value by a stable amount within the spread.

    Args:
        column: Numbers, dates or timestamps, or text that holds them.
        key: The scope's key.
        records: A column of record ids; one id gives one movement, so consumer ids move all times of one consumer
            alike and keep the intervals.
        spread: For numbers the greatest relative change, below 1; for dates and times a span such as `12h`.
        minimum: Least result, numbers only.
        maximum: Greatest result, numbers only.

    Returns:
        A column of the same type, or of the type its text was read as; NULL stays NULL.

    Raises:
        SchemaError: The spread is nonsense.
        ColumnError: The column has no numbers or times, or lengths disagree.

    Guarantees:
        - Same record, key and value: same result.
        - |result - value| <= spread x |value|, or the span, to the last place of the type; the sign stays, zero stays
          zero, whole numbers stay whole.
        - `minimum` and `maximum` hold before the spread does.
    """
    if len(records) != len(column):
        raise ColumnError(f"{len(records)} record ids for {len(column)} values")
    array, movement = as_measure(column), movements(records, key)
    if types.is_timestamp(array.type) or types.is_date(array.type):
        return shaped_like(_move_times(array, movement, spread), column)
    return shaped_like(_move_numbers(array, movement, _fraction(spread), (minimum, maximum)), column)


def movements(records: Values, key: SecretKey) -> Floats:
    """Return (rows,) uniform numbers in [-1, 1), one for each record id; a NULL id counts as empty text."""
    # Records seldom repeat, and a tag costs less than finding out.
    tags = cmac(texts_of(pc.fill_null(as_text(records), "")), subkey(key, "jitter"))
    whole = np.ascontiguousarray(tags[:, :8]).view(">u8")[:, 0].astype(np.uint64) >> np.uint64(11)
    moved: Floats = whole / 2.0**52 - 1.0
    return moved


def _fraction(spread: object) -> float:
    width = parse_width(spread, what="spread")
    if width.unit is not Unit.NUMBER or width.amount >= 1:
        hint = "for numbers write a share of the value, such as `spread = 0.05`"
        raise SchemaError(f"`{spread}` is no spread for numbers", hint=hint)
    return width.amount


def _move_numbers(array: pa.Array, movement: Floats, spread: float, bounds: tuple[Any, Any]) -> pa.Array:
    if types.is_decimal(array.type):
        return move_decimals(array, movement, spread, bounds=bounds)
    if types.is_integer(array.type):
        return _move_integers(array, movement, spread, bounds)
    return _move_floats(array, movement, spread, bounds)


def _move_floats(array: pa.Array, movement: Floats, spread: float, bounds: tuple[Any, Any]) -> pa.Array:
    kind = array.type.to_pandas_dtype()
    values = _numpy(array.cast(pa.float64()), 0.0)
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0)
    # Rounding could step over a bound by one place: both bounds lie one place nearer to the value.
    room = np.nextafter(np.abs(known) * spread, 0.0)
    with np.errstate(over="ignore", under="ignore"):
        low, high = np.nextafter(known - room, known), np.nextafter(known + room, known)
        moved = np.clip(known + room * movement, low, high).astype(kind)
        # A narrow type rounds once more, perhaps outwards, to nothing, or to infinity; the value itself never leaves.
        inside = (moved >= low) & (moved <= high)
    moved = np.where(finite, np.where(inside, moved, known), values)
    moved = np.clip(moved, *_bounds(bounds)) if bounds != (None, None) else moved
    return pa.array(moved.astype(kind), array.type, mask=_missing(array))


def _move_integers(array: pa.Array, movement: Floats, spread: float, bounds: tuple[Any, Any]) -> pa.Array:
    extremes = [value for value in pc.min_max(array).as_py().values() if value is not None]
    if any(abs(value) > _EXACT for value in extremes):
        raise ColumnError("whole numbers above 2^53 cannot be jittered", hint="such numbers are ids: use `token`")
    info = np.iinfo(array.type.to_pandas_dtype())
    moved = np.clip(move_whole(_numpy(array, 0).astype(np.int64), movement, spread), info.min, min(info.max, _WIDEST))
    moved = _within(moved, bounds)
    return pa.array(moved.astype(info.dtype), array.type, mask=_missing(array))


def move_whole(values: Numbers, movement: Floats, spread: float) -> Numbers:
    """Move whole numbers up to 2^53 by whole numbers within the spread, exactly.

    Args:
        values: (rows,).
        movement: (rows,) from -1 to 1.
        spread: Greatest share of the value, below 1.
    """
    sizes = np.abs(values).astype(np.float64)
    room = sizes * spread
    most = np.floor(room)
    # A product that was rounded up to a whole number lies just above what is allowed.
    most -= (most == room) & (_rounding(sizes, spread, room) < 0)
    most = np.maximum(most, 0.0)
    offset: Numbers = np.clip(np.rint(room * movement), -most, most).astype(np.int64)
    return values + offset


def _rounding(left: Floats, right: float, product: Floats) -> Floats:
    """Return the exact product less the rounded one. Source: Dekker's product, Numerische Mathematik 18 (1971)."""
    split = float(2**27 + 1)
    left_high = left * split - (left * split - left)
    right_high = right * split - (right * split - right)
    left_low, right_low = left - left_high, right - right_high
    error: Floats = ((left_high * right_high - product) + left_high * right_low + left_low * right_high) + (
        left_low * right_low
    )
    return error


def _within(values: Numbers, bounds: tuple[Any, Any]) -> Numbers:
    """Return whole numbers no less and no more than the bounds, which need not be whole."""
    least, most = bounds
    values = values if least is None else np.maximum(values, math.ceil(least))
    return values if most is None else np.minimum(values, math.floor(most))


def _numpy(array: pa.Array, gap: float) -> Any:
    return (pc.fill_null(array, pa.scalar(gap, array.type)) if array.null_count else array).to_numpy(
        zero_copy_only=False
    )


def _missing(array: pa.Array) -> npt.NDArray[np.bool_]:
    missing: npt.NDArray[np.bool_] = array.is_null().to_numpy(zero_copy_only=False)
    return missing


def move_decimals(array: pa.Array, movement: Floats, spread: float, *, bounds: tuple[Any, Any] = (None, None)) -> Any:
    """Move decimals by whole units of their last place within the spread, exactly.

    Args:
        array: Decimals of any width.
        movement: (rows,) from -1 to 1.
        spread: Greatest share of the value, below 1.
        bounds: Least and greatest result, or None for either.
    """
    scale, most = array.type.scale, 10**array.type.precision - 1
    edges = _units(bounds[0], scale, math.ceil, -most), _units(bounds[1], scale, math.floor, most)
    narrow = _narrow_units(array)
    if narrow is not None:
        least, greatest = (max(-_WIDEST, min(_WIDEST, edge)) for edge in edges)
        moved = _narrow_decimals(np.clip(move_whole(narrow, movement, spread), least, greatest), array.type)
        return pc.if_else(array.is_valid(), moved, pa.scalar(None, array.type))
    moved = [
        None if value is None else _moved_wide(int(value.scaleb(scale, _WIDE)), by, spread, edges)
        for value, by in zip(array.to_pylist(), movement, strict=True)
    ]
    decimals = [None if unit is None else Decimal(unit).scaleb(-scale, _WIDE) for unit in moved]
    return pa.array(decimals, array.type)


def _moved_wide(unit: int, by: float, spread: float, edges: tuple[int, int]) -> int:
    """Move a number wider than a machine's: whole fractions, rounded towards the value."""
    room = Fraction(spread) * Fraction(by) * abs(unit)
    return min(max(unit + int(room), edges[0]), edges[1])


def _narrow_units(array: pa.Array) -> Numbers | None:
    """Return (rows,) the decimals in units of their last place, 0 for a gap; None where some are above 2^53."""
    if not types.is_decimal128(array.type):
        return None
    filled = pc.fill_null(array, pa.scalar(0, array.type)) if array.null_count else array
    if not len(filled):
        return np.zeros(0, np.int64)
    words = np.frombuffer(filled.buffers()[1], "<i8").reshape(-1, 2)[filled.offset : filled.offset + len(filled)]
    low, high = words[:, 0], words[:, 1]
    return low if ((high == low >> 63) & (low <= _EXACT) & (low >= -_EXACT)).all() else None


def _narrow_decimals(units: Numbers, kind: pa.DataType) -> pa.Array:
    words = np.stack([units, units >> 63], axis=1).astype("<i8")
    return pa.Array.from_buffers(kind, len(units), [None, pa.py_buffer(words.tobytes())])


def _units(bound: Any, scale: int, whole: Callable[[Fraction], int], edge: int) -> int:
    if bound is None:
        return edge
    return max(-abs(edge), min(abs(edge), whole(Fraction(bound) * Fraction(10) ** scale)))


def _bounds(bounds: tuple[Any, Any]) -> tuple[float, float]:
    least, most = bounds
    return (-np.inf if least is None else least), (np.inf if most is None else most)


def _move_times(array: pa.Array, movement: Floats, spread: object) -> pa.Array:
    width = parse_width(spread, what="spread")
    if width.unit is not Unit.SECONDS:
        raise SchemaError(f"`{spread}` is no spread for times", hint="write a span such as `12h` or `3d`")
    kind = array.type
    if types.is_timestamp(kind):
        ticks, whole = _TICKS[kind.unit] * width.amount, array.cast(pa.int64())
    else:
        ticks, whole = width.amount / 86_400, array.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    if ticks > _WIDEST_SPAN:
        raise SchemaError(f"`{spread}` is no spread for times", hint="a span of some days is usual")
    offsets = pa.array(np.trunc(movement * ticks).astype(np.int64))
    try:
        moved = pc.add_checked(whole, offsets)
        return moved.cast(kind) if types.is_timestamp(kind) else moved.cast(pa.int32()).cast(pa.date32()).cast(kind)
    except pa.ArrowInvalid:
        raise ColumnError("a time lies too far away to be moved", hint="clean the table first") from None
