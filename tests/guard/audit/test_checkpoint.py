"""Checkpoints: their one spelling, and what a signature covers."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cartveil.errors import IntegrityError
from cartveil.guard.audit import Checkpoint, parse_checkpoint, verify_checkpoint
from cartveil.guard.audit.checkpoint import sign_checkpoint

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
CHECKPOINT = Checkpoint("cartveil/shop", 7, bytes(32), datetime(2026, 11, 22, 9, 30, tzinfo=UTC))
NOTE = sign_checkpoint(CHECKPOINT, KEY.sign, public_key=PUBLIC)


def test_the_text_is_pinned() -> None:
    lines = NOTE.splitlines()
    assert lines[:5] == ["cartveil/shop", "7", "A" * 43 + "=", "time 2026-11-22T09:30:00.000000Z", ""]
    assert lines[5].startswith("— cartveil/shop ")
    assert len(base64.b64decode(lines[5].split(" ")[2])) == 4 + 64


def test_signed_checkpoint_verifies() -> None:
    assert verify_checkpoint(NOTE, public_key=PUBLIC) == CHECKPOINT


def test_any_changed_byte_is_rejected() -> None:
    original = NOTE.encode()
    for position in range(len(original)):
        for bit in (1, 32):
            changed = bytearray(original)
            changed[position] ^= bit
            with pytest.raises(IntegrityError):
                verify_checkpoint(changed.decode("utf-8", errors="replace"), public_key=PUBLIC)


def test_another_key_is_rejected() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(IntegrityError, match="not signed by this key"):
        verify_checkpoint(NOTE, public_key=other)


@pytest.mark.parametrize(
    "note", ["", "\n\n", "a\nb\nc\nd\n\n", NOTE + "\n", NOTE[:-1], NOTE + NOTE, NOTE.replace("\n7\n", "\n07\n")]
)
def test_what_is_no_checkpoint_is_rejected(note: str) -> None:
    with pytest.raises(IntegrityError):
        verify_checkpoint(note, public_key=PUBLIC)


def test_parsing_reads_what_is_written() -> None:
    assert parse_checkpoint(NOTE) == CHECKPOINT
