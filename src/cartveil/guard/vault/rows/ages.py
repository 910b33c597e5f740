"""How old a row is: by the column of its table that plays the part of time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.events.kinds import Method, Role
from cartveil.events.schema import Column
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.resting import Resting, fetch_chunks
from cartveil.guard.vault.rows.storage import from_sqlite
from cartveil.guard.vault.rows.tables import Stored

_MOMENT = pa.timestamp("us", "UTC")


def time_column(stored: Stored) -> Column | None:
    """Return the column that tells a row's age, or None: it has to rest as it is, and to have been put."""
    column = stored.table.by_role(Role.TIME)
    if column is None or column.protect.method is not Method.KEEP or column.name not in stored.types:
        return None
    return column


def rows_before(room: Room, stored: Stored, moment: datetime) -> list[int]:
    """Return the rows of a table that are older than a moment; a row without a time has no age."""
    column = time_column(stored)
    if column is None:
        return []
    found: list[int] = []
    for resting in fetch_chunks(room, stored, [column.name]):
        old = pc.fill_null(pc.less(_times(resting), pa.scalar(moment, _MOMENT)), False)
        found += pa.array(resting.rows, pa.int64()).filter(old).to_pylist()
    return found


def are_before(stored: Stored, cells: Sequence[Any], moment: datetime) -> list[bool]:
    """Return for cells of the time column, as they lie in the file, whether they are older than a moment."""
    column = time_column(stored)
    if column is None:
        return [False] * len(cells)
    times = _moments(from_sqlite(cells, stored.types[column.name], path=f"{stored.table.name}.{column.name}"))
    return list(pc.fill_null(pc.less(times, pa.scalar(moment, _MOMENT)), False).to_pylist())


def _times(resting: Resting) -> pa.Array:
    (column,), (cells,) = resting.specs, resting.cells
    kind = resting.stored.types[column.name]
    return _moments(from_sqlite(cells, kind, path=f"{resting.stored.table.name}.{column.name}"))


def _moments(column: pa.Array) -> pa.Array:
    """Return times and dates as moments; text that is no time has none."""
    if types.is_string(column.type) or types.is_large_string(column.type):
        iso = pc.match_substring_regex(column, r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?$")
        column = pc.if_else(iso, column, None).cast(pa.timestamp("us"))
    if types.is_timestamp(column.type) and column.type.tz is None:
        return column.cast(pa.timestamp("us"), safe=False).cast(_MOMENT)
    if types.is_timestamp(column.type) or types.is_date(column.type):
        return column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False).cast(_MOMENT)
    return pa.nulls(len(column), _MOMENT)
