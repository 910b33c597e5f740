"""Bands instead of exact values: amounts to steps, times to hours or weeks, birth dates to decades."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.errors import SchemaError
from cartveil.guard.protect.columns import Values, as_array, as_measure, as_text, each_distinct, shaped_like
from cartveil.guard.protect.widths import Unit, Width, parse_width

_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400

#: 1 January 1970 was a Thursday; bands of whole weeks start on Monday.
_FIRST_MONDAY = 4 * _DAY

_YEAR = re.compile(r"(?:^|\D)(\d{4})(?:\D|$)|^(\d{4})\d{4}$")


def bucket(column: Values, *, width: object, top: Any = None) -> Values:
    """Replace each value by the band it lies in.

    Args:
        column: Numbers, timestamps or dates, or text that holds them; with a width in years any date as text.
        width: A number for numbers; a span such as `1h`, `1d`, `7d` for times; `10y` for bands of years.
        top: Numbers above it become it (top coding).

    Returns:
        Numbers and times: the lower end of the band, same type. Years: text such as `1980-1989`. NULL stays NULL.

    Raises:
        SchemaError: The width is nonsense, or of the wrong sort for the column.
        ColumnError: The column has neither numbers nor times.
    """
    size = parse_width(width)
    if size.unit is Unit.YEARS:
        return shaped_like(_years(as_array(column), int(size.amount)), column)
    array = as_measure(column)
    if types.is_timestamp(array.type) or types.is_date(array.type):
        return shaped_like(_times(array, size, width), column)
    if size.unit is not Unit.NUMBER:
        raise SchemaError(f"`{width}` is no width for numbers", hint="write a number, such as `width = 10`")
    return shaped_like(_numbers(array, size.amount, top), column)


def _numbers(array: pa.Array, width: float, top: float | None) -> pa.Array:
    kind = array.type
    if types.is_integer(kind) and width == int(width):
        step = pa.scalar(int(width), pa.int64())
        whole = array.cast(pa.int64())
        # Arrow divides towards zero; a band of negative numbers starts below them.
        rest = pc.subtract(whole, pc.multiply(pc.divide(whole, step), step))
        floor = pc.subtract(whole, pc.if_else(pc.less(rest, 0), pc.add(rest, step), rest))
        return _narrowed(_topped(floor, int(top) if top is not None else None), kind)
    numbers = array.cast(pa.float64())
    # A tenth is not exact: 0.3 / 0.1 is just below 3, and must still open the band of 0.3.
    bands = pc.multiply(pc.floor(pc.round(pc.divide(numbers, width), 9)), width)
    bands = pc.round(bands, 9)
    return _narrowed(_topped(bands, top), kind if not types.is_integer(kind) else pa.float64())


def _topped(bands: pa.Array, top: float | None) -> pa.Array:
    return bands if top is None else pc.if_else(pc.greater(bands, top), pa.scalar(top, bands.type), bands)


def _narrowed(bands: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return bands.cast(kind)
    except pa.ArrowInvalid:
        return bands  # a band's lower end may lie below what a small type holds, such as -130 in int8


def _times(array: pa.Array, size: Width, written: object) -> pa.Array:
    kind = array.type
    if size.unit is not Unit.SECONDS:
        raise SchemaError(f"`{written}` is no width for times", hint="write a span such as `1h`, `1d` or `7d`")
    start = _FIRST_MONDAY if size.amount % (7 * _DAY) == 0 else 0
    if types.is_timestamp(kind):
        ticks = _TICKS[kind.unit]
        return _floored(array.cast(pa.int64()), size.amount * ticks, start * ticks).cast(kind)
    days = array.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return _floored(days, size.amount / _DAY, start // _DAY).cast(pa.int32()).cast(pa.date32()).cast(kind)


def _floored(whole: pa.Array, step: float, start: int) -> pa.Array:
    wide = max(1, int(step))
    filled = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
    return pa.array(filled - (filled - start) % wide, mask=whole.is_null().to_numpy(zero_copy_only=False))


def _years(array: pa.Array, width: int) -> pa.Array:
    if types.is_timestamp(array.type) or types.is_date(array.type):
        return each_distinct(pc.year(array), lambda years: _bands(years.to_pylist(), width), text=False)
    return each_distinct(as_text(array), lambda texts: _bands([_year(text) for text in texts.to_pylist()], width))


def _bands(years: list[Any], width: int) -> pa.Array:
    starts = np.array([np.nan if year is None else year // width * width for year in years], np.float64)
    bands = [None if np.isnan(start) else _band(int(start), width) for start in starts]
    return pa.array(bands, pa.string())


def _band(start: int, width: int) -> str:
    return f"{start}" if width == 1 else f"{start}-{start + width - 1}"


def _year(text: str) -> int | None:
    match = _YEAR.search(text.strip())
    return int(match[1] or match[2]) if match else None
