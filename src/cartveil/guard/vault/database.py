"""The vault's file: a SQLite database that forgets what is deleted and keeps what is acknowledged.

`synchronous=FULL` and WAL: a commit that returned survives a crash. `secure_delete`: deleted bytes are overwritten.
Temporary tables stay in memory: no copy of a record lands in a file of its own.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartveil.errors import CartveilError, IntegrityError, ReadError, StorageError
from cartveil.guard.audit.log import TABLES as AUDIT_TABLES

#: "CRTV" in the database header; tells a vault from any other SQLite file.
APPLICATION_ID = 0x43525456

#: Layout of the tables below.
LAYOUT = 1

TABLES = (
    """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE stored_tables (
  name TEXT PRIMARY KEY, number INTEGER NOT NULL, types BLOB NOT NULL, next_row INTEGER NOT NULL, mark TEXT NOT NULL
) STRICT;
CREATE TABLE consumers (
  id INTEGER PRIMARY KEY, lookup TEXT NOT NULL UNIQUE, data_key BLOB NOT NULL, subject BLOB NOT NULL
) STRICT;
CREATE TABLE search_codes (
  place INTEGER NOT NULL, code TEXT NOT NULL, row INTEGER NOT NULL,
  consumer INTEGER REFERENCES consumers (id), PRIMARY KEY (place, code, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_codes_consumer ON search_codes (consumer);
CREATE TABLE erasures (
  lookup TEXT PRIMARY KEY, state TEXT NOT NULL, begun TEXT NOT NULL, progress TEXT NOT NULL, receipt TEXT
) STRICT;
CREATE TABLE releases (
  purpose TEXT NOT NULL, recipient TEXT NOT NULL, period TEXT NOT NULL, made TEXT NOT NULL,
  PRIMARY KEY (purpose, recipient, period)
) STRICT, WITHOUT ROWID;
"""
    + AUDIT_TABLES
)

_DISK = {
    sqlite3.SQLITE_FULL: ("disk is full", "free some space; nothing was written"),
    sqlite3.SQLITE_IOERR: ("disk failed", "check the disk; nothing was half-written"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "check the permissions of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check the permissions of the file and its folder"),
    sqlite3.SQLITE_BUSY: ("is in use by another program", "try again when the other program is done"),
    sqlite3.SQLITE_LOCKED: ("is in use by another program", "try again when the other program is done"),
}


def create_database(path: Path) -> sqlite3.Connection:
    """Create an empty vault file, readable by its owner only, and open it.

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
        connection = _connect(path)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {LAYOUT}")
    return connection


def open_database(path: Path) -> sqlite3.Connection:
    """Open a vault file.

    Raises:
        ReadError: No such file.
        IntegrityError: Not a vault, or a damaged one.
        StorageError: A vault of another layout, or the disk refused.
    """
    if not path.is_file():
        raise ReadError("no such vault", path=str(path), hint="make one with `cartveil init`, or name another path")
    with typed_errors(path):
        connection = sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None)
        try:
            _check_header(connection, path)
        except (sqlite3.Error, CartveilError):
            connection.close()
            raise
        return _configured(connection)


def weaken(connection: sqlite3.Connection) -> None:
    """Let the disk write when it likes: a power cut may then take the last commits, a crash of the program nothing."""
    connection.execute("PRAGMA synchronous = NORMAL")


def remove_database(path: Path) -> None:
    """Remove a vault file that was not finished, and what SQLite keeps beside it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of it or nothing, also when interrupted by Ctrl-C or a full disk."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


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


def _connect(path: Path) -> sqlite3.Connection:
    return _configured(sqlite3.connect(path, isolation_level=None))


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
    if layout != LAYOUT:
        raise StorageError(f"has layout {layout}, this version knows {LAYOUT}", path=str(path), hint="update cartveil")


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.absolute()))
