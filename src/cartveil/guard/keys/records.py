"""The records of a keyring's file: keys sealed under its lock, each bound to the tenant and to its own id."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cartveil.errors import DecryptionError
from cartveil.guard.keys.document import Document, KeyRecord, State, changed
from cartveil.guard.keys.sealing import derive_key, length_prefixed, open_key, seal_key
from cartveil.guard.keys.secret import SecretKey

#: Open keys by id.
Secrets = Mapping[str, SecretKey]


def record_of(document: Document, name: str) -> KeyRecord:
    """Return a key's record by its id; every document has it."""
    return next(key for key in document.keys if key.name == name)


def with_records(document: Document, *records: KeyRecord) -> Document:
    """Return a document with records in place of those of the same id, new ones at the end."""
    given = {record.name: record for record in records}
    kept = [given.pop(key.name, key) for key in document.keys]
    return replace(document, keys=(*kept, *given.values()))


def seal_record(name: str, key: SecretKey, lock_key: SecretKey, *, tenant: str) -> KeyRecord:
    """Return the record of a fresh key."""
    purpose, _, version = name.rpartition("-")
    return KeyRecord(purpose, int(version), State.ACTIVE, seal(name, key, lock_key, tenant=tenant))


def seal(name: str, key: SecretKey, lock_key: SecretKey, *, tenant: str) -> bytes:
    """Seal a key under the lock's key, bound to tenant and id."""
    return seal_key(key, lock_key, place=_place(tenant, name))


def open_record(record: KeyRecord, lock_key: SecretKey, *, tenant: str) -> SecretKey:
    """Return the key of a record; `DecryptionError` where it was sealed under another key or name."""
    return open_key(record.sealed, lock_key, place=_place(tenant, record.name))


def open_all(document: Document, lock_key: SecretKey, *, path: Path) -> dict[str, SecretKey]:
    """Open every key that is not destroyed."""
    kept = [key for key in document.keys if key.state is not State.DESTROYED]
    try:
        return {key.name: open_record(key, lock_key, tenant=document.tenant) for key in kept}
    except DecryptionError:
        raise changed(path) from None


def mark_key_of(secrets: Secrets) -> SecretKey:
    """Return the key of the mark over the file."""
    return derive_key(secrets["root-1"], "keyring file")


def public_key_of(signing: SecretKey) -> bytes:
    """Return the 32 raw bytes that check what a signing key signs."""
    private = Ed25519PrivateKey.from_private_bytes(signing.expose())
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _place(tenant: str, name: str) -> bytes:
    """Return what a sealed key is bound to; the same in all versions of the file."""
    return b"cartveil keyring v1" + length_prefixed(tenant, name)
