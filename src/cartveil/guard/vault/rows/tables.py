"""The vault's tables: one SQLite table per table of the schema, and what is stored about each.

They are named `records_<number>`, with columns `c0`, `c1`, ... in the schema's order; names of the schema never become
SQL. The subject column is not stored in rows: it lies once per consumer, sealed.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa

from cartveil.errors import InputError, IntegrityError, SchemaError
from cartveil.events.kinds import COUNTABLE, Method, Role
from cartveil.events.schema import Column, Table
from cartveil.guard.protect.seal import cell_form
from cartveil.guard.vault.room import Room

#: What the vault never stores.
NOT_STORED = (Method.DROP, Method.REFUSE)

#: What is stored of a table: name, number, Arrow types, next row id.
_Meta = tuple[str, int, bytes, int]

RESTORE = "restore the vault from a backup"


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
        stored = ((name, spec) for name, spec in numbered if spec.protect.method not in NOT_STORED)
        return [(name, spec) for name, spec in stored if spec is not subject]

    def search_place(self, column: Column) -> int:
        """Return the number under which a column's search codes lie."""
        return self.number * 10_000 + self.table.columns.index(column)

    def last_four_place(self, column: Column) -> int:
        """Return the number under which the codes of a column's last four digits lie; databases have fewer columns."""
        return self.search_place(column) + 5_000


def create_tables(room: Room) -> None:
    """Create the tables of a schema, inside the caller's transaction.

    Raises:
        SchemaError: A subject column would not rest sealed, consent not readable, or a `seal` step has an unknown
            suite or padding.
        ColumnError: This machine has not the suite of a `seal` step.
    """
    for number, table in enumerate(room.schema.tables, 1):
        stored = Stored(table, number)
        _check_seals(table)
        _check_rest(
            table, Role.SUBJECT, (Method.SEAL, Method.KEEP), "the subject column rests sealed, once per consumer"
        )
        _check_rest(table, Role.CONSENT, (Method.KEEP,), "consent rests as it is, so that exports can honour it")
        cells = "".join(f", {name} ANY" for name, _ in stored.columns())
        consumer = "consumer INTEGER REFERENCES consumers (id)"
        room.store.define(
            f"CREATE TABLE records_{number} (row INTEGER PRIMARY KEY, {consumer}{cells}, mark BLOB) STRICT;"
            f"CREATE INDEX records_{number}_consumer ON records_{number} (consumer);"
            + "".join(_index(number, name) for name in _joined(stored))
        )
        write_meta(room, (table.name, number, b"", 1))


def _check_seals(table: Table) -> None:
    """Refuse a suite or a padding now, not when the first row is put."""
    for column in table.columns:
        if column.protect.method is Method.SEAL:
            try:
                cell_form(column.protect).suite.check()
            except InputError as error:
                path = f"tables.{table.name}.columns.{column.name}.protect"
                raise type(error)(error.message, path=path, hint=error.hint) from None


def _index(number: int, name: str) -> str:
    return f"CREATE INDEX records_{number}_{name} ON records_{number} ({name}, row);"


def _joined(stored: Stored) -> list[str]:
    """Return the columns that rows are found and joined by."""
    return [name for name, spec in stored.columns() if spec.protect.method in COUNTABLE]


def _check_rest(table: Table, role: Role, methods: tuple[Method, ...], message: str) -> None:
    column = table.by_role(role)
    if column is not None and column.protect.method not in methods:
        path = f"tables.{table.name}.columns.{column.name}.protect"
        raise SchemaError(message, path=path, hint=f'write `protect = "{methods[0]}"`')


def stored_table(room: Room, name: str) -> Stored:
    """Return how a table lies in the file; `SchemaError` with the nearest name where there is none."""
    table = room.schema.table(name)
    query = "SELECT name, number, types, next_row, mark FROM stored_tables WHERE name = ?"
    row = room.store.execute(query, (name,)).fetchone()
    if row is None or row[4] != _mark(room, row[:4]):
        raise IntegrityError("what is stored of a table was changed", path=name, hint=RESTORE)
    return Stored(table, row[1], _read_types(row[2]), row[3])


def write_meta(room: Room, meta: _Meta) -> None:
    """Store what is known of a table, with a mark."""
    line = (*meta, _mark(room, meta))
    room.store.execute(
        "INSERT INTO stored_tables (name, number, types, next_row, mark) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET types = excluded.types, next_row = excluded.next_row, mark = excluded.mark",
        line,
    )


def _mark(room: Room, meta: _Meta) -> str:
    """Return what tells a changed number or type from the one that was written."""
    return room.mark("table", repr(meta))


@lru_cache(maxsize=64)
def _read_types(blob: bytes) -> dict[str, pa.DataType]:
    """Return the types that a marked blob says; nothing was put where it is empty."""
    return {column.name: column.type for column in pa.ipc.read_schema(pa.py_buffer(blob))} if blob else {}
