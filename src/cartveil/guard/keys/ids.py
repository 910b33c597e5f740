"""What may be known of a keyring without opening it: ids and states of its keys, and what locks it."""

from dataclasses import dataclass
from pathlib import Path

from cartveil.guard.keys.document import Document, read_document


@dataclass(frozen=True)
class KeyId:
    """What may be known of a key: its id and its state."""

    name: str
    state: str


def ids_of(document: Document) -> tuple[KeyId, ...]:
    """Return ids and states of the keys of a document."""
    return tuple(KeyId(key.name, str(key.state)) for key in document.keys)


def key_ids(path: str | Path) -> tuple[KeyId, ...]:
    """Return ids and states of the keys in a file, without opening it: what it says, not what its mark proves.

    Raises:
        ReadError, KeyringError, IntegrityError: As for `Keyring.open`.
    """
    return ids_of(read_document(Path(path)).document)


def lock_kind(path: str | Path) -> str:
    """Return what a keyring's file is locked with: `passphrase` or `pkcs11`.

    Raises:
        ReadError, KeyringError, IntegrityError: As for `Keyring.open`.
    """
    return str(read_document(Path(path)).document.lock.get("kind"))
