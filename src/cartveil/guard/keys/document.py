"""The keyring's file: what stands in it, and how a changed one is told from a wrong passphrase.

The file is JSON:

- `format`, `tenant`;
- `lock`: what it is locked with, see `lock`; in format v1 `passphrase`: scrypt profile, its numbers, salt;
- `min_version`: the oldest wrapping key that still opens consumers' data keys (not in v1, where it is 1);
- `public_key`: Ed25519, of the signing key;
- `keys`: a list of purpose (`root`, `wrapping`, `signing`), version, state and the sealed key, empty once destroyed;
- `digest`: SHA-256 over the rest, which tells a damaged file from a wrong passphrase;
- `mark`: HMAC-SHA256 over the rest under a key derived from the root, which tells a forged file.
"""

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from cartveil.errors import IntegrityError, KeyringError, ReadError, StorageError
from cartveil.events.writing import create_file, replace_file, strays_of
from cartveil.guard.keys.lock import decoded, encoded
from cartveil.guard.keys.secret import SecretKey

FORMAT = "cartveil keyring v2"
_FORMER = "cartveil keyring v1"

#: What a parser meets in a file that nobody ever wrote.
BROKEN = (KeyError, TypeError, ValueError, OverflowError)

_RESTORE = "restore it from a backup"


class State(StrEnum):
    """What a key may be used for: all, opening only, nothing any more."""

    ACTIVE = "active"
    RETIRED = "retired"
    DESTROYED = "destroyed"


@dataclass(frozen=True)
class KeyRecord:
    """One key as it lies in the file."""

    purpose: str
    version: int
    state: State
    sealed: bytes

    @property
    def name(self) -> str:
        """Return the id that people see."""
        return f"{self.purpose}-{self.version}"


@dataclass(frozen=True)
class Document:
    """A keyring's file, parsed; nothing in it is secret without what it is locked with."""

    tenant: str
    lock: Mapping[str, Any]
    keys: tuple[KeyRecord, ...]
    public_key: bytes
    min_version: int = 1

    def key(self, name: str) -> KeyRecord | None:
        """Return a key's record by its id."""
        return next((key for key in self.keys if key.name == name), None)

    def wrapping(self) -> KeyRecord:
        """Return the key that wraps: the newest."""
        return max((key for key in self.keys if key.purpose == "wrapping"), key=lambda key: key.version)

    def to_bytes(self, mark_key: SecretKey) -> bytes:
        """Return the file."""
        body = self._body()
        text = _canonical(body)
        whole = {**body, "mark": _mark(text, mark_key), "digest": hashlib.sha256(text).hexdigest()}
        return json.dumps(whole, indent=1, ensure_ascii=False).encode("utf-8") + b"\n"

    def _body(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "tenant": self.tenant,
            "lock": dict(self.lock),
            "min_version": self.min_version,
            "public_key": encoded(self.public_key),
            "keys": [
                {"purpose": key.purpose, "version": key.version, "state": key.state, "sealed": encoded(key.sealed)}
                for key in self.keys
            ],
        }


class Written(NamedTuple):
    """A file as it was read: what it says, the text of that, and the mark over the text."""

    document: Document
    text: bytes
    mark: str

    def is_marked(self, key: SecretKey) -> bool:
        """Return whether a holder of the root key wrote it."""
        return hmac.compare_digest(_mark(self.text, key), self.mark)


def read_document(path: Path) -> Written:
    """Read a keyring's file.

    Raises:
        ReadError: No such file, or it cannot be read.
        KeyringError: Not a keyring.
        IntegrityError: A keyring that was changed.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        hint = "make one with `cartveil init`, or name another path"
        raise ReadError("no such keyring", path=str(path), hint=hint) from None
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", path=str(path)) from None
    whole = _parse(content, path)
    digest, mark = whole.pop("digest", None), whole.pop("mark", None)
    try:
        text = _canonical(whole)
        if not isinstance(mark, str) or not mark.isascii() or digest != hashlib.sha256(text).hexdigest():
            raise changed(path)
        return Written(_document(whole), text, mark)
    except BROKEN:
        raise not_written_here(path) from None


def create_document(path: Path, document: Document, *, mark_key: SecretKey) -> None:
    """Write a new keyring's file, for its owner only.

    Raises:
        KeyringError: A file stands there already.
        StorageError: The disk refused.
    """
    content = document.to_bytes(mark_key)
    try:
        create_file(path, lambda new: new.write_bytes(content), mode=0o600)
    except FileExistsError:
        raise KeyringError("exists already", path=str(path), hint="open it, or choose another path") from None


def replace_document(path: Path, document: Document, *, mark_key: SecretKey) -> None:
    """Write a keyring's file in place of the one that stands there: whole or not at all; see `replace_file`."""
    content = document.to_bytes(mark_key)
    replace_file(path, lambda new: new.write_bytes(content), mode=0o600)


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Let no other program change the file meanwhile; another waits.

    The folder is what is locked: the file itself is another one after each change.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise StorageError(f"cannot be opened: {error.strerror}", path=str(path.parent)) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        _remove_strays(path)
        yield
    finally:
        os.close(folder)


def _remove_strays(path: Path) -> None:
    """Remove what a killed writer left beside the file: it holds keys that are destroyed here, under an old lock."""
    for stray in strays_of(path):
        try:
            stray.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"cannot be removed: {error.strerror}", path=str(stray)) from None


def changed(path: Path) -> IntegrityError:
    """Return the error for a file that somebody changed."""
    return IntegrityError("was changed since it was written", path=str(path), hint=_RESTORE)


def not_written_here(path: Path) -> IntegrityError:
    """Return the error for a file that is whole but makes no sense."""
    return IntegrityError("is not a keyring that this version wrote", path=str(path), hint=_RESTORE)


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        raise KeyringError("is not a keyring", path=str(path), hint=_RESTORE) from None
    if not isinstance(whole, dict) or whole.get("format") not in (FORMAT, _FORMER):
        raise KeyringError("is not a keyring", path=str(path), hint=_RESTORE)
    return whole


def _document(body: Mapping[str, Any]) -> Document:
    former = body["format"] == _FORMER
    lock = {"kind": "passphrase", "function": "scrypt", **body["passphrase"]} if former else dict(body["lock"])
    keys = tuple(_record(record) for record in body["keys"])
    least = 1 if former else int(body["min_version"])
    document = Document(str(body["tenant"]), lock, keys, decoded(body["public_key"]), least)
    if not _is_sensible(document):
        raise ValueError
    return document


def _record(record: Mapping[str, Any]) -> KeyRecord:
    state = State(record["state"])
    found = KeyRecord(str(record["purpose"]), int(record["version"]), state, decoded(record["sealed"]))
    if bool(found.sealed) == (state is State.DESTROYED):
        raise ValueError
    return found


def _is_sensible(document: Document) -> bool:
    """Return whether there is one root, one signing key, and of the wrapping keys the newest alone is active."""
    of_one = [key for key in document.keys if key.purpose != "wrapping"]
    versions = [key.version for key in document.keys if key.purpose == "wrapping"]
    active = [key.name for key in document.keys if key.state is State.ACTIVE]
    return (
        sorted(key.name for key in of_one) == ["root-1", "signing-1"]
        and versions == list(range(1, len(versions) + 1))
        and sorted(active) == sorted(["root-1", "signing-1", f"wrapping-{len(versions)}"])
        and 1 <= document.min_version <= len(versions)
    )


def _mark(text: bytes, key: SecretKey) -> str:
    return hmac.new(key.expose(), text, hashlib.sha256).hexdigest()


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
