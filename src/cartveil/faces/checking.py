"""Checking a receipt: needs neither vault nor passphrase."""

import json
from collections.abc import Mapping
from pathlib import Path

from cartveil.errors import InputError, IntegrityError, ReadError
from cartveil.guard.vault import verify_receipt


def check_receipt(path: Path, *, key: str | None = None) -> Mapping[str, object]:
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
        receipt = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReadError("no such file", path=str(path), hint="name a receipt, or the folder of a vault") from None
    except (OSError, ValueError):
        raise IntegrityError("not a receipt", path=str(path), hint="it was damaged, or is another file") from None
    if not isinstance(receipt, dict):
        raise IntegrityError("not a receipt", path=str(path))
    return verify_receipt(receipt, public_key=_public_key(key))


def _public_key(key: str | None) -> bytes | None:
    try:
        return bytes.fromhex(key) if key is not None else None
    except ValueError:
        raise InputError("not a key in hexadecimal", path="--key", hint="64 characters 0-9 a-f") from None
