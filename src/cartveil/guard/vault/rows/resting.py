"""Rows as they lie in the file, and how they come back into the clear."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from cartveil.errors import IntegrityError
from cartveil.events.kinds import Method
from cartveil.events.schema import Column
from cartveil.guard.protect.rest import Sealing, from_rest
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.marks import few_marks, mark_key, row_marks
from cartveil.guard.vault.rows.storage import from_sqlite
from cartveil.guard.vault.rows.tables import RESTORE, Stored, stored_table

#: Rows that are fetched at a time.
CHUNK_ROWS = 20_000

#: Up to here rows are compared with their marks one by one.
FEW_ROWS = 64


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


def fetch(
    room: Room, stored: Stored, names: Sequence[str], *, consumer: int | None, rows: Sequence[int] | None = None
) -> Resting:
    """Return one consumer's rows as they lie in the file, each compared with its mark.

    Args:
        room: The vault.
        stored: The table.
        names: Which columns.
        consumer: Whose rows; None for a table that names nobody.
        rows: Only these of them.

    Raises:
        IntegrityError: A row was changed.
    """
    wanted, values = _wanted(consumer, rows)
    return _checked(room, stored, (f"WHERE {wanted} ORDER BY row", values), names)


def fetch_rows(room: Room, stored: Stored, rows: Sequence[int]) -> Resting:
    """Return whole rows by their numbers, whoever they are of, each compared with its mark.

    Raises:
        IntegrityError: A row was changed.
    """
    names = [spec.name for _, spec in stored.columns()]
    return _checked(room, stored, (f"WHERE row IN ({', '.join('?' * len(rows))}) ORDER BY row", rows), names)


def last_cell(room: Room, stored: Stored, name: str, *, consumer: int) -> Any:
    """Return one cell of a consumer's latest row, the row compared with its mark; None where they have no row.

    Raises:
        IntegrityError: The row was changed.
    """
    latest = _checked(room, stored, ("WHERE consumer = ? ORDER BY row DESC LIMIT 1", (consumer,)), [name])
    return latest.cells[0][0] if len(latest) else None


def _wanted(consumer: int | None, rows: Sequence[int] | None) -> tuple[str, tuple[int, ...]]:
    whose, values = ("consumer IS NULL", ()) if consumer is None else ("consumer = ?", (consumer,))
    if rows is None:
        return whose, values
    return f"{whose} AND row IN ({', '.join('?' * len(rows))})", (*values, *rows)


def _checked(room: Room, stored: Stored, where: tuple[str, Sequence[object]], names: Sequence[str]) -> Resting:
    """Return some rows with the chosen columns, after all their cells were compared with their marks."""
    columns = stored.columns()
    listed = ", ".join(["row", "consumer", "mark", *(sql for sql, _ in columns)])
    condition, values = where
    lines = room.store.execute(f"SELECT {listed} FROM records_{stored.number} {condition}", values).fetchall()  # noqa: S608
    whole = _resting(stored, tuple(spec for _, spec in columns), [(*line[:2], *line[3:]) for line in lines])
    _compare(room, whole, [line[2] for line in lines])
    chosen = [(spec, cells) for spec, cells in zip(whole.specs, whole.cells, strict=True) if spec.name in names]
    specs, cells = tuple(spec for spec, _ in chosen), tuple(cells for _, cells in chosen)
    return replace(whole, specs=specs, cells=cells)


def _compare(room: Room, resting: Resting, marks: list[Any]) -> None:
    """Compare rows, all of their cells, with their marks."""
    if not len(resting):
        return
    stored, computed = resting.stored, _few_marks(room, resting) if len(resting) <= FEW_ROWS else None
    if computed is None:
        owners = from_sqlite(resting.owners, pa.int64(), path=f"{stored.table.name}.consumer")
        columns = [pa.array(resting.rows, pa.int64()), owners, *columns_at_rest(resting)]
        computed = row_marks(columns, mark_key(room, stored.table))
    if computed != marks:
        place = next(row for row, (a, b) in enumerate(zip(computed, marks, strict=True)) if a != b)
        raise IntegrityError("row was changed", path=f"{stored.table.name}[{resting.rows[place]}]", hint=RESTORE)


def _few_marks(room: Room, resting: Resting) -> list[bytes] | None:
    kinds = [pa.int64(), pa.int64(), *_kinds(resting)]
    return few_marks([resting.rows, resting.owners, *resting.cells], kinds, mark_key(room, resting.stored.table))


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
    for spec, column in zip(resting.specs, columns_at_rest(resting), strict=True):
        place = room.place(table, spec.name)
        clear = from_rest(column, spec, place=place, derive=room.keyring.derive, sealing=sealing)
        columns[spec.name] = _as_put(clear, spec, types[spec.name], f"{table.name}.{spec.name}")
    return columns


def columns_at_rest(resting: Resting) -> list[Any]:
    """Return the cells as Arrow columns, still at rest."""
    paths = [f"{resting.stored.table.name}.{spec.name}" for spec in resting.specs]
    cells = zip(resting.cells, _kinds(resting), paths, strict=True)
    return [from_sqlite(column, kind, path=path) for column, kind, path in cells]


def _kinds(resting: Resting) -> list[pa.DataType]:
    """Return the type that each column rests in."""
    types = resting.stored.types
    return [_REST_TYPES.get(spec.protect.method, types[spec.name]) for spec in resting.specs]


def check_marks(room: Room, stored: Stored) -> int:
    """Compare every row of a table with its mark; return the number of rows.

    Raises:
        IntegrityError: A row was changed; the path names the first.
    """
    rows = 0
    names = [spec.name for _, spec in stored.columns()]
    query = f"SELECT mark FROM records_{stored.number} WHERE row >= ? ORDER BY row LIMIT {CHUNK_ROWS}"  # noqa: S608
    for resting in fetch_chunks(room, stored, names):
        _compare(room, resting, [mark for (mark,) in room.store.execute(query, (resting.rows[0],))])
        rows += len(resting)
    return rows


def subject_column(stored: Stored, ids: pa.Array) -> Any:
    """Return consumers' ids in the type that a table had them in."""
    spec = stored.subject
    if spec is None:
        raise IntegrityError("a table without consumers", path=stored.table.name)
    return _as_put(ids, spec, stored.types[spec.name], f"{stored.table.name}.{spec.name}")


_REST_TYPES = {
    Method.SEAL: pa.binary(),
    Method.TOKEN: pa.string(),
    Method.FPE: pa.string(),
    Method.PSEUDONYM: pa.string(),
}


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
