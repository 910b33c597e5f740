"""A vault in one file: a SQLite database that forgets what is deleted and keeps what is acknowledged.

`synchronous=FULL` and WAL: a commit that returned survives a crash. `secure_delete`: deleted bytes are overwritten.
Temporary tables stay in memory: no copy of a record lands in a file of its own.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from cartveil.errors import CartveilError, IntegrityError, ReadError, StorageError
from cartveil.guard.store.store import Cell

#: "CRTV" in the database header; tells a vault from any other SQLite file.
APPLICATION_ID = 0x43525456

#: Layout of the tables, and the oldest one that opening brings to it.
LAYOUT = 3
_OLDEST = 1

_DISK = {
    sqlite3.SQLITE_FULL: ("disk is full", "free some space; nothing was written"),
    sqlite3.SQLITE_IOERR: ("disk failed", "check the disk; nothing was half-written"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "check the permissions of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check the permissions of the file and its folder"),
    sqlite3.SQLITE_BUSY: ("is in use by another program", "try again when the other program is done"),
    sqlite3.SQLITE_LOCKED: ("is in use by another program", "try again when the other program is done"),
}


class SQLiteStore:
    """A vault's file, open; see `Store`. Made by `create` and `open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    @classmethod
    def create(cls, path: Path, *, survive_power_loss: bool = True) -> "SQLiteStore":
        """Create an empty file, readable by its owner only, and open it.

        Args:
            path: Where; nothing may stand there.
            survive_power_loss: Wait for the disk at each commit. Without, until it is opened again, a power cut may
                take the last commits, a crash of the program nothing.

        Raises:
            StorageError: A file stands there already, or the disk refused.
        """
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            raise StorageError("exists already", path=str(path), hint="open it, or choose another path") from None
        except OSError as error:
            raise StorageError(f"cannot be created: {error.strerror}", path=str(path)) from None
        with typed_errors(path):
            connection = _configured(sqlite3.connect(path, isolation_level=None))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
            if not survive_power_loss:
                connection.execute("PRAGMA synchronous = NORMAL")
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path) -> "SQLiteStore":
        """Open a vault's file.

        Raises:
            ReadError: No such file.
            IntegrityError: Not a vault, or a damaged one.
            StorageError: A vault of another layout, or the disk refused.
        """
        if not path.is_file():
            raise ReadError("no such vault", path=str(path), hint="make one with `cartveil init`, or name another path")
        with typed_errors(path):
            connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, isolation_level=None)
            try:
                _check_header(connection, path)
            except (sqlite3.Error, CartveilError):
                connection.close()
                raise
            return cls(path, _configured(connection))

    @property
    def name(self) -> str:
        """Return the file's path."""
        return str(self.path)

    @property
    def layout(self) -> int:
        """Return the layout of its tables."""
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    @layout.setter
    def layout(self, layout: int) -> None:
        self.connection.execute(f"PRAGMA user_version = {int(layout)}")

    def execute(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        plain = [value.value if isinstance(value, Cell) else value for value in values]
        return self.connection.execute(query, plain)

    def define(self, statements: str) -> None:
        """Create tables and indexes, within the caller's transaction."""
        for statement in statements.split(";"):
            if statement.strip():
                self.connection.execute(statement)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add many rows."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608 - made-up names

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of it or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything as it was at one moment; until it ends, nobody can empty the WAL."""
        self.connection.execute("BEGIN")
        self.connection.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            self.connection.execute("PRAGMA query_only = OFF")
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    @contextmanager
    def typed_errors(self) -> Iterator[None]:
        """Say what SQLite says in the words of `cartveil.errors`."""
        with typed_errors(self.path):
            yield

    def erase_traces(self) -> None:
        """Empty the WAL: what was deleted may still stand there.

        Raises:
            StorageError: Somebody else is reading; try again when they are done.
        """
        (busy, _, _) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            hint = "close other programs that use the vault, then erase again to finish"
            raise StorageError("another program keeps old bytes in use", path=self.name, hint=hint)

    def check(self) -> None:
        """Check the file's structure, and that every row's consumer is there."""
        (answer,) = self.connection.execute("PRAGMA integrity_check(1)").fetchone()
        lost = self.connection.execute("PRAGMA foreign_key_check").fetchone()
        if answer != "ok" or lost is not None:
            raise IntegrityError("file was changed or damaged", path=self.name)

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is now into another, which exists and is empty, while others read and write this one."""
        copy = sqlite3.connect(path, isolation_level=None)
        try:
            self.connection.backup(copy)
        finally:
            copy.close()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def remove(self) -> None:
        """Close and remove a file that was not finished, and what SQLite keeps beside it."""
        self.close()
        for ending in ("", "-wal", "-shm", "-journal"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)


@contextmanager
def typed_errors(path: Path) -> Iterator[None]:
    """Say what SQLite says in the words of `cartveil.errors`; never the text of SQLite, which may hold values."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise StorageError("vault is closed", path=str(path), hint="open it again") from None
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes damaged names in its messages
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in _DISK:
            message, hint = _DISK[code]
            raise StorageError(message, path=str(path), hint=hint) from None
        hint = "restore it from a backup; `cartveil verify` says more"
        raise IntegrityError("is not a vault, or was changed or damaged", path=str(path), hint=hint) from None
    except OSError as error:
        raise StorageError(f"disk failed: {error.strerror}", path=str(path)) from None


def _configured(connection: sqlite3.Connection) -> sqlite3.Connection:
    for pragma in (
        "busy_timeout = 5000",
        "journal_mode = WAL",
        "synchronous = FULL",
        "secure_delete = ON",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "trusted_schema = OFF",
        "cache_size = -32000",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _check_header(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise IntegrityError("is not a vault", path=str(path), hint="name a file that `cartveil init` made")
    if not _OLDEST <= layout <= LAYOUT:
        raise StorageError(f"has layout {layout}, this version knows {LAYOUT}", path=str(path), hint="update cartveil")
