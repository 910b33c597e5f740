"""A tenant's keyring: one file under a passphrase, from which every other key follows.

It holds a root key, from which keys for single uses are derived; versions of the wrapping key, which wraps one
data key per consumer; and the signing key of checkpoints and receipts. Whoever has the vault but not this file and
its passphrase has nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cartveil.errors import DecryptionError, InputError, IntegrityError, KeyringError, PassphraseError
from cartveil.events.writing import create_file
from cartveil.guard.keys.document import Document, KeyRecord, read_document
from cartveil.guard.keys.passphrase import SALT_BYTES, SCRYPT_OWASP, ScryptProfile, passphrase_key
from cartveil.guard.keys.sealing import (
    derive_key,
    length_prefixed,
    open_key,
    seal_key,
    unwrap_key,
    wrap_key,
    wrapping_version,
)
from cartveil.guard.keys.secret import SecretKey

#: Derived keys kept at hand; labels and scopes are few, and HKDF costs more than a lookup.
_MOST_DERIVED = 1024


@dataclass(frozen=True)
class KeyId:
    """What may be known of a key: its id and its state."""

    name: str
    state: str


class Keyring:
    """Hold a tenant's keys, open. Made by `create` and `open` only.

    Guarantees:
        - The file has mode 0600, appears whole or not at all, and never replaces another.
        - Every sealed key is bound to tenant, purpose and version.
        - `repr` shows ids and states only; pickling and copying are refused.
    """

    def __init__(self, document: Document, secrets_by_name: Mapping[str, SecretKey], *, path: Path) -> None:
        self._document = document
        self._secrets = dict(secrets_by_name)
        self._wrapping = max(key.version for key in document.keys if key.purpose == "wrapping" and _is_usable(key))
        self._signing = Ed25519PrivateKey.from_private_bytes(self._secrets["signing-1"].expose())
        self._derived: dict[tuple[str, ...], SecretKey] = {}
        self.path = path

    @classmethod
    def create(
        cls, path: str | Path, passphrase: str, *, tenant: str, profile: ScryptProfile = SCRYPT_OWASP
    ) -> "Keyring":
        """Make fresh keys and write the file.

        Args:
            path: Where; nothing may stand there.
            passphrase: Not empty; what opens the file from now on.
            tenant: Whose keys these are; bound into each of them.
            profile: How hard to make guessing the passphrase.

        Raises:
            InputError: An empty passphrase or tenant.
            KeyringError: A file stands there already.
            StorageError: The disk refused.
        """
        if not tenant.isprintable():  # it stands in one line of each checkpoint
            raise InputError("a tenant's name must be one line of printable text", path=str(path))
        if not passphrase or not tenant:
            raise InputError("a keyring needs a passphrase and a tenant", path=str(path))
        salt = secrets.token_bytes(SALT_BYTES)
        lock = passphrase_key(passphrase, salt, profile=profile)
        fresh = {name: SecretKey.generate() for name in ("root-1", "wrapping-1", "signing-1")}
        records = tuple(_seal_record(name, key, lock, tenant=tenant) for name, key in fresh.items())
        document = Document(tenant, profile, salt, records, _public_key(fresh["signing-1"]))
        file = Path(path)
        content = document.to_bytes(_mark_key(fresh["root-1"]))
        try:
            create_file(file, lambda new: new.write_bytes(content), mode=0o600)
        except FileExistsError:
            hint = "open it, or choose another path"
            raise KeyringError("exists already", path=str(file), hint=hint) from None
        return cls(document, fresh, path=file)

    @classmethod
    def open(cls, path: str | Path, passphrase: str) -> "Keyring":
        """Open the file.

        Raises:
            ReadError: No such file.
            KeyringError: Not a keyring.
            PassphraseError: The passphrase does not open it.
            IntegrityError: It was changed since it was written.
        """
        file = Path(path)
        document, mark = read_document(file)
        lock = passphrase_key(passphrase, document.salt, profile=document.profile)
        root = next(key for key in document.keys if key.purpose == "root")
        try:
            opened = {root.name: _open_record(root, lock, document.tenant)}
        except DecryptionError:
            hint = "check the passphrase; nothing can stand in for it"
            raise PassphraseError("the passphrase does not open it", path=str(file), hint=hint) from None
        changed = IntegrityError("was changed since it was written", path=str(file), hint="restore it from a backup")
        if not secrets.compare_digest(document.mark(_mark_key(opened[root.name])), mark):
            raise changed
        try:
            rest = [key for key in document.keys if key is not root and key.state != "destroyed"]
            opened |= {key.name: _open_record(key, lock, document.tenant) for key in rest}
        except DecryptionError:
            raise changed from None
        return cls(document, opened, path=file)

    @property
    def tenant(self) -> str:
        """Return whose keys these are."""
        return self._document.tenant

    @property
    def public_key(self) -> bytes:
        """Return the 32 raw bytes that check this tenant's signatures (Ed25519)."""
        return self._document.public_key

    def key_ids(self) -> tuple[KeyId, ...]:
        """Return the ids and states of all keys, and nothing else of them."""
        return tuple(KeyId(key.name, key.state) for key in self._document.keys)

    def derive(self, label: str, *scope: str) -> SecretKey:
        """Return the key for one use in one scope.

        Args:
            label: What the key is for, such as `lookup`.
            scope: Whom and where it is for, such as purpose, recipient, period.

        Guarantees:
            - Equal arguments give equal keys, in every session.
            - Any other label, scope or tenant gives a key that tells nothing of this one.
        """
        parts = (label, *scope)
        if parts not in self._derived:
            if len(self._derived) >= _MOST_DERIVED:
                self._derived.clear()
            self._derived[parts] = derive_key(self._secrets["root-1"], self.tenant, *parts)
        return self._derived[parts]

    def new_data_key(self) -> tuple[SecretKey, bytes]:
        """Return a fresh data key, and the same wrapped for storage (44 bytes)."""
        key = SecretKey.generate()
        under = self._secrets[f"wrapping-{self._wrapping}"]
        return key, wrap_key(key, under, version=self._wrapping)

    def unwrap(self, wrapped: bytes) -> SecretKey:
        """Return the data key; `DecryptionError` if it was changed, is another tenant's, or its key is destroyed."""
        under = self._secrets.get(f"wrapping-{wrapping_version(wrapped)}")
        if under is None:
            raise DecryptionError("a wrapped key does not open")
        return unwrap_key(wrapped, under)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) of a message."""
        return self._signing.sign(message)

    def __repr__(self) -> str:
        return f"Keyring(tenant={self.tenant!r}, keys={[key.name for key in self._document.keys]})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a keyring is not pickled or copied")


def _is_usable(key: KeyRecord) -> bool:
    return key.state == "active"


def _place(tenant: str, name: str) -> bytes:
    return b"cartveil keyring v1" + length_prefixed(tenant, name)


def _seal_record(name: str, key: SecretKey, lock: SecretKey, *, tenant: str) -> KeyRecord:
    purpose, _, version = name.rpartition("-")
    return KeyRecord(purpose, int(version), "active", seal_key(key, lock, place=_place(tenant, name)))


def _open_record(record: KeyRecord, lock: SecretKey, tenant: str) -> SecretKey:
    return open_key(record.sealed, lock, place=_place(tenant, record.name))


def _mark_key(root: SecretKey) -> SecretKey:
    return derive_key(root, "keyring file")


def _public_key(signing: SecretKey) -> bytes:
    private = Ed25519PrivateKey.from_private_bytes(signing.expose())
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
