"""Rows of the vault's tables: how a clear table comes to rest, and how rows come back.

Each table of the schema has one SQLite table, `records_<number>`, with columns `c0`, `c1`, ... in the schema's order;
names of the schema never become SQL. The subject column is not stored in rows: it lies once per consumer, sealed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError, IntegrityError, SchemaError
from cartveil.events.kinds import Method, Role
from cartveil.events.schema import Column, Table
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import as_array, as_text
from cartveil.guard.protect.rest import Sealing, at_rest, from_rest, search_index
from cartveil.guard.vault import consumers
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.storage import from_sqlite, storable_type, to_sqlite

#: Rows that are sealed and written at a time: bounds the memory that a table of any length takes.
CHUNK_ROWS = 20_000

_NOT_STORED = (Method.DROP, Method.REFUSE)


@dataclass(frozen=True)
class Stored:
    """One table as it lies in the file."""

    table: Table
    number: int
    types: dict[str, pa.DataType] = field(default_factory=dict)
    next_row: int = 1

    @property
    def subject(self) -> Column | None:
        """Return the column that names consumers, if any."""
        return self.table.by_role(Role.SUBJECT)

    def columns(self) -> list[tuple[str, Column]]:
        """Return the SQL name and the schema's line of each column that lies in rows."""
        numbered = ((f"c{place}", column) for place, column in enumerate(self.table.columns))
        subject = self.subject
        stored = ((name, spec) for name, spec in numbered if spec.protect.method not in _NOT_STORED)
        return [(name, spec) for name, spec in stored if spec is not subject]

    def search_place(self, column: Column) -> int:
        """Return the number under which a column's search codes lie."""
        return self.number * 10_000 + self.table.columns.index(column)


@dataclass(frozen=True)
class Chunk:
    """Some rows on their way into the vault: their ids, and each row's consumer and key."""

    data: pa.Table
    rows: range
    numbers: npt.NDArray[np.int64] | None  # (rows,) consumer of each row
    sealing: Sealing


def create_tables(room: Room) -> None:
    """Create the tables of a schema, inside the caller's transaction.

    Raises:
        SchemaError: A subject column would not rest sealed.
    """
    for number, table in enumerate(room.schema.tables, 1):
        stored = Stored(table, number)
        if stored.subject is not None and stored.subject.protect.method not in (Method.SEAL, Method.KEEP):
            path, hint = f"tables.{table.name}.columns.{stored.subject.name}", 'write `protect = "seal"`'
            raise SchemaError("the subject column rests sealed, once per consumer", path=path, hint=hint)
        cells = "".join(f", {name} ANY" for name, _ in stored.columns())
        consumer = "consumer INTEGER REFERENCES consumers (id)"
        room.connection.execute(f"CREATE TABLE records_{number} (row INTEGER PRIMARY KEY, {consumer}{cells}) STRICT")
        room.connection.execute(f"CREATE INDEX records_{number}_consumer ON records_{number} (consumer)")
        room.connection.execute("INSERT INTO stored_tables VALUES (?, ?, NULL, 1)", (table.name, number))


def stored_table(room: Room, name: str) -> Stored:
    """Return how a table lies in the file; `SchemaError` with the nearest name where there is none."""
    table = room.schema.table(name)
    query = "SELECT number, types, next_row FROM stored_tables WHERE name = ?"
    row = room.connection.execute(query, (name,)).fetchone()
    if row is None:
        raise IntegrityError("a table is missing", path=name, hint="restore the vault from a backup")
    return Stored(table, int(row[0]), _read_types(row[1], name), int(row[2]))


def insert(room: Room, stored: Stored, data: pa.Table) -> int:
    """Write all rows of a table, inside the caller's transaction; return the number of consumers.

    Raises:
        ColumnError: Columns are missing, unknown, of another type than before, or a row names no consumer.
        ErasedError: Some consumers were erased.
    """
    data = _fitted(stored, data)
    links = _links(room, stored, data)
    for start in range(0, data.num_rows, CHUNK_ROWS):
        chunk = _chunk(room, stored, data.slice(start, CHUNK_ROWS), (start, links))
        _write_rows(room, stored, chunk)
        _write_codes(room, stored, chunk)
    _remember(room, stored, data)
    return 0 if links is None else len(links.numbers)


