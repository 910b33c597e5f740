"""What columns hold, looked at before anything is made of them.

Arrow quotes the value that it could not convert. What checks the kinds of the columns first never meets that message,
and can say which column is wrong instead of what stands in it.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import pyarrow as pa

from cartveil.errors import ColumnError

#: What a column may be asked to hold.
Kind = Literal["numbers", "whole numbers", "timestamps", "lists"]


def _is_number(found: pa.DataType) -> bool:
    return bool(pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found))


def _is_moment(found: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(found) or pa.types.is_date(found))


def _is_list(found: pa.DataType) -> bool:
    return bool(pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found))


_FITS: Mapping[Kind, Callable[[pa.DataType], bool]] = {
    "numbers": _is_number,
    "whole numbers": pa.types.is_integer,
    "timestamps": _is_moment,
    "lists": _is_list,
}


def check_kinds(table: pa.Table, kinds: Mapping[str, Kind]) -> None:
    """Refuse columns that hold something else.

    Args:
        table: Any; columns of it that are not named may hold anything.
        kinds: Column -> what it must hold. A column that is missing, or NULL all through, is for others to judge.

    Raises:
        ColumnError: A column holds something else; no value is told.
    """
    for name, kind in kinds.items():
        if name not in table.column_names:
            continue
        found = table[name].type
        if not (pa.types.is_null(found) or _FITS[kind](found)):
            raise ColumnError(f"holds no {kind}", path=name, hint=f"read the column as {kind} before it is written")


def check_columns(table: pa.Table, kinds: Mapping[str, Kind | None], *, purpose: str) -> None:
    """Refuse a table without these columns, or with something else in them.

    Args:
        table: Any.
        kinds: Column -> what it must hold, None for anything.
        purpose: What needs the columns, such as `judging takeovers`.

    Raises:
        ColumnError: A column is missing, or holds something else; no value is told.
    """
    for name in kinds:
        if name not in table.column_names:
            raise ColumnError(f"{purpose} needs this column", path=name, hint="name it so, or add it")
    check_kinds(table, {name: kind for name, kind in kinds.items() if kind is not None})


def check_numbered(table: pa.Table, name: str) -> None:
    """Refuse a column that should number its rows, and does not number all of them.

    Raises:
        ColumnError: It holds something else than whole numbers, or a row has none.
    """
    if not pa.types.is_integer(table[name].type) and table.num_rows:
        raise ColumnError("holds no whole numbers", path=name, hint="number the events, in events and labels alike")
    if table[name].null_count:
        raise ColumnError("a row has no number", path=name, hint="number the events, in events and labels alike")
