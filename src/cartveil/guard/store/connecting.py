"""A connection to PostgreSQL that keeps a vault's promises: what is asked of a server, and taught to psycopg."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from cartveil.errors import InputError, MissingExtraError, StorageError
from cartveil.guard.store.address import Address
from cartveil.guard.store.answers import as_error, as_refusal
from cartveil.guard.store.cells import CELL, as_bits, pack_cell, unpack_cell
from cartveil.guard.store.store import Cell

if TYPE_CHECKING:
    import psycopg

#: Milliseconds that a writer waits for another one.
WAIT = 5000

#: Answers of `synchronous_commit` that wait for the server's own disk.
_WAITING = ("on", "local", "remote_write", "remote_apply")

_NUMERIC = 1700


def connect(place: Address) -> "psycopg.Connection[Any]":
    """Connect, and look into one schema only.

    Raises:
        MissingExtraError: psycopg is not installed.
        InputError: libpq does not understand the address.
        StorageError: There is no such server or database, or it refused.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        hint = "pip install 'cartveil[postgres]'"
        raise MissingExtraError("a vault in PostgreSQL needs the extra `postgres` (psycopg)", hint=hint) from None
    try:
        words: dict[str, Any] = {"connect_timeout": "10", **conninfo_to_dict(place.server)}
        words |= {"client_encoding": "UTF8", "application_name": "cartveil"}
        connection = psycopg.connect(autocommit=True, **words)
    except psycopg.ProgrammingError:
        hint = "after `?` stand `schema` and words of libpq, such as `sslmode`"
        raise InputError("is no address of a database", path=place.name, hint=hint) from None
    except (psycopg.Error, UnicodeError) as error:
        raise as_refusal(str(error), path=place.name) from None
    _teach(connection)
    return connection


def check_server(place: Address, connection: "psycopg.Connection[Any]", *, must_flush: bool) -> None:
    """Refuse a server that breaks a vault's promises, and set what a session can set.

    Raises:
        StorageError: The connection is readable on its way, commits may be lost, or text is not UTF-8.
    """
    host = connection.info.hostaddr
    if not connection.pgconn.ssl_in_use and host and not ip_address(host.partition("%")[0]).is_loopback:
        hint = "add `sslmode=verify-full` to the address, and let the server use TLS"
        raise StorageError("connection is not encrypted", path=place.name, hint=hint)
    if _shown(connection, "server_encoding") != "UTF8":
        hint = "make it with `createdb -E UTF8 -T template0`"
        raise StorageError("database is not in UTF-8", path=place.name, hint=hint)
    lossy = [word for word in ("fsync", "full_page_writes") if _shown(connection, word) != "on"]
    if must_flush and lossy:
        hint = f"set `{lossy[0]} = on`: a power cut would damage the vault"
        raise StorageError("server does not wait for its disk", path=place.name, hint=hint)
    if _shown(connection, "synchronous_commit") not in _WAITING:
        connection.execute("SET synchronous_commit = on")
    connection.execute(f"SET lock_timeout = {WAIT}".encode())
    connection.execute(f"SET search_path = {place.schema}, pg_temp".encode())


def schema_of(place: Address, connection: "psycopg.Connection[Any]") -> tuple[int, str] | None:
    """Return the number and the comment of a vault's schema, or None where there is none."""
    columns = "oid::bigint, coalesce(obj_description(oid, 'pg_namespace'), '')"
    query = f"SELECT {columns} FROM pg_namespace WHERE nspname = %s"  # noqa: S608 - the columns above
    row = connection.execute(query.encode(), (place.schema,)).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


@contextmanager
def typed_errors(
    place: Address, connection: "psycopg.Connection[Any]", *, closed: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Say what PostgreSQL says in the words of `cartveil.errors`; never its text, which may hold values."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate
        if state is None and not connection.closed:  # psycopg's own complaint, of an answer that it cannot read
            state = "XX001"
        raise as_error(state, path=place.name, closed=closed()) from None


def _shown(connection: "psycopg.Connection[Any]", word: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (word,)).fetchone()
    return "" if row is None else str(row[0])


def _teach(connection: "psycopg.Connection[Any]") -> None:
    """Let psycopg read and write cells, and sums as numbers of Python."""
    from psycopg.types.numeric import Int8BinaryDumper

    cell_dumper, cell_loader, number_loader = _adapters()
    connection.adapters.register_dumper(Cell, cell_dumper)
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_loader(CELL, cell_loader)
    connection.adapters.register_loader(_NUMERIC, number_loader)


@lru_cache(maxsize=1)
def _adapters() -> tuple[type[Any], type[Any], type[Any]]:
    from psycopg.adapt import Dumper, Loader
    from psycopg.pq import Format
    from psycopg.types.numeric import NumericBinaryLoader

    class CellDumper(Dumper):
        format, oid = Format.BINARY, CELL

        def dump(self, obj: Any) -> bytes:
            return as_bits(pack_cell(obj.value))

    class CellLoader(Loader):
        format = Format.BINARY

        def load(self, data: Any) -> object:
            return unpack_cell(bytes(data)[4:])

    class NumberLoader(NumericBinaryLoader):
        def load(self, data: Any) -> Any:
            number = super().load(data)
            return int(number) if number == number.to_integral_value() else float(number)

    return CellDumper, CellLoader, NumberLoader