@dataclass(frozen=True)
class _Links:
    """Which row belongs to whom."""

    indices: npt.NDArray[np.int64]  # (rows,) place in the lists below
    numbers: npt.NDArray[np.int64]  # (consumers,)
    keys: Sequence[SecretKey]


def _links(room: Room, stored: Stored, data: pa.Table) -> _Links | None:
    if stored.subject is None:
        return None
    subjects = as_text(data[stored.subject.name])
    empty = pc.fill_null(pc.equal(subjects, ""), True)
    if pc.any(empty).as_py():
        path = f"{stored.table.name}.{stored.subject.name}[{pc.index(empty, True).as_py()}]"
        hint = "clean the table first: what belongs to nobody is set aside"
        raise ColumnError(f"{pc.sum(empty).as_py()} rows name no consumer", path=path, hint=hint)
    encoded = subjects.dictionary_encode()
    numbers, keys = consumers.enrol(room, encoded.dictionary)
    indices = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return _Links(indices, np.array(numbers, np.int64), keys)


def _chunk(room: Room, stored: Stored, data: pa.Table, at: tuple[int, _Links | None]) -> Chunk:
    start, links = at
    rows = range(stored.next_row + start, stored.next_row + start + data.num_rows)
    ids = pa.array(rows, pa.int64())
    if links is None:
        key = room.keyring.derive("table rest", stored.table.name)
        return Chunk(data, rows, None, Sealing([key], ids, [0] * data.num_rows))
    of_rows = links.indices[start : start + data.num_rows]
    here, index = np.unique(of_rows, return_inverse=True)
    keys = [links.keys[place] for place in here]
    return Chunk(data, rows, links.numbers[of_rows], Sealing(keys, ids, index.tolist()))


def _write_rows(room: Room, stored: Stored, chunk: Chunk) -> None:
    columns = stored.columns()
    owners: Sequence[int | None] = [None] * len(chunk.rows) if chunk.numbers is None else chunk.numbers.tolist()
    cells: list[Sequence[Any]] = [chunk.rows, owners]
    for _, spec in columns:
        place = room.place(stored.table, spec.name)
        column = as_array(chunk.data[spec.name])
        resting = at_rest(column, spec, place=place, derive=room.keyring.derive, sealing=chunk.sealing)
        cells.append(to_sqlite(as_array(resting)))
    names = ", ".join(["row", "consumer", *(name for name, _ in columns)])
    marks = ", ".join("?" * len(cells))
    query = f"INSERT INTO records_{stored.number} ({names}) VALUES ({marks})"  # noqa: S608 - made-up names only
    room.connection.executemany(query, zip(*cells, strict=True))


def _write_codes(room: Room, stored: Stored, chunk: Chunk) -> None:
    for _, spec in stored.columns():
        if not spec.index or spec.protect.method is not Method.SEAL:
            continue
        codes = as_array(search_index(chunk.data[spec.name], spec.kind, derive=room.keyring.derive)).to_pylist()
        owners = [None] * len(codes) if chunk.numbers is None else chunk.numbers.tolist()
        place = stored.search_place(spec)
        found = zip(codes, chunk.rows, owners, strict=True)
        lines = ((place, code, row, owner) for code, row, owner in found if code is not None)
        room.connection.executemany("INSERT INTO search_codes VALUES (?, ?, ?, ?)", lines)


def _fitted(stored: Stored, data: pa.Table) -> pa.Table:
    """Return the schema's columns of a table in the types that they are stored in."""
    name = stored.table.name
    specs = {column.name: column for column in stored.table.columns}
    _check_names(stored, data)
    columns: dict[str, Any] = {}
    for column in data.column_names:
        spec, path = specs[column], f"{name}.{column}"
        if spec.protect.method is Method.REFUSE:
            _refuse_values(data[column], spec, path)
        elif spec.protect.method is not Method.DROP:
            columns[column] = _typed(data[column], stored.types.get(column), path)
    return pa.table(columns)


def _refuse_values(column: Any, spec: Column, path: str) -> None:
    if as_array(column).null_count < len(column):
        hint = "drop the column before the data is put"
        raise ColumnError(f"values of kind `{spec.kind}` must not be stored", path=path, hint=hint)


