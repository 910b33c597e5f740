"""Settings to wired parts: the only place where the wing that guards and the wing that learns meet.

A vault is a folder with two files: `vault.db` and, beside it, `keyring.json`. Everything that depends on the
outside (passphrase, clock) enters here and is handed down as an argument.
"""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from cartveil.errors import MissingExtraError, PassphraseError, ReadError
from cartveil.events.cleaning import Cleaned, clean
from cartveil.events.protected import Events
from cartveil.events.reading import read_table
from cartveil.events.schema import Schema, Table
from cartveil.faces.files import make_folder
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Policy
from cartveil.guard.vault import Vault

VAULT_FILE, KEYRING_FILE = "vault.db", "keyring.json"


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
        policy: A Cedar policy file, or None for the shipped one.
        clock: Returns the present moment.
    """

    passphrase: str | None = field(default=None, repr=False)
    policy: Path | None = None
    clock: Callable[[], datetime] = now


def read_settings(*, passphrase_file: Path | None = None, policy: Path | None = None) -> Settings:
    """Read the passphrase from a file, or else from the environment variable `CARTVEIL_PASSPHRASE`."""
    if passphrase_file is None:
        return Settings(os.environ.get("CARTVEIL_PASSPHRASE") or None, policy)
    try:
        return Settings(passphrase_file.read_text(encoding="utf-8").strip(), policy)
    except (OSError, UnicodeDecodeError) as error:
        hint = "name a text file that holds nothing but the passphrase"
        raise ReadError("cannot be read as text", path=str(passphrase_file), hint=hint) from error


def create_vault(folder: str | Path, schema: Schema, settings: Settings | str) -> Vault:
    """Make a new keyring and a new, empty vault in a folder; existing ones are never touched.

    Args:
        folder: Where; made if it is not there.
        schema: What the vault will hold.
        settings: The passphrase, alone or with more.

    Raises:
        PassphraseError: None was given.
        KeyringError: The folder has a keyring already.
        StorageError: The disk refused.
    """
    home, settings = Path(folder), _settings(settings)
    make_folder(home)
    # The keyring is made first: it is refused where one stands, so that no vault is ever left without its keys.
    keyring = Keyring.create(home / KEYRING_FILE, _passphrase(settings), tenant=schema.tenant)
    try:
        return Vault.create(home / VAULT_FILE, keyring, schema, policy=_policy(settings), clock=settings.clock)
    except BaseException:
        (home / KEYRING_FILE).unlink(missing_ok=True)
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
    if not (home / VAULT_FILE).exists():
        hint = f"make one with `cartveil init {home} --schema cartveil.toml`"
        raise ReadError("no vault in this folder", path=str(home), hint=hint)
    keyring = Keyring.open(home / KEYRING_FILE, _passphrase(settings))
    return Vault.open(home / VAULT_FILE, keyring, policy=_policy(settings), clock=settings.clock)


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
    for module in ("torch", "safetensors"):
        if importlib.util.find_spec(module) is None:
            hint = "pip install 'cartveil[learn]'"
            raise MissingExtraError(f"`{command}` needs the extra `learn` ({module})", hint=hint)


def _settings(settings: Settings | str) -> Settings:
    return Settings(passphrase=settings) if isinstance(settings, str) else settings


def _passphrase(settings: Settings) -> str:
    if not settings.passphrase:
        hint = "set CARTVEIL_PASSPHRASE, or pass --passphrase-file FILE"
        raise PassphraseError("no passphrase was given", hint=hint)
    return settings.passphrase


def _policy(settings: Settings) -> Policy | None:
    return Policy.load(settings.policy) if settings.policy else None
