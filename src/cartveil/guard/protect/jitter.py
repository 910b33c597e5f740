"""Bounded noise that is the same each time for the same record and key.

Fresh noise would average out over repeated exports; noise drawn from a keyed function of the record's id does not.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.errors import ColumnError, SchemaError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.blocks import cmac, subkey, texts_of
from cartveil.guard.protect.columns import Values, as_measure, as_text, shaped_like
from cartveil.guard.protect.widths import Unit, parse_width

Floats = npt.NDArray[np.float64]

_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EXACT = 2**53  # integers above are not exact in a double


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
        - |result - value| <= spread x |value|, or the span; the sign stays, zero stays zero, whole numbers stay whole.
    """
    if len(records) != len(column):
        raise ColumnError(f"{len(records)} record ids for {len(column)} values")
    array, movement = as_measure(column), movements(records, key)
    if types.is_timestamp(array.type) or types.is_date(array.type):
        return shaped_like(_move_times(array, movement, spread), column)
    return shaped_like(_move_numbers(array, movement, _fraction(spread), (minimum, maximum)), column)


def movements(records: Values, key: SecretKey) -> Floats:
    """Return (rows,) uniform numbers in [-1, 1), one for each record id; a NULL id counts as empty text."""
    encoded = pc.fill_null(as_text(records), "").dictionary_encode()
    tags = cmac(texts_of(encoded.dictionary), subkey(key, "jitter"))
    whole = np.ascontiguousarray(tags[:, :8]).view(">u8")[:, 0].astype(np.uint64) >> np.uint64(11)
    spread: Floats = whole / 2.0**52 - 1.0
    moved: Floats = spread[encoded.indices.to_numpy()]
    return moved


def _fraction(spread: object) -> float:
    width = parse_width(spread, what="spread")
    if width.unit is not Unit.NUMBER or width.amount >= 1:
        hint = "for numbers write a share of the value, such as `spread = 0.05`"
        raise SchemaError(f"`{spread}` is no spread for numbers", hint=hint)
    return width.amount


def _move_numbers(array: pa.Array, movement: Floats, spread: float, bounds: tuple[Any, Any]) -> pa.Array:
    kind = array.type
    if types.is_decimal(kind):
        return _move_decimals(array, movement, spread, bounds)
    values = _as_doubles(array)
    moved = _moved(values, movement, spread, whole=types.is_integer(kind))
    moved = np.clip(moved, *_bounds(bounds)) if bounds != (None, None) else moved
    return _from_doubles(moved, array)


def _as_doubles(array: pa.Array) -> Floats:
    if types.is_integer(array.type):
        extremes = [value for value in pc.min_max(array).as_py().values() if value is not None]
        if any(abs(value) > _EXACT for value in extremes):
            raise ColumnError("whole numbers above 2^53 cannot be jittered", hint="such numbers are ids: use `token`")
    filled = pc.fill_null(array, pa.scalar(0, array.type)) if array.null_count else array
    values: Floats = filled.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _from_doubles(values: Floats, like: pa.Array) -> pa.Array:
    """Return the values in the type of `like`, NULL where it is NULL."""
    missing = like.is_null().to_numpy(zero_copy_only=False)
    if types.is_integer(like.type):
        info = np.iinfo(like.type.to_pandas_dtype())
        kept = np.clip(values, float(info.min), float(info.max)).astype(like.type.to_pandas_dtype())
        return pa.array(kept, like.type, mask=missing)
    return pa.array(values.astype(like.type.to_pandas_dtype()), like.type, mask=missing)


def _moved(values: Floats, movement: Floats, spread: float, *, whole: bool) -> Floats:
    room = np.abs(values) * spread
    with np.errstate(invalid="ignore"):
        moved = values + room * movement
        if not whole:
            return np.where(np.isfinite(values), moved, values)
        # The nearest whole number may lie outside the spread; the value itself never does.
        return np.clip(np.rint(moved), np.ceil(values - room), np.floor(values + room))


def _move_decimals(array: pa.Array, movement: Floats, spread: float, bounds: tuple[Any, Any]) -> pa.Array:
    scale = 10.0**array.type.scale
    units = np.rint(_as_doubles(array.cast(pa.float64())) * scale)
    moved = np.clip(_moved(units, movement, spread, whole=True) / scale, *_bounds(bounds))
    return pa.array(moved, pa.float64(), mask=array.is_null().to_numpy(zero_copy_only=False)).cast(array.type)


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
    offsets = pa.array(np.trunc(movement * ticks).astype(np.int64))
    moved = pc.add(whole, offsets)
    return moved.cast(kind) if types.is_timestamp(kind) else moved.cast(pa.int32()).cast(pa.date32()).cast(kind)
