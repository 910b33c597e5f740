"""Bring columns to the types that their roles ask for; what does not fit becomes NULL and is counted by the caller."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Kind, Role
from cartveil.events.reading.times import parse_some_times
from cartveil.events.schema import Column

Cast = Callable[[pa.ChunkedArray], pa.ChunkedArray]

_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_CURRENCY = r"^(?:[$£€¥￥]|RMB|CNY|GBP|USD|EUR)\s*|\s*(?:元|RMB|CNY|GBP|USD|EUR)$"


def cast_of(column: Column) -> Cast | None:
    """Return how a column's values are cast, or None where they stay as they are."""
    if column.role is Role.TIME or column.kind is Kind.EVENT_TIME:
        return to_times
    if column.role is Role.AMOUNT or column.kind is Kind.AMOUNT:
        return to_amounts
    if column.role is Role.QUANTITY or column.kind is Kind.QUANTITY:
        return to_quantities
    if column.role in (Role.SUBJECT, Role.ORDER, Role.ITEM):
        return to_identifiers
    return None


def trim(column: pa.ChunkedArray, *, capitals: bool = False) -> pa.ChunkedArray:
    """Return text without the spaces around it, empty text as NULL, and in capitals for codes of items."""
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    return pc.utf8_upper(trimmed) if capitals else trimmed


def to_times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return timestamps in microseconds, in UTC where the column knows its zone; NULL for what is no time."""
    kind = column.type
    wanted = pa.timestamp("us")
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz), safe=False).cast(wanted)
    if pa.types.is_date(kind):
        return column.cast(wanted)
    if pa.types.is_integer(kind):
        return _times_of_numbers(column.cast(pa.int64()))
    if pa.types.is_string(kind):
        parsed = parse_some_times(column)
        if parsed is not None:
            return to_times(parsed)
        return _times_of_numbers(to_quantities(column)) if _any_number(column) else _nothing(column, wanted)
    return _nothing(column, wanted)


def _times_of_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read days such as 20101201, and seconds or milliseconds since 1970; the size of the number tells which."""
    if not pa.types.is_integer(column.type):
        return _nothing(column, pa.timestamp("us"))
    days = pc.strptime(column.cast(pa.string()), format="%Y%m%d", unit="us", error_is_null=True)
    days = pc.if_else(pc.equal(pc.day(days), pc.subtract(column, pc.multiply(pc.divide(column, 100), 100))), days, None)
    seconds = pc.multiply(pc.if_else(_within(column, 10**8, 10**11), column, None), 1_000_000).cast(pa.timestamp("us"))
    milli = pc.multiply(pc.if_else(_within(column, 10**11, 10**14), column, None), 1_000).cast(pa.timestamp("us"))
    written = pc.if_else(_within(column, 10**7, 10**8), days, pa.scalar(None, pa.timestamp("us")))
    return pc.coalesce(written, seconds, milli)


def _within(column: pa.ChunkedArray, low: int, high: int) -> pa.ChunkedArray:
    return pc.and_(pc.greater_equal(column, low), pc.less(column, high))


def _any_number(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, _NUMBER)).as_py())


def to_amounts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers; text may carry a currency and commas between thousands. NULL for what is no number."""
    kind = column.type
    if pa.types.is_string(kind):
        bare = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), _CURRENCY, "")
        bare = pc.if_else(
            pc.match_substring_regex(bare, r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?$"),
            pc.replace_substring(bare, ",", ""),
            bare,
        )
        number = pc.match_substring_regex(bare, _NUMBER)
        return _finite(pc.if_else(number, bare, pa.scalar(None, pa.string())).cast(pa.float64()))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _finite(column.cast(pa.float64(), safe=False))
    return _nothing(column, pa.float64())


def to_quantities(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole numbers where all values are whole, else numbers; NULL for what is no number."""
    if pa.types.is_integer(column.type):
        return column
    numbers = to_amounts(column)
    whole = pc.all(pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), 2**53)), min_count=0)
    return numbers.cast(pa.int64()) if whole.as_py() else numbers


def to_identifiers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return identifiers that a spreadsheet made into 17850.0 as whole numbers again; all else as it is."""
    if not pa.types.is_floating(column.type):
        return column
    numbers = to_quantities(column)
    return numbers if pa.types.is_integer(numbers.type) else column


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, pa.float64()))


def _nothing(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(len(column), kind)], kind)
