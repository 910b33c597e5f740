"""The keyring's file: what stands in it, and how a changed one is told from a wrong passphrase.

The file is JSON:

- `format`, `tenant`;
- `passphrase`: scrypt profile, its numbers, salt;
- `keys`: a list of id, purpose (`root`, `wrapping`, `signing`), version, state and the sealed key;
- `digest`: SHA-256 over the rest, which tells a damaged file from a wrong passphrase;
- `mark`: HMAC-SHA256 over the rest under a key derived from the root, which tells a forged file.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartveil.errors import IntegrityError, KeyringError, ReadError
from cartveil.guard.keys.passphrase import ScryptProfile
from cartveil.guard.keys.secret import SecretKey

FORMAT = "cartveil keyring v1"
STATES = ("active", "retired", "destroyed")


@dataclass(frozen=True)
class KeyRecord:
    """One key as it lies in the file."""

    purpose: str
    version: int
    state: str
    sealed: bytes

    @property
    def name(self) -> str:
        """Return the id that people see."""
        return f"{self.purpose}-{self.version}"


@dataclass(frozen=True)
class Document:
    """A keyring's file, parsed; nothing in it is secret without the passphrase."""

    tenant: str
    profile: ScryptProfile
    salt: bytes
    keys: tuple[KeyRecord, ...]
    public_key: bytes

    def body(self) -> dict[str, Any]:
        """Return everything but `digest` and `mark`, as JSON values."""
        return {
            "format": FORMAT,
            "tenant": self.tenant,
            "passphrase": {
                "profile": self.profile.name,
                "cost": self.profile.cost,
                "block_size": self.profile.block_size,
                "parallelism": self.profile.parallelism,
                "salt": _base64(self.salt),
            },
            "public_key": _base64(self.public_key),
            "keys": [
                {"purpose": key.purpose, "version": key.version, "state": key.state, "sealed": _base64(key.sealed)}
                for key in self.keys
            ],
        }

    def mark(self, key: SecretKey) -> str:
        """Return the mark that only a holder of the root key can make."""
        return hmac.new(key.expose(), _canonical(self.body()), hashlib.sha256).hexdigest()

    def to_bytes(self, mark_key: SecretKey) -> bytes:
        """Return the file."""
        body = self.body()
        whole = {**body, "mark": self.mark(mark_key), "digest": hashlib.sha256(_canonical(body)).hexdigest()}
        return json.dumps(whole, indent=1, ensure_ascii=False).encode("utf-8") + b"\n"


def read_document(path: Path) -> tuple[Document, str]:
    """Read a keyring's file, and the mark that stands in it.

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
        if not isinstance(mark, str) or digest != hashlib.sha256(_canonical(whole)).hexdigest():
            raise IntegrityError("was changed since it was written", path=str(path), hint="restore it from a backup")
        return _document(whole), mark
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        raise IntegrityError("is not a keyring that this version wrote", path=str(path)) from None


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        raise KeyringError("is not a keyring", path=str(path), hint="restore it from a backup") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise KeyringError("is not a keyring", path=str(path), hint="restore it from a backup")
    return whole


def _document(body: Mapping[str, Any]) -> Document:
    spec = body["passphrase"]
    profile = ScryptProfile(str(spec["profile"]), int(spec["cost"]), int(spec["block_size"]), int(spec["parallelism"]))
    keys = tuple(_record(record) for record in body["keys"])
    if not profile.is_usable() or sum(key.purpose == "root" for key in keys) != 1:
        raise ValueError
    return Document(str(body["tenant"]), profile, _bytes(spec["salt"]), keys, _bytes(body["public_key"]))


def _record(record: Mapping[str, Any]) -> KeyRecord:
    if record["state"] not in STATES:
        raise ValueError
    return KeyRecord(str(record["purpose"]), int(record["version"]), str(record["state"]), _bytes(record["sealed"]))


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
