"""Settings to wired parts: the only place where the wing that guards and the wing that learns meet.

A vault is a folder with two files: `keyring.json` and, beside it, `vault.db`, or `vault.toml` that names a database.
Everything that depends on the outside (passphrase, clock) enters here and is handed down as an argument.
"""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from cartveil.errors import MissingExtraError, ReadError
from cartveil.events.cleaning import Cleaned, clean
from cartveil.events.protected import Events
from cartveil.events.reading import read_table
from cartveil.events.schema import Schema, Table
from cartveil.faces.files import make_folder
from cartveil.faces.finding import text_finder
from cartveil.faces.locking import lock_for, new_lock, read_token
from cartveil.faces.whereabouts import VAULT_FILE, forget_place, known_place, new_place
from cartveil.guard.keys import Keyring, Token
from cartveil.guard.keys.lock import Lock
from cartveil.guard.policy import Policy, Principal
from cartveil.guard.store import PostgreSQLStore
from cartveil.guard.vault import Outside, Vault

KEYRING_FILE = "keyring.json"


def now() -> datetime:
    """Return the present moment where this machine stands; the one place where Cartveil reads the clock.

    Rules about hours mean hours of that zone (set `TZ`); the log keeps UTC.
    """
    return datetime.now().astimezone()


@dataclass(frozen=True)
class Settings:
    """What the outside world decides.

    Args:
        passphrase: Opens the keyring; None where nobody gave one.
        token: A PKCS#11 token that opens it instead, where its file says so; locks a new one where no passphrase is.
        policy: A Cedar policy file, or None for the shipped one.
        clock: Returns the present moment.
        outside: Who knows which cases are open, and who is told of a broken glass.
    """

    passphrase: str | None = field(default=None, repr=False)
    policy: Path | None = None
    clock: Callable[[], datetime] = now
    outside: Outside = field(default_factory=Outside)
    token: Token | None = None


def read_settings(*, passphrase_file: Path | None = None, policy: Path | None = None) -> Settings:
    """Read the passphrase from a file, or else from the environment variable `CARTVEIL_PASSPHRASE`.

    Module and PIN of a token, if any, come from `CARTVEIL_PKCS11_MODULE` and `CARTVEIL_PKCS11_PIN`.
    """
    if passphrase_file is None:
        return Settings(os.environ.get("CARTVEIL_PASSPHRASE") or None, policy, token=read_token())
    return Settings(read_passphrase(passphrase_file), policy, token=read_token())


def read_passphrase(file: Path) -> str:
    """Read a passphrase from a file that holds nothing else."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        hint = "name a text file that holds nothing but the passphrase"
        raise ReadError("cannot be read as text", path=str(file), hint=hint) from error


def create_vault(folder: str | Path, schema: Schema, settings: Settings | str, *, database: str | None = None) -> Vault:
    """Make a new keyring and a new, empty vault in a folder; existing ones are never touched.

    Args:
        folder: Where; made if it is not there.
        schema: What the vault will hold.
        settings: The passphrase, alone or with more.
        database: `postgresql://user@host/database?schema=shop` for a vault in PostgreSQL; a file in the folder if None.

    Raises:
        PassphraseError: None was given.
        InputError: The address is none, or holds a password.
        KeyringError: The folder has a keyring already.
        StorageError: The disk or the database refused.
    """
    home, settings = Path(folder), _settings(settings)
    make_folder(home)
    # The keyring is made first: it is refused where one stands, so that no vault is ever left without its keys.
    keyring = Keyring.create(home / KEYRING_FILE, _new_lock(settings), tenant=schema.tenant)
    place: Path | PostgreSQLStore | None = None
    try:
        place = new_place(home, database)
        return Vault.create(
            place,
            keyring,
            schema,
            policy=_policy(settings),
            clock=settings.clock,
            finder=text_finder(),
            outside=settings.outside,
        )
    except BaseException:
        (home / KEYRING_FILE).unlink(missing_ok=True)
        if isinstance(place, PostgreSQLStore):
            forget_place(home)
        raise


def open_vault(folder: str | Path, settings: Settings | str) -> Vault:
    """Open the vault of a folder with the keyring beside it.

    Args:
        folder: What `create_vault` made.
        settings: The passphrase, alone or with more.

    Raises:
        ReadError: No vault there.
        PassphraseError: The passphrase does not open the keyring.
        IntegrityError: Vault or keyring was changed.
    """
    home, settings = Path(folder), _settings(settings)
    place = known_place(home)
    try:
        keyring = Keyring.open(home / KEYRING_FILE, _lock(settings, home / KEYRING_FILE))
    except BaseException:
        if isinstance(place, PostgreSQLStore):
            place.close()
        raise
    policy, finder = _policy(settings), text_finder()
    return Vault.open(place, keyring, policy=policy, clock=settings.clock, finder=finder, outside=settings.outside)


def restore_vault(
    folder: str | Path, settings: Settings | str, actor: Principal, *, backup: Path | None = None
) -> Vault:
    """Open the vault of a folder after it was restored; who was erased since is erased from it again.

    Args:
        folder: The folder with the keyring, the list of the erased and the newest checkpoint.
        settings: As for `open_vault`.
        actor: Needs the action `backup`.
        backup: Put this copy in place first, where no vault stands; None where the vault, or its database, was put
            back already.

    Raises:
        ReadError: No such backup, or no vault there.
        StorageError: A vault stands where the backup is to be put.
        RefusedError: Policy does not let this actor restore.
    """
    home, settings = Path(folder), _settings(settings)
    keyring = Keyring.open(home / KEYRING_FILE, _lock(settings, home / KEYRING_FILE))
    policy, clock = _policy(settings), settings.clock
    if backup is not None:
        return Vault.restore(backup, home / VAULT_FILE, keyring, actor=actor, clock=clock, policy=policy)
    return Vault.open(
        known_place(home),
        keyring,
        clock=clock,
        policy=policy,
        finder=text_finder(),
        outside=settings.outside,
        restored_by=actor,
    )


def read_clean(schema: Schema, table: Table, *, source: Path | None = None) -> Cleaned:
    """Read a table's file and clean it; nothing is dropped, see `Cleaned.set_aside`."""
    raw = read_table(source or schema.path_of(table))
    return clean(Events(raw, table))


def read_tables(path: str | Path) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """Read one file, or every table of a folder: name -> table, and name -> path relative to the folder."""
    from cartveil.events.reading import read_folder, table_files

    place = Path(path)
    if not place.is_dir():
        return {place.name.split(".")[0]: read_table(place)}, {place.name.split(".")[0]: place.name}
    return read_folder(place), {name: file.name for name, file in table_files(place).items()}


def need_learning(command: str) -> None:
    """Refuse with a hint where the learning framework is not installed."""
    for module in ("torch", "safetensors", "dp_accounting"):
        if importlib.util.find_spec(module) is None:
            hint = "pip install 'cartveil[learn]'"
            raise MissingExtraError(f"`{command}` needs the extra `learn` ({module})", hint=hint)


def _settings(settings: Settings | str) -> Settings:
    return Settings(passphrase=settings) if isinstance(settings, str) else settings


def _lock(settings: Settings, keyring: Path) -> Lock:
    return lock_for(keyring, passphrase=settings.passphrase, token=settings.token)


def _new_lock(settings: Settings) -> Lock:
    return new_lock(passphrase=settings.passphrase, token=settings.token)


def _policy(settings: Settings) -> Policy | None:
    return Policy.load(settings.policy) if settings.policy else None
