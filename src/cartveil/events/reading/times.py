"""Written dates and times, in the forms that tills, shops and spreadsheets in both languages use.

    >>> parse_times(pa.chunked_array([["2010-12-01 08:26", None]])).to_pylist()
    [datetime.datetime(2010, 12, 1, 8, 26), None]

A date such as `3/4/2010` means one day in London and another one in New York. It is read only where some other value
of the same column tells which, by a number above twelve.
"""

import pyarrow as pa
import pyarrow.compute as pc

_TIME = r"(?:[T ]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)?"
_ZONE = r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
_YEAR_FIRST = r"^(?P<year>[0-9]{4})[-/.年](?P<month>[0-9]{1,2})[-/.月](?P<day>[0-9]{1,2})日?" + _TIME + _ZONE + "$"
_YEAR_LAST = r"^(?P<first>[0-9]{1,2})[-/.](?P<second_>[0-9]{1,2})[-/.](?P<year>[0-9]{4})" + _TIME + "$"


def parse_times(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a text column as dates or timestamps, or None where a value is neither, or day and month look alike.

    Returns:
        (rows,) date32 where no value has a time of day, else timestamp in microseconds; in UTC where the values
        name an offset. NULL stays NULL.
    """
    parsed = parse_some_times(column)
    return parsed if parsed is not None and parsed.null_count == column.null_count else None


def parse_some_times(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return what can be read of a text column as dates or timestamps, NULL elsewhere; None where nothing can be."""
    trimmed = pc.utf8_trim_whitespace(column)
    for pattern in (_YEAR_FIRST, _YEAR_LAST):
        parts = pc.extract_regex(trimmed, pattern)
        if parts.null_count == len(parts):
            continue
        fields = {field.name: _field(parts, field.name) for field in parts.type}
        if pattern is _YEAR_LAST and not _order_days(fields):
            return None
        return _assemble(fields)
    return None


def _field(parts: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    return pc.struct_field(parts, name)


def _order_days(fields: dict[str, pa.ChunkedArray]) -> bool:
    """Name the first two numbers day and month; return False where the column does not tell which is which."""
    first, second = fields.pop("first"), fields.pop("second_")
    # int(...) of NULL-free maxima; a value that is no date was NULL already.
    day_first = pc.max(first.cast(pa.int8())).as_py() > 12
    month_first = pc.max(second.cast(pa.int8())).as_py() > 12
    if day_first == month_first:
        return False
    fields["day"], fields["month"] = (first, second) if day_first else (second, first)
    return True


def _assemble(fields: dict[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """Put the parts together as ISO text and let Arrow check that such a day exists."""
    two = {name: pc.utf8_lpad(fields[name], 2, "0") for name in ("month", "day", "hour", "minute", "second")}
    days = pc.binary_join_element_wise(fields["year"], two["month"], two["day"], "-")
    if pc.all(pc.equal(fields["hour"], "")).as_py():
        return _existing(pc.strptime(days, format="%Y-%m-%d", unit="s", error_is_null=True), two["day"]).cast(
            pa.date32()
        )
    clock = [_or_zeros(two[name]) for name in ("hour", "minute", "second")]
    text = pc.binary_join_element_wise(days, pc.binary_join_element_wise(*clock, ":"), " ")
    times = pc.strptime(text, format="%Y-%m-%d %H:%M:%S", unit="us", error_is_null=True)
    times = pc.add(_existing(times, two["day"]), _fraction(fields["fraction"]))
    return _in_utc(times, fields["zone"]) if "zone" in fields else times


def _existing(times: pa.ChunkedArray, day: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return NULL where the calendar has no such day: 30 February is not 2 March."""
    return pc.if_else(pc.equal(pc.day(times), day.cast(pa.int64())), times, pa.scalar(None, times.type))


def _or_zeros(part: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(pc.utf8_trim(part, "0"), ""), "00", part)


def _fraction(digits: pa.ChunkedArray) -> pa.ChunkedArray:
    micro = pc.utf8_slice_codeunits(pc.utf8_rpad(digits, 6, "0"), 0, 6)
    return micro.cast(pa.int64()).cast(pa.duration("us"))


def _in_utc(times: pa.ChunkedArray, zone: pa.ChunkedArray) -> pa.ChunkedArray:
    if pc.all(pc.equal(zone, "")).as_py():
        return times
    digits = pc.replace_substring_regex(pc.if_else(pc.is_in(zone, pa.array(["", "Z"])), "+0000", zone), ":", "")
    hours = pc.utf8_slice_codeunits(digits, 1, 3).cast(pa.int64())
    minutes = pc.utf8_slice_codeunits(digits, 3, 5).cast(pa.int64())
    offset = pc.add(pc.multiply(hours, 60), minutes)
    east = pc.if_else(pc.starts_with(digits, "-"), pc.negate(offset), offset)
    return pc.subtract(times, pc.multiply(east, 60_000_000).cast(pa.duration("us"))).cast(pa.timestamp("us", "UTC"))
