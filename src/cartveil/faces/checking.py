"""Checking a receipt: needs neither vault nor passphrase."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartveil.errors import InputError, IntegrityError, ReadError
from cartveil.guard.vault import verify_receipt


def check_receipt(path: Path, *, key: str | None = None) -> Mapping[str, Any]:
    """Check the receipt in a file.

    Args:
        path: What `cartveil erase --receipt` wrote.
        key: Public key in hexadecimal that must have signed it; without one the receipt is checked against the
            key that it names itself, which shows that it is whole, not who made it.

    Raises:
        ReadError: No such file.
        IntegrityError: It was changed, or is not a receipt.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ReadError("no such file", path=str(path), hint="name a receipt, or the folder of a vault") from None
    except OSError:
        raise _no_receipt(str(path)) from None
    return check_text(text, path=str(path), key=key, key_path="--key")


def check_text(
    text: str | bytes, *, path: str = "receipt", key: str | None = None, key_path: str = "key"
) -> Mapping[str, object]:
    """Check the receipt in a text; see `check_receipt`.

    Args:
        text: JSON, in UTF-8 where it is bytes.
        path: What an error is to call the receipt.
        key: As in `check_receipt`.
        key_path: What an error is to call the key.

    Guarantees:
        - No error says anything of the text.
    """
    public_key = _public_key(key, path=key_path)
    try:
        receipt = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _no_receipt(path) from None
    if not isinstance(receipt, dict):
        raise _no_receipt(path)
    return verify_receipt(receipt, public_key=public_key)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object in which no name stands twice: readers differ in which of two values they take."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _no_receipt(path: str) -> IntegrityError:
    return IntegrityError("not a receipt", path=path, hint="it was damaged, or is something else")


def _public_key(key: str | None, *, path: str) -> bytes | None:
    try:
        return bytes.fromhex(key) if key is not None else None
    except ValueError:
        raise InputError("not a key in hexadecimal", path=path, hint="64 characters 0-9 a-f") from None
