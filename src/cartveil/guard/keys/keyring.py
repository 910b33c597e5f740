"""A tenant's keyring: one locked file, from which every other key follows.

It holds a root key, from which keys for single uses are derived; versions of the wrapping key, which wraps one
data key per consumer; and the signing key of checkpoints and receipts. Whoever has the vault but not this file and
what opens it has nothing.

The wrapping key can be rotated: the new version wraps from then on, the old one is retired and opens only, until it is
destroyed. Root and signing key stay: pseudonyms follow from the one, published receipts are checked by the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cartveil.errors import DecryptionError, InputError, KeyringError, PassphraseError
from cartveil.guard.keys.document import (
    BROKEN,
    Document,
    State,
    changed,
    create_document,
    not_written_here,
    only_writer,
    read_document,
    replace_document,
)
from cartveil.guard.keys.ids import KeyId, ids_of
from cartveil.guard.keys.lock import Lock
from cartveil.guard.keys.passphrase import SCRYPT_OWASP, Passphrase, Profile
from cartveil.guard.keys.records import (
    Secrets,
    mark_key_of,
    open_all,
    open_record,
    public_key_of,
    record_of,
    seal,
    seal_record,
    with_records,
)
from cartveil.guard.keys.sealing import derive_key
from cartveil.guard.keys.secret import KEY_BYTES, Secret, SecretKey
from cartveil.guard.keys.wrapping import as_rows, split_rows, unwrap_many, unwrap_one, wrap_many, wrapping_version

#: Derived keys kept at hand; labels and scopes are few, and HKDF costs more than a lookup.
_MOST_DERIVED = 1024

#: Below this many wrapped keys, opening one after another is faster.
_FEW_KEYS = 16


class Keyring(Secret):
    """Hold a tenant's keys, open. Made by `create` and `open` only.

    Guarantees:
        - The file has mode 0600, appears whole or not at all, and never replaces another keyring.
        - Every sealed key is bound to tenant, purpose and version.
        - What it could open when it was opened it can open until it is closed; what another program rotates
          meanwhile it reads from the file when it first meets it.
        - `repr` shows ids and states only; pickling and copying are refused.
    """

    def __init__(self, document: Document, secrets: Secrets, *, lock_key: SecretKey, path: Path) -> None:
        self._document = document
        self._secrets = dict(secrets)
        self._lock_key = lock_key
        self._version = document.wrapping().version
        self._min_version = document.min_version
        self._signing = Ed25519PrivateKey.from_private_bytes(self._secrets["signing-1"].expose())
        self._derived: dict[tuple[str, ...], SecretKey] = {}
        self.path = path

    @classmethod
    def create(cls, path: str | Path, lock: Lock | str, *, tenant: str, profile: Profile = SCRYPT_OWASP) -> "Keyring":
        """Make fresh keys and write the file.

        Args:
            path: Where; nothing may stand there.
            lock: What opens the file from now on: a `Passphrase`, a `Token`, or just the text of a passphrase.
            tenant: Whose keys these are; bound into each of them.
            profile: How hard to make guessing the passphrase, where `lock` is a text.

        Raises:
            InputError: An empty passphrase or tenant.
            KeyringError: A file stands there already, or the token refused.
            StorageError: The disk refused.
        """
        if not tenant or not tenant.isprintable():  # it stands in one line of each checkpoint
            raise InputError("a tenant's name must be one line of printable text", path=str(path))
        lock_key, section = _as_lock(lock, profile).lock()
        fresh = {name: SecretKey.generate() for name in ("root-1", "wrapping-1", "signing-1")}
        records = tuple(seal_record(name, key, lock_key, tenant=tenant) for name, key in fresh.items())
        document = Document(tenant, section, records, public_key_of(fresh["signing-1"]))
        create_document(Path(path), document, mark_key=mark_key_of(fresh))
        return cls(document, fresh, lock_key=lock_key, path=Path(path))

    @classmethod
    def open(cls, path: str | Path, lock: Lock | str) -> "Keyring":
        """Open the file.

        Args:
            path: What `create` wrote.
            lock: What it is locked with, as for `create`.

        Raises:
            ReadError: No such file.
            KeyringError: Not a keyring, locked in another way, or the token refused.
            PassphraseError: The passphrase does not open it.
            IntegrityError: It was changed since it was written.
        """
        file = Path(path)
        written, lock = read_document(file), _as_lock(lock, SCRYPT_OWASP)
        section = written.document.lock
        if section.get("kind") != lock.kind:
            raise _locked_otherwise(file, section)
        try:
            lock_key = lock.unlock(section)
        except BROKEN:
            raise not_written_here(file) from None
        root = record_of(written.document, "root-1")
        try:
            opened = {root.name: open_record(root, lock_key, tenant=written.document.tenant)}
        except DecryptionError:
            raise _not_opened(file, lock) from None
        if not written.is_marked(mark_key_of(opened)):
            raise changed(file)
        secrets = open_all(written.document, lock_key, path=file)
        return cls(written.document, secrets, lock_key=lock_key, path=file)

    @property
    def tenant(self) -> str:
        """Return whose keys these are."""
        return self._document.tenant

    @property
    def public_key(self) -> bytes:
        """Return the 32 raw bytes that check this tenant's signatures (Ed25519)."""
        return self._document.public_key

    @property
    def version(self) -> int:
        """Return the version of the wrapping key that wraps."""
        return self._version

    @property
    def min_version(self) -> int:
        """Return the oldest version of the wrapping key that still opens."""
        return self._min_version

    def key_ids(self) -> tuple[KeyId, ...]:
        """Return the ids and states of all keys, and nothing else of them."""
        return ids_of(self._document)

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
        (key,), (wrapped,) = self.new_data_keys(1)
        return key, wrapped

    def new_data_keys(self, count: int) -> tuple[list[SecretKey], list[bytes]]:
        """Return fresh data keys, and the same wrapped for storage (44 bytes each)."""
        keys = as_rows(token_bytes(count * KEY_BYTES), KEY_BYTES)
        version = self.version  # asked once: another thread may take up a newer one at any moment
        wrapped = wrap_many(keys, self._wrapping_key(version), version=version)
        return [SecretKey(key) for key in split_rows(keys)], wrapped

    def unwrap(self, wrapped: bytes) -> SecretKey:
        """Return the data key; `DecryptionError` if it was changed, is another tenant's, or its key is destroyed."""
        return unwrap_one(wrapped, self._wrapping_key(wrapping_version(wrapped)))

    def unwrap_many(self, wrapped: Sequence[bytes]) -> list[SecretKey]:
        """Return many data keys; `DecryptionError` if one of them does not open."""
        if len(wrapped) < _FEW_KEYS:
            return [self.unwrap(each) for each in wrapped]
        return [SecretKey(key) for key in split_rows(unwrap_many(wrapped, self._wrapping_key))]

    def rewrap_many(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Return the same data keys, wrapped by the newest key; `DecryptionError` if one of them does not open."""
        keys = unwrap_many(wrapped, self._wrapping_key)
        version = self.version
        return wrap_many(keys, self._wrapping_key(version), version=version)

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) of a message."""
        return self._signing.sign(message)

    def rotate(self, *, after: int | None = None) -> int:
        """Make a new version of the wrapping key; the former one is retired: it opens and wraps no more.

        Args:
            after: The version that is to be followed; where the file has a later one already, that one is taken.

        Returns:
            The version that wraps from now on.

        Raises:
            KeyringError: The file was locked anew since it was opened.
            StorageError: The disk refused; the file is as it was.
        """

        def rotated(document: Document) -> Document:
            former = document.wrapping()
            if after is not None and former.version != after:
                return document
            fresh = seal_record(
                f"wrapping-{former.version + 1}", SecretKey.generate(), self._lock_key, tenant=document.tenant
            )
            return with_records(document, replace(former, state=State.RETIRED), fresh)

        self._change(rotated)
        return self.version

    def require(self, version: int) -> None:
        """Let only this version of the wrapping key and newer ones open data keys; the keys themselves stay.

        Args:
            version: From 1, which lets all of them open, to the newest.

        Raises:
            InputError: No such version.
            KeyringError, StorageError: As for `rotate`.
        """
        if not 1 <= version <= self.version:
            raise InputError(f"must be from 1 to {self.version}", path="min_version")
        self._change(lambda document: replace(document, min_version=version))
        self._min_version = version

    def destroy(self, name: str) -> None:
        """Destroy a retired wrapping key: the file forgets it, and what it wrapped opens no more.

        Args:
            name: Its id, such as `wrapping-1`. One that is destroyed already stays so.

        Raises:
            InputError: No such key.
            KeyringError: It is not retired; or as for `rotate`.
            StorageError: As for `rotate`.
        """

        def destroyed(document: Document) -> Document:
            key = document.key(name)
            if key is None:
                known = ", ".join(f"`{each.name}`" for each in document.keys)
                raise InputError("no such key", path=str(self.path), hint=f"known: {known}")
            if key.state is State.ACTIVE:
                hint = "rotate first; only a retired wrapping key can be destroyed"
                raise KeyringError(f"`{name}` is in use", path=str(self.path), hint=hint)
            return with_records(document, replace(key, state=State.DESTROYED, sealed=b""))

        self._change(destroyed)
        self._secrets.pop(name, None)

    def relock(self, lock: Lock | str, *, profile: Profile = SCRYPT_OWASP) -> None:
        """Lock the file anew, with another passphrase or with a token; what opened it before opens it no more.

        Args:
            lock: As for `create`.
            profile: As for `create`.

        Raises:
            InputError: An empty passphrase.
            KeyringError: The token refused; or as for `rotate`.
            StorageError: As for `rotate`.
        """
        lock_key, section = _as_lock(lock, profile).lock()

        def relocked(document: Document) -> Document:
            opened = open_all(document, self._lock_key, path=self.path)
            sealed = (
                replace(key, sealed=seal(key.name, opened[key.name], lock_key, tenant=document.tenant))
                for key in document.keys
                if key.name in opened
            )
            return replace(with_records(document, *sealed), lock=section)

        self._change(relocked, lock_key=lock_key)

    def refresh(self) -> None:
        """Take up the keys that another program added to the file.

        Raises:
            ReadError: The file is gone.
            KeyringError: It was locked anew since it was opened.
            IntegrityError: It was changed, or is another tenant's.
        """
        self._adopt(self._read())

    def __repr__(self) -> str:
        return f"Keyring(tenant={self.tenant!r}, keys={[key.name for key in self._document.keys]})"

    def _wrapping_key(self, version: int) -> SecretKey:
        name = f"wrapping-{version}"
        if version > self.version:  # another program may have rotated since this one opened the file
            self.refresh()
        if version < self._min_version or name not in self._secrets:
            raise DecryptionError("a wrapped key does not open")
        return self._secrets[name]

    def _change(self, edit: Callable[[Document], Document], *, lock_key: SecretKey | None = None) -> None:
        """Change the file as it is now, not as it was when it was opened."""
        with only_writer(self.path):
            before = self._read()
            after = edit(before)
            if after is not before:
                replace_document(self.path, after, mark_key=mark_key_of(self._secrets))
        self._lock_key = lock_key or self._lock_key
        self._adopt(after)

    def _read(self) -> Document:
        written = read_document(self.path)
        root = record_of(written.document, "root-1")
        try:
            open_record(root, self._lock_key, tenant=self.tenant)
        except DecryptionError:
            hint = "open it again, with what it is locked with now"
            raise KeyringError("was locked anew since it was opened", path=str(self.path), hint=hint) from None
        if not written.is_marked(mark_key_of(self._secrets)):
            raise changed(self.path)
        if written.document.wrapping().version < self._version:
            # To write upon it would end keys that are in use.
            hint = "put the newest copy of the keyring in its place"
            raise KeyringError("is older than when it was opened", path=str(self.path), hint=hint)
        return written.document

    def _adopt(self, document: Document) -> None:
        # What is open stays open: a reader may still hold wraps that it fetched before the key was destroyed.
        opened = open_all(document, self._lock_key, path=self.path)
        self._secrets = {**opened, **self._secrets}
        self._document, self._version = document, document.wrapping().version


def _as_lock(lock: Lock | str, profile: Profile) -> Lock:
    return Passphrase(lock, profile=profile) if isinstance(lock, str) else lock


def _locked_otherwise(path: Path, section: Mapping[str, object]) -> KeyringError:
    if section.get("kind") == "pkcs11":
        hint = "name the token's module and PIN: CARTVEIL_PKCS11_MODULE, CARTVEIL_PKCS11_PIN"
        return KeyringError("is locked with a PKCS#11 token", path=str(path), hint=hint)
    return PassphraseError("is locked with a passphrase", path=str(path))


def _not_opened(path: Path, lock: Lock) -> KeyringError:
    if lock.kind == "passphrase":
        hint = "check the passphrase; nothing can stand in for it"
        return PassphraseError("the passphrase does not open it", path=str(path), hint=hint)
    return KeyringError(
        "the token's key does not open it", path=str(path), hint="use the token that it was locked with"
    )
