"""A vault in a schema of a PostgreSQL database: for several programs at once, and for data beyond one machine.

A commit that returned is in the server's WAL on its disk (`synchronous_commit`, `fsync`). Bulk loads go by binary COPY.
What no client of PostgreSQL can do is overwrite a deleted byte: `erase_traces` writes the tables anew, but WAL,
archives, replicas and backups keep what they have. There, an erased consumer's key is gone when the key that wraps it
is destroyed.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from cartveil.errors import IntegrityError, ReadError, StorageError
from cartveil.guard.store.address import Address, parse_address
from cartveil.guard.store.cells import CELL, COPY_END, COPY_HEADER, copied
from cartveil.guard.store.connecting import check_server, connect, schema_of, typed_errors
from cartveil.guard.store.dialect import definition, in_postgresql
from cartveil.guard.store.sqlite import LAYOUT
from cartveil.guard.store.store import Cell

if TYPE_CHECKING:
    import psycopg

#: Stands in the schema's comment before the layout's number; tells a vault from any other schema.
_MARK = "cartveil vault, layout "

#: The oldest layout that opening brings to today's; before it a vault was a file.
_OLDEST = 2

#: Fewer rows than this go by INSERT: a COPY costs more round trips.
_FEW = 16

#: "CRTV"; with the schema's own number it names the lock that a writer holds.
_LOCK = 0x43525456

_FOREIGN_KEYS = """
SELECT k.conrelid::regclass::text, a.attname::text, k.confrelid::regclass::text, b.attname::text FROM pg_constraint AS k
JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
WHERE k.connamespace = ? AND k.contype = 'f'
"""

_INDEXES = "SELECT indexrelid::bigint FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid WHERE relnamespace = ?"

_AMCHECK = """
SELECT p.oid::regproc::text FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid WHERE e.extname = 'amcheck' AND p.proname = 'bt_index_check'
AND p.pronargs = 2 AND has_function_privilege(p.oid, 'EXECUTE')
"""


class PostgreSQLStore:
    """A vault's schema, open; see `Store`. Made by `create` and `open`."""

    def __init__(self, address: Address, connection: "psycopg.Connection[Any]", number: int) -> None:
        self.address = address
        self.connection = connection
        self._number = number  # the schema's, in the catalogue
        self._types: dict[tuple[str, str], list[int]] = {}
        self._closed = False

    @classmethod
    def create(cls, address: str, *, survive_power_loss: bool = True) -> "PostgreSQLStore":
        """Create an empty schema for one vault, and open it.

        Args:
            address: `postgresql://user@host/database?schema=shop`; the password comes from libpq's own places.
            survive_power_loss: Wait for the server's disk at each commit. Without, until it is opened again, a crash
                of the server may take the last commits.

        Raises:
            InputError: No such address, or one that holds a password.
            StorageError: Such a schema stands there, or the server refused.
        """
        place = parse_address(address)
        connection = connect(place)
        try:
            with typed_errors(place, connection):
                check_server(place, connection, must_flush=survive_power_loss)
                number = _make_schema(place, connection)
                if not survive_power_loss:
                    connection.execute("SET synchronous_commit = off")
        except BaseException:
            connection.close()
            raise
        return cls(place, connection, number)

    @classmethod
    def open(cls, address: str) -> "PostgreSQLStore":
        """Open a vault's schema.

        Raises:
            InputError: No such address, or one that holds a password.
            ReadError: No such schema.
            IntegrityError: Not a vault.
            StorageError: A vault of another layout, or the server refused.
        """
        place = parse_address(address)
        connection = connect(place)
        try:
            with typed_errors(place, connection):
                check_server(place, connection, must_flush=True)
                return cls(place, connection, _known_schema(place, connection))
        except BaseException:
            connection.close()
            raise

    @property
    def name(self) -> str:
        """Return host, database and schema."""
        return self.address.name

    @property
    def layout(self) -> int:
        """Return the layout of its tables."""
        return _layout_of(self.address, _known_comment(self.address, self.connection)[1])

    @layout.setter
    def layout(self, layout: int) -> None:
        comment = f"COMMENT ON SCHEMA {self.address.schema} IS '{_MARK}{int(layout)}'"
        self.connection.execute(comment.encode())

    def execute(self, query: str, values: Sequence[object] = ()) -> "psycopg.Cursor[Any]":
        """Run one statement."""
        return self.connection.execute(in_postgresql(query).encode(), list(values), binary=True)

    def define(self, statements: str) -> None:
        """Create tables and indexes, within the caller's transaction."""
        for statement in statements.split(";"):
            if statement.strip():
                self.connection.execute(definition(statement).encode())

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add many rows by binary COPY, a few by INSERT."""
        waiting = iter(rows)
        some = list(islice(waiting, _FEW))
        names = ", ".join(columns)
        types = self._types_of(table, names)
        with self.connection.cursor() as cursor:
            if len(some) < _FEW:
                query = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608 - made-up names
                cursor.executemany(query.encode(), [_wrapped(types, row) for row in some])
                return
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)".encode()) as copy:
                copy.write(COPY_HEADER)
                for part in copied(types, chain(some, waiting)):
                    copy.write(part)
                copy.write(COPY_END)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of it or nothing; waits for another writer, and in the end gives up."""
        self._refuse_nested()
        with self.connection.transaction():
            # Reading takes no lock; who writes, or reads what it then changes, holds this one.
            number = self._number - (1 << 32 if self._number >= 1 << 31 else 0)
            self.connection.execute("SELECT pg_advisory_xact_lock(%s::int, %s::int)", (_LOCK, number))
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything as it was at one moment."""
        self._refuse_nested()
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    @contextmanager
    def typed_errors(self) -> Iterator[None]:
        """Say what PostgreSQL says in the words of `cartveil.errors`."""
        with typed_errors(self.address, self.connection, closed=lambda: self._closed):
            yield

    def erase_traces(self) -> None:
        """Write the tables anew, so that no file of one holds what was deleted.

        WAL, archives, replicas and backups of the server keep their copies until they go themselves.

        Raises:
            StorageError: Somebody else is reading for longer than writers wait; try again when they are done.
        """
        tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = ? ORDER BY tablename"
        for (table,) in self.execute(tables, (self.address.schema,)).fetchall():
            self.connection.execute(f"VACUUM (FULL) {table}".encode())

    def check(self) -> None:
        """Check that every row's consumer is there, and every index where the extension `amcheck` may be used."""
        for table, column, parent, key in self.execute(_FOREIGN_KEYS, (self._number,)).fetchall():
            query = (
                f"SELECT 1 FROM {table} AS c LEFT JOIN {parent} AS p ON p.{key} = c.{column} "  # noqa: S608 - from the catalogue
                f"WHERE c.{column} IS NOT NULL AND p.{key} IS NULL LIMIT 1"
            )
            if self.execute(query).fetchone() is not None:
                raise IntegrityError("rows belong to nobody", path=self.name, hint="restore the vault from a backup")
        for (function,) in self.execute(_AMCHECK).fetchall():
            for (index,) in self.execute(_INDEXES, (self._number,)).fetchall():
                self.execute(f"SELECT {function}(?::bigint::regclass, true)", (index,))

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        self.connection.close()

    def remove(self) -> None:
        """Remove a schema that was not finished, and close."""
        with self.typed_errors():
            self.connection.execute(f"DROP SCHEMA {self.address.schema} CASCADE".encode())
        self.close()

    def _refuse_nested(self) -> None:
        if self.connection.info.transaction_status == 2:  # INTRANS: psycopg would open a part of the one that runs
            raise StorageError("is in the middle of another change", path=self.name, hint="let that one end first")

    def _types_of(self, table: str, names: str) -> list[int]:
        """Return the type numbers of some columns of a table; a vault's tables never change theirs."""
        if (table, names) not in self._types:
            cursor = self.execute(f"SELECT {names} FROM {table} LIMIT 0")  # noqa: S608 - made-up names
            self._types[table, names] = [column.type_code for column in cursor.description or ()]
        return self._types[table, names]


