"""Text to numbers, times and booleans, where the way back gives the same value; text otherwise.

00123         text: the zeros would be lost
13812345678   text: so long a number names somebody or something, nobody adds it up
17850         whole number
2.50          number; only the zero at its end is lost, and it is worth nothing
2010-12-01    date; with a time of day, timestamp
"""

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.reading.times import parse_some_times, parse_times

_WHOLE = r"^(?:0|-?[1-9][0-9]{0,8})$"
_DECIMAL = r"^-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,6})?$"
_FEW = 200


def narrow(table: pa.Table) -> pa.Table:
    """Return the table with every text column as the narrowest type that loses nothing."""
    columns = [narrow_column(column) for column in table.columns]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def narrow_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return one text column as numbers, times or booleans, or as it is; NULL stays NULL."""
    if column.null_count == len(column):
        return column
    # Most text is no number and no time, and a few values are enough to see it.
    few = pc.drop_null(column).slice(0, _FEW)
    for pattern, type_ in ((_WHOLE, pa.int64()), (_DECIMAL, pa.float64()), (r"^(?:true|false)$", pa.bool_())):
        if _all_match(few, pattern) and _all_match(column, pattern) and (type_ != pa.float64() or _has_point(column)):
            return column.cast(type_)
    if parse_some_times(few) is None:
        return column
    times = parse_times(column)
    return column if times is None else times


def _has_point(column: pa.ChunkedArray) -> bool:
    # Long whole numbers without a point are numbers of phones, cards and orders.
    return bool(pc.any(pc.match_substring(column, ".")).as_py())


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, pattern), min_count=0).as_py())
