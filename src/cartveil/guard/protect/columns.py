"""What every primitive does to a column before and after its own work: decode, find distinct values, put back.

A primitive is written for an array of values without NULLs; `each_distinct` turns it into a function of a column.
Real columns repeat, so this is where much of the speed comes from. Where a primitive costs less than finding distinct
values does, `each_value` finds them only if a sample says that values repeat often.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.errors import ColumnError

#: A `pa.Array` or `pa.ChunkedArray` (pyarrow ships no types).
Values = Any

Numbers = npt.NDArray[np.int64]

#: Some rows of a batch: their numbers, or a slice where they stand in order, which copies nothing.
Rows = Numbers | slice

#: Above this, 32-bit offsets overflow when chunks are joined.
_LARGE = 2**31 - 1

#: Rows looked at to guess whether values repeat; up to so many, finding out costs nothing.
_SAMPLE = 4096


def as_array(column: Values) -> pa.Array:
    """Return a column as one array without dictionary; chunks are joined."""
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_null(column.type):
        column = column.cast(pa.string())
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.nbytes > _LARGE and types.is_string(column.type):
        column = column.cast(pa.large_string())
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def as_text(column: Values) -> pa.Array:
    """Return a column as one text array: `string`, or `large_string` where it was one.

    Raises:
        ColumnError: The column is nested and has no text form.
    """
    array = as_array(column)
    if types.is_string(array.type) or types.is_large_string(array.type):
        return array
    if types.is_floating(array.type):
        # 17850.0 is how a data frame writes the number 17850 in a column with gaps.
        array = _without_point(array)
    try:
        return array.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        hint = "give text, numbers, dates or times"
        raise ColumnError(f"a column of type {array.type} has no text form", hint=hint) from None


def _without_point(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        return array


def as_measure(column: Values) -> pa.Array:
    """Return a column of numbers, dates or times as one array; text is read as whole number, number or ISO 8601 time.

    Raises:
        ColumnError: Text that is none of these, or another type altogether.
    """
    array = as_array(column)
    if types.is_string(array.type) or types.is_large_string(array.type):
        return _read_measure(array)
    number = types.is_integer(array.type) or types.is_floating(array.type) or types.is_decimal(array.type)
    if number or types.is_timestamp(array.type) or types.is_date(array.type):
        return array
    hint = "clean the table first, so that numbers and times have their types"
    raise ColumnError(f"a column of type {array.type} holds no numbers or times", hint=hint)


def _read_measure(array: pa.Array) -> pa.Array:
    for kind in (pa.int64(), pa.float64(), pa.timestamp("us")):
        try:
            return array.cast(kind)
        except pa.ArrowInvalid:
            continue
    hint = "clean the table first, so that numbers and times have their types"
    raise ColumnError("a text column does not hold numbers or times only", hint=hint)


def shaped_like(result: pa.Array, column: Values) -> Values:
    """Return the result chunked where the column was chunked."""
    return pa.chunked_array([result]) if isinstance(column, pa.ChunkedArray) else result


def each_distinct(column: Values, change: Callable[[pa.Array], pa.Array], *, text: bool = True) -> Values:
    """Change each distinct value once and put the results where the values stood.

    Args:
        column: Any column; a dictionary column comes back plain.
        change: Takes distinct values without NULLs, returns as many results in the same order.
        text: Whether `change` wants text; else it gets the column's own type.

    Returns:
        A column of the type that `change` returns, of the same length; NULL stays NULL.
    """
    array = as_text(column) if text else as_array(column)
    encoded = array.dictionary_encode()
    return shaped_like(change(encoded.dictionary).take(encoded.indices), column)


def each_value(column: Values, change: Callable[[pa.Array], pa.Array]) -> Values:
    """Change each value, as text; each distinct one once where values seem to repeat often.

    Args:
        column: As for `each_distinct`.
        change: As for `each_distinct`, but it may be given equal values, and gives equal results for them.
    """
    array = as_text(column)
    if types.is_dictionary(column.type) or _repeats(array):
        return each_distinct(column, change)
    if not array.null_count:
        return shaped_like(change(array), column)
    present = array.is_valid().to_numpy(zero_copy_only=False)
    places = pa.array(np.cumsum(present) - 1, mask=~present)
    return shaped_like(change(array.drop_null()).take(places), column)


def distinct_up_to(column: Values, most: int) -> int:
    """Return the number of distinct values of a column, NULL not counted, or some number from `most` on."""
    array = as_text(column)
    first = int(pc.count_distinct(array.slice(0, 8 * most), mode="only_valid").as_py())
    return first if first >= most else int(pc.count_distinct(array, mode="only_valid").as_py())


def _repeats(array: pa.Array) -> bool:
    """Return whether each value seems to stand three times or more: side by side, or in rows far apart."""
    if len(array) <= _SAMPLE:
        return True
    side_by_side = array.slice(len(array) // 2, _SAMPLE // 4)
    if 3 * len(side_by_side.unique()) < len(side_by_side):
        return True
    apart = array.take(pa.array(np.arange(_SAMPLE) * (len(array) // _SAMPLE)))
    # Of k rows drawn from n, with each value m times, about k^2 m / 2n meet their like.
    alike = len(apart) - len(apart.unique())
    return 2 * alike * len(array) > 3 * _SAMPLE**2


def nulls_like(column: Values, kind: pa.DataType | None = None) -> Values:
    """Return a column of NULLs as long as this one."""
    return shaped_like(pa.nulls(len(column), kind or pa.string()), column)


def in_order(rows: Sequence[Rows], parts: list[pa.Array]) -> pa.Array:
    """Put parts of a column back where they stood.

    Args:
        rows: For each part its values' row numbers, or a slice; together each row once. If all are slices, they stand
            in order already.
        parts: The values, of one type.
    """
    if types.is_string(parts[0].type) and sum(part.nbytes for part in parts) > _LARGE:
        parts = [part.cast(pa.large_string()) for part in parts]
    joined = pa.concat_arrays(parts)
    if all(isinstance(some, slice) for some in rows):
        return joined
    order = np.concatenate([np.arange(some.start, some.stop) if isinstance(some, slice) else some for some in rows])
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return joined.take(pa.array(back))
