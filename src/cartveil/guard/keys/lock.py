"""What a keyring's file is locked with, in one small protocol: a passphrase, or a key in a PKCS#11 token.

A lock has nothing to do with consumers' data. It gives the one key under which the keyring's own keys are sealed, and
what must stand in the file, in its section `lock`, to find that key again.
"""

import base64
from collections.abc import Mapping
from typing import Any, Protocol

from cartveil.guard.keys.secret import SecretKey


class Lock(Protocol):
    """A way to lock a keyring's file and to open it again."""

    @property
    def kind(self) -> str:
        """Return the word in the file that says which lock it is."""

    def lock(self) -> tuple[SecretKey, dict[str, Any]]:
        """Return a fresh key, and the section of the file from which `unlock` finds it; nothing in it is secret."""

    def unlock(self, section: Mapping[str, Any]) -> SecretKey:
        """Return the key again; `KeyError`, `TypeError` or `ValueError` where no such section was ever written."""


def encoded(value: bytes) -> str:
    """Return bytes as they stand in the file."""
    return base64.b64encode(value).decode("ascii")


def decoded(text: str) -> bytes:
    """Return bytes that stand in the file; `ValueError` where they are none."""
    return base64.b64decode(text, validate=True)
