"""Rows as they lie in the file, and how they come back into the clear."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cartveil.errors import IntegrityError
from cartveil.events.kinds import Method
from cartveil.events.schema import Column
from cartveil.guard.protect.rest import Sealing, from_rest
from cartveil.guard.vault.marks import mark_key, row_marks
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.storage import from_sqlite
from cartveil.guard.vault.tables import RESTORE, Stored, stored_table

#: Rows that are fetched at a time.
CHUNK_ROWS = 20_000


@dataclass(frozen=True)
class Resting:
    """Rows as they lie in the file: nothing opened yet."""

    stored: Stored
    specs: tuple[Column, ...]
    rows: tuple[int, ...]
    owners: tuple[int | None, ...]
    cells: tuple[tuple[Any, ...], ...]  # one tuple of cells per column of `specs`

    def __len__(self) -> int:
        return len(self.rows)


def fetch(room: Room, stored: Stored, names: Sequence[str], *, consumer: int) -> Resting:
    """Return one consumer's rows as they lie in the file."""
    query, specs = _query(stored, names)
    lines = room.store.execute(f"{query} WHERE consumer = ? ORDER BY row", (consumer,)).fetchall()
    return _resting(stored, specs, lines)


def last_cell(stored: Stored, name: str) -> str:
    """Return the query for one column of a consumer's latest row."""
    sql = next(sql for sql, spec in stored.columns() if spec.name == name)
    return f"SELECT {sql} FROM records_{stored.number} WHERE consumer = ? ORDER BY row DESC LIMIT 1"  # noqa: S608 - made-up names


def count_rows(room: Room, name: str) -> int:
    """Return the number of rows of a table."""
    query = f"SELECT count(*) FROM records_{stored_table(room, name).number}"  # noqa: S608 - made-up name
    return int(room.store.execute(query).fetchone()[0])


def fetch_chunks(room: Room, stored: Stored, names: Sequence[str]) -> Iterator[Resting]:
    """Return all rows as they lie in the file, some at a time."""
    query, specs = _query(stored, names)
    after = 0
    while True:
        lines = room.store.execute(f"{query} WHERE row > ? ORDER BY row LIMIT {CHUNK_ROWS}", (after,)).fetchall()
        if not lines:
            return
        if lines[-1][0] <= after:  # in a damaged file rows can come round again, for ever
            raise IntegrityError("rows are out of order", path=stored.table.name, hint=RESTORE)
        after = int(lines[-1][0])
        yield _resting(stored, specs, lines)


def opened(room: Room, resting: Resting, sealing: Sealing) -> dict[str, Any]:
    """Return resting columns in the clear, in the types that were put."""
    columns: dict[str, Any] = {}
    table, types = resting.stored.table, resting.stored.types
    for spec, column in zip(resting.specs, _columns(resting), strict=True):
        place = room.place(table, spec.name)
        clear = from_rest(column, spec, place=place, derive=room.keyring.derive, sealing=sealing)
        columns[spec.name] = _as_put(clear, spec, types[spec.name], f"{table.name}.{spec.name}")
    return columns


def _columns(resting: Resting) -> list[Any]:
    """Return the cells as Arrow columns, still at rest."""
    name, types = resting.stored.table.name, resting.stored.types
    kinds = [_REST_TYPES.get(spec.protect.method, types[spec.name]) for spec in resting.specs]
    paths = [f"{name}.{spec.name}" for spec in resting.specs]
    cells = zip(resting.cells, kinds, paths, strict=True)
    return [from_sqlite(column, kind, path=path) for column, kind, path in cells]


def check_marks(room: Room, stored: Stored) -> int:
    """Compare every row of a table with its mark; return the number of rows.

    Raises:
        IntegrityError: A row was changed; the path names the first.
    """
    key, rows = mark_key(room, stored.table), 0
    names = [spec.name for _, spec in stored.columns()]
    query = f"SELECT mark FROM records_{stored.number} WHERE row >= ? ORDER BY row LIMIT {CHUNK_ROWS}"  # noqa: S608
    for resting in fetch_chunks(room, stored, names):
        owners = from_sqlite(resting.owners, pa.int64(), path=f"{stored.table.name}.consumer")
        computed = row_marks([pa.array(resting.rows, pa.int64()), owners, *_columns(resting)], key)
        found = [mark for (mark,) in room.store.execute(query, (resting.rows[0],))]
        if computed != found:
            place = next(row for row, (a, b) in enumerate(zip(computed, found, strict=True)) if a != b)
            raise IntegrityError("row was changed", path=f"{stored.table.name}[{resting.rows[place]}]", hint=RESTORE)
        rows += len(resting)
    return rows


def subject_column(stored: Stored, ids: pa.Array) -> Any:
    """Return consumers' ids in the type that a table had them in."""
    spec = stored.subject
    if spec is None:
        raise IntegrityError("a table without consumers", path=stored.table.name)
    return _as_put(ids, spec, stored.types[spec.name], f"{stored.table.name}.{spec.name}")


_REST_TYPES = {Method.SEAL: pa.binary(), Method.TOKEN: pa.string(), Method.PSEUDONYM: pa.string()}


def _as_put(column: Any, spec: Column, kind: pa.DataType, path: str) -> Any:
    if column.type == kind or spec.protect.method is Method.PSEUDONYM:
        return column
    try:
        if pa.types.is_null(kind):
            return pa.nulls(len(column))
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise IntegrityError("a stored value was changed", path=path, hint=RESTORE) from None


def _query(stored: Stored, names: Sequence[str]) -> tuple[str, tuple[Column, ...]]:
    chosen = [(sql, spec) for sql, spec in stored.columns() if spec.name in names]
    columns = ", ".join(["row", "consumer", *(sql for sql, _ in chosen)])
    return f"SELECT {columns} FROM records_{stored.number}", tuple(spec for _, spec in chosen)  # noqa: S608 - made-up names


def _resting(stored: Stored, specs: tuple[Column, ...], lines: list[tuple[Any, ...]]) -> Resting:
    if not lines:
        return Resting(stored, specs, (), (), tuple(() for _ in specs))
    rows, owners, *cells = zip(*lines, strict=True)
    return Resting(stored, specs, rows, owners, tuple(cells))
