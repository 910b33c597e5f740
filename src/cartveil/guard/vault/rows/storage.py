"""Arrow values as SQLite stores them, and back in exactly the type they had.

SQLite knows integers, doubles, text and bytes; the Arrow type of each column stands beside the table. Columns are
declared `ANY`, so that SQLite converts nothing on its own.
"""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.errors import ColumnError, IntegrityError

#: SQLite stores NaN as NULL; a gap and a NaN are not the same, so NaN is written as this text.
_NAN = "nan"

_BROKEN = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError, OverflowError)


def storable_type(kind: pa.DataType, *, path: str) -> pa.DataType:
    """Return the type that a column of this type is read back in.

    Raises:
        ColumnError: A type that the vault does not hold, such as a struct.
    """
    if types.is_dictionary(kind):
        return storable_type(kind.value_type, path=path)
    if types.is_list(kind) and types.is_string(kind.value_type):
        return kind
    if types.is_nested(kind) or str(kind).startswith(("string_view", "binary_view", "run_end", "extension")):
        raise ColumnError(
            f"a column of type {kind} cannot be stored", path=path, hint="give text, numbers, dates or times"
        )
    return kind


def to_sqlite(array: pa.Array) -> list[Any]:
    """Return an array's values as SQLite takes them; NULL stays NULL."""
    kind = array.type
    if types.is_floating(kind):
        return _floats(array)
    if types.is_uint64(kind) or types.is_decimal(kind):
        return list(array.cast(pa.string()).to_pylist())
    if types.is_list(kind):
        return [None if value is None else json.dumps(value, ensure_ascii=False) for value in array.to_pylist()]
    if _is_time(kind):
        return list(array.cast(_ticks(kind)).to_pylist())
    if types.is_boolean(kind):
        return list(array.cast(pa.uint8()).to_pylist())
    return list(array.to_pylist())


def from_sqlite(values: Sequence[Any], kind: pa.DataType, *, path: str) -> pa.Array:
    """Return values that `to_sqlite` gave, in their own type.

    Raises:
        IntegrityError: They are no values of that type: someone changed the file.
    """
    try:
        return _from_sqlite(values, kind)
    except _BROKEN:
        raise IntegrityError("a stored value was changed", path=path, hint="restore the vault from a backup") from None


def _from_sqlite(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if types.is_floating(kind):
        numbers = [float("nan") if value == _NAN else value for value in values]
        return pa.array(numbers, pa.float64()).cast(kind)
    if types.is_uint64(kind) or types.is_decimal(kind):
        return pa.array(values, pa.string()).cast(kind)
    if types.is_list(kind):
        return pa.array([None if value is None else json.loads(value) for value in values], kind)
    if _is_time(kind):
        return pa.array(values, _ticks(kind)).cast(kind)
    if types.is_boolean(kind):
        return pa.array(values, pa.uint8()).cast(kind)
    return pa.array(values, kind)


def _floats(array: pa.Array) -> list[Any]:
    values = array.cast(pa.float64())
    numbers = list(values.to_pylist())
    if pc.any(pc.is_nan(values)).as_py():
        return [_NAN if number is not None and number != number else number for number in numbers]
    return numbers


def _is_time(kind: pa.DataType) -> bool:
    return bool(types.is_temporal(kind))


def _ticks(kind: pa.DataType) -> pa.DataType:
    return pa.int32() if kind.bit_width == 32 else pa.int64()