def _check_names(stored: Stored, data: pa.Table) -> None:
    name, given = stored.table.name, data.column_names
    twice = sorted({column for column in given if given.count(column) > 1})
    if twice:
        raise ColumnError(f"column `{twice[0]}` stands twice", path=name, hint="rename or drop one of them")
    for column in given:
        stored.table.column(column)
    needed = [spec.name for spec in stored.table.columns if spec.protect.method not in _NOT_STORED]
    missing = [column for column in needed if column not in given]
    if missing:
        hint = "put tables with the columns that the schema names"
        raise ColumnError(
            f"columns are missing: {', '.join(f'`{column}`' for column in missing)}", path=name, hint=hint
        )


def _typed(column: Any, before: pa.DataType | None, path: str) -> Any:
    kind = storable_type(column.type, path=path)
    if before is not None and not pa.types.is_null(before):
        kind = before
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        hint = "give the type that was put first; `cartveil scan` shows types"
        raise ColumnError(f"type {column.type} does not fit the stored {kind}", path=path, hint=hint) from None


def _remember(room: Room, stored: Stored, data: pa.Table) -> None:
    types = data.schema.remove_metadata().serialize().to_pybytes()
    after = (types, stored.next_row + data.num_rows, stored.table.name)
    room.connection.execute("UPDATE stored_tables SET types = ?, next_row = ? WHERE name = ?", after)


@lru_cache(maxsize=64)
def _read_types(blob: bytes | None, name: str) -> dict[str, pa.DataType]:
    if blob is None:
        return {}
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(blob))
    except (pa.ArrowInvalid, OSError):
        raise IntegrityError("a stored type was changed", path=name, hint="restore the vault from a backup") from None
    return {column.name: column.type for column in schema}


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
    lines = room.connection.execute(f"{query} WHERE consumer = ? ORDER BY row", (consumer,)).fetchall()
    return _resting(stored, specs, lines)


def last_cell(stored: Stored, name: str) -> str:
    """Return the query for one column of a consumer's latest row."""
    sql = next(sql for sql, spec in stored.columns() if spec.name == name)
    return f"SELECT {sql} FROM records_{stored.number} WHERE consumer = ? ORDER BY row DESC LIMIT 1"  # noqa: S608 - made-up names


def count_rows(room: Room, name: str) -> int:
    """Return the number of rows of a table."""
    query = f"SELECT count(*) FROM records_{stored_table(room, name).number}"  # noqa: S608 - made-up name
    return int(room.connection.execute(query).fetchone()[0])


def fetch_chunks(room: Room, stored: Stored, names: Sequence[str]) -> Iterator[Resting]:
    """Return all rows as they lie in the file, some at a time."""
    query, specs = _query(stored, names)
    after = 0
    while True:
        lines = room.connection.execute(f"{query} WHERE row > ? ORDER BY row LIMIT {CHUNK_ROWS}", (after,)).fetchall()
        if not lines:
            return
        after = int(lines[-1][0])
        yield _resting(stored, specs, lines)


def opened(room: Room, resting: Resting, sealing: Sealing) -> dict[str, Any]:
    """Return resting columns in the clear, in the types that were put."""
    columns: dict[str, Any] = {}
    for spec, cells in zip(resting.specs, resting.cells, strict=True):
        table, kind = resting.stored.table, resting.stored.types[spec.name]
        path = f"{table.name}.{spec.name}"
        resting_type = kind if spec.protect.method is Method.KEEP else _REST_TYPES[spec.protect.method]
        column = from_sqlite(cells, resting_type, path=path)
        place = room.place(table, spec.name)
        clear = from_rest(column, spec, place=place, derive=room.keyring.derive, sealing=sealing)
        columns[spec.name] = _as_put(clear, spec, kind, path)
    return columns


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
        raise IntegrityError("a stored value was changed", path=path, hint="restore the vault from a backup") from None


def _query(stored: Stored, names: Sequence[str]) -> tuple[str, tuple[Column, ...]]:
    chosen = [(sql, spec) for sql, spec in stored.columns() if spec.name in names]
    columns = ", ".join(["row", "consumer", *(sql for sql, _ in chosen)])
    return f"SELECT {columns} FROM records_{stored.number}", tuple(spec for _, spec in chosen)  # noqa: S608 - made-up names


def _resting(stored: Stored, specs: tuple[Column, ...], lines: list[tuple[Any, ...]]) -> Resting:
    if not lines:
        return Resting(stored, specs, (), (), tuple(() for _ in specs))
    rows, owners, *cells = zip(*lines, strict=True)
    return Resting(stored, specs, rows, owners, tuple(cells))