def _wrapped(types: Sequence[int], row: Sequence[Any]) -> list[object]:
    """Return a row with what goes into columns of type ANY told apart."""
    pairs = zip(types, row, strict=True)
    return [Cell(value) if kind == CELL and value is not None else value for kind, value in pairs]


def _make_schema(place: Address, connection: "psycopg.Connection[Any]") -> int:
    if schema_of(place, connection) is not None:
        raise StorageError("exists already", path=place.name, hint="open it, or choose another schema")
    with connection.transaction():
        connection.execute(f"CREATE SCHEMA {place.schema}".encode())
        connection.execute(f"COMMENT ON SCHEMA {place.schema} IS '{_MARK}{LAYOUT}'".encode())
    made = schema_of(place, connection)
    if made is None:
        raise StorageError("schema is gone again", path=place.name, hint="make it again")
    return made[0]


def _known_schema(place: Address, connection: "psycopg.Connection[Any]") -> int:
    number, comment = _known_comment(place, connection)
    _layout_of(place, comment)
    return number


def _known_comment(place: Address, connection: "psycopg.Connection[Any]") -> tuple[int, str]:
    found = schema_of(place, connection)
    if found is None:
        hint = "make one with `cartveil init --database`, or name another schema"
        raise ReadError("no such vault", path=place.name, hint=hint)
    return found


def _layout_of(place: Address, comment: str) -> int:
    if not comment.startswith(_MARK):
        raise IntegrityError("is not a vault", path=place.name, hint="name a schema that `cartveil init` made")
    layout = comment.removeprefix(_MARK)
    if layout not in {str(number) for number in range(_OLDEST, LAYOUT + 1)}:
        raise StorageError(f"has layout {layout}, this version knows {LAYOUT}", path=place.name, hint="update cartveil")
    return int(layout)
