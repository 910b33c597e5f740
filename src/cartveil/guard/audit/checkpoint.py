"""Signed checkpoints: what a log promised at one time, small enough to print, publish or send to another host.

A checkpoint is a C2SP signed note:

    cartveil/shop
    1024
    <root, base64>
    time 2026-11-22T23:00:00Z

    — cartveil/shop <4 bytes of key id and 64 of Ed25519 signature, base64>

Source: C2SP `tlog-checkpoint` and `signed-note`.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cartveil.errors import IntegrityError

_ED25519 = b"\x01"  # the algorithm byte of signed-note
_KEY_ID_BYTES = 4


@dataclass(frozen=True)
class Checkpoint:
    """What a log held at one time: the root over its first `size` entries."""

    origin: str
    size: int
    root: bytes
    time: datetime

    def body(self) -> str:
        """Return the text that is signed."""
        root = base64.b64encode(self.root).decode("ascii")
        time = self.time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return f"{self.origin}\n{self.size}\n{root}\ntime {time}\n"


def sign_checkpoint(checkpoint: Checkpoint, sign: Callable[[bytes], bytes], *, public_key: bytes) -> str:
    """Return the signed note.

    Args:
        checkpoint: What to promise.
        sign: Makes an Ed25519 signature, such as `Keyring.sign`.
        public_key: 32 raw bytes; only its id enters the note.
    """
    body = checkpoint.body()
    signature = _key_id(checkpoint.origin, public_key) + sign(body.encode("utf-8"))
    return f"{body}\n— {checkpoint.origin} {base64.b64encode(signature).decode('ascii')}\n"


def parse_checkpoint(note: str) -> Checkpoint:
    """Return what a note says, whoever signed it; `IntegrityError` where it is no checkpoint."""
    body, _, _ = note.partition("\n\n")
    try:
        origin, size, root, extension = body.split("\n")
        time = datetime.fromisoformat(extension.removeprefix("time "))
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root), time)
        if checkpoint.body() != body + "\n":
            raise ValueError  # another spelling of the same is not the same note
    except (ValueError, OverflowError):  # the first day of all has no hour before it
        raise IntegrityError("is not a checkpoint", path="checkpoint") from None
    return checkpoint


def verify_checkpoint(note: str, *, public_key: bytes) -> Checkpoint:
    """Check a note's signature and return what it says.

    Raises:
        IntegrityError: Not a checkpoint, or not signed by this key.
    """
    checkpoint = parse_checkpoint(note)
    body = checkpoint.body()
    signature = _signature(note[len(body) :], origin=checkpoint.origin)
    refused = IntegrityError("is not signed by this key", path="checkpoint")
    if signature[:_KEY_ID_BYTES] != _key_id(checkpoint.origin, public_key):
        raise refused
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(signature[_KEY_ID_BYTES:], body.encode("utf-8"))
    except (InvalidSignature, ValueError):
        raise refused from None
    return checkpoint


def _signature(tail: str, *, origin: str) -> bytes:
    start = f"\n— {origin} "
    try:
        if not tail.startswith(start) or not tail.endswith("\n"):
            raise ValueError
        text = tail[len(start) : -1]
        signature = base64.b64decode(text)
        if base64.b64encode(signature).decode("ascii") != text:
            raise ValueError  # base64 has spare bits; a note has one spelling
    except ValueError:
        raise IntegrityError("has no signature", path="checkpoint") from None
    return signature


def _key_id(origin: str, public_key: bytes) -> bytes:
    return hashlib.sha256(origin.encode("utf-8") + b"\n" + _ED25519 + public_key).digest()[:_KEY_ID_BYTES]
