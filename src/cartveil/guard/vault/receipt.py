"""Receipts of erasure: what was deleted, signed, with the proof that the log says the same. Checked by anyone.

A receipt is JSON:

- `kind`, `tenant`, `time`, `subject` (a pseudonym that appears nowhere else);
- `deleted`: rows per table; `key`: SHA-256 of the wrapped key that was destroyed; `releases`: how many there were;
- `forgotten`: what each model, sequence or file that was told to forget has answered;
- `audit`: the entry, its index, the inclusion proof and the signed checkpoint;
- `public_key`, and `signature` over all of the above as canonical JSON.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cartveil.errors import IntegrityError
from cartveil.guard.audit import verify_checkpoint, verify_inclusion
from cartveil.guard.keys import Keyring

KIND = "cartveil erasure receipt v1"

_CHANGED = "was changed, or is no receipt of this vault"


def sign_receipt(body: Mapping[str, Any], keyring: Keyring) -> dict[str, Any]:
    """Return the receipt: its body, the public key and the signature."""
    whole = {"kind": KIND, **body, "public_key": _base64(keyring.public_key)}
    return {**whole, "signature": _base64(keyring.sign(canonical(whole)))}


def verify_receipt(receipt: Mapping[str, Any], *, public_key: bytes | None = None) -> dict[str, Any]:
    """Check a receipt with nothing but itself, and the key if one is known from elsewhere.

    Args:
        receipt: As `Vault.erase` returned it, or read back from JSON.
        public_key: 32 raw bytes of the tenant's key; without it the receipt vouches for its own key.

    Returns:
        What holds: `subject`, `time`, `deleted`, `entries` of the log at that time.

    Raises:
        IntegrityError: Signature, checkpoint or inclusion proof does not hold.
    """
    try:
        return _verify(dict(receipt), public_key)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, InvalidSignature, RecursionError):
        hint = "ask for the receipt again: `cartveil erase` returns it as it was"
        raise IntegrityError(_CHANGED, path="receipt", hint=hint) from None


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return the one way to write a JSON value: sorted names, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def _verify(receipt: dict[str, Any], known_key: bytes | None) -> dict[str, Any]:
    signature = _bytes(receipt.pop("signature"))
    own_key = _bytes(receipt["public_key"])
    if receipt["kind"] != KIND or (known_key is not None and known_key != own_key):
        raise ValueError
    Ed25519PublicKey.from_public_bytes(own_key).verify(signature, canonical(receipt))
    audit = receipt["audit"]
    checkpoint = verify_checkpoint(audit["checkpoint"], public_key=own_key)
    entry = audit["entry"].encode("utf-8")
    proof = [_bytes(neighbour) for neighbour in audit["proof"]]
    verify_inclusion(entry, index=audit["index"], size=checkpoint.size, proof=proof, root=checkpoint.root)
    said = json.loads(entry)
    if (said["action"], said["decision"], said["rows"]) != ("erase", "allow", sum(receipt["deleted"].values())):
        raise ValueError  # the log must say what the receipt says
    return {
        "subject": receipt["subject"],
        "time": receipt["time"],
        "deleted": receipt["deleted"],
        "entries": checkpoint.size,
    }


def encoded_proof(proof: list[bytes]) -> list[str]:
    """Return a proof as JSON holds it."""
    return [_base64(neighbour) for neighbour in proof]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bytes(text: str) -> bytes:
    value = base64.b64decode(text, validate=True)
    if _base64(value) != text:
        raise ValueError  # base64 has spare bits; a receipt has one spelling
    return value
