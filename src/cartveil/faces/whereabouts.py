"""Where the vault of a folder lies: in `vault.db` beside its keyring, or in the database that `vault.toml` names.

The address in `vault.toml` holds no password; libpq finds that in its own places when it connects.
"""

import json
import tomllib
from pathlib import Path

from cartveil.errors import ReadError
from cartveil.faces.files import write_new
from cartveil.guard.store import PostgreSQLStore

VAULT_FILE, DATABASE_FILE = "vault.db", "vault.toml"


def new_place(home: Path, database: str | None) -> Path | PostgreSQLStore:
    """Return where a new vault is to be made; a schema in a database is made, and written down in the folder.

    Args:
        home: The vault's folder.
        database: `postgresql://user@host/database?schema=shop`, or None for a file.

    Raises:
        InputError: The folder has a vault already, or it is no such address.
        StorageError: The database refused, or such a schema stands there.
    """
    if database is None:
        return home / VAULT_FILE
    store = PostgreSQLStore.create(database)
    try:
        write_new(home / DATABASE_FILE, f"database = {json.dumps(database)}\n")
    except BaseException:
        store.remove()
        raise
    return store


def known_place(home: Path) -> Path | PostgreSQLStore:
    """Return where the vault of a folder lies; a database is connected to.

    Raises:
        ReadError: No vault there, or `vault.toml` names none.
        StorageError: The database cannot be reached, or refused.
    """
    if (home / VAULT_FILE).exists():
        return home / VAULT_FILE
    if not (home / DATABASE_FILE).exists():
        hint = f"make one with `cartveil init {home} --schema cartveil.toml`"
        raise ReadError("no vault in this folder", path=str(home), hint=hint)
    return PostgreSQLStore.open(_address(home / DATABASE_FILE))


def forget_place(home: Path) -> None:
    """Remove what `new_place` wrote down."""
    (home / DATABASE_FILE).unlink(missing_ok=True)


def _address(path: Path) -> str:
    try:
        address = tomllib.loads(path.read_text(encoding="utf-8"))["database"]
    except (OSError, ValueError, KeyError):
        address = None
    if not isinstance(address, str):
        hint = 'it holds one line: database = "postgresql://user@host/database?schema=shop"'
        raise ReadError("names no database", path=str(path), hint=hint)
    return address
