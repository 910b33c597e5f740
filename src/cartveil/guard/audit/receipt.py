"""Checking a receipt of erasure: needs no more than the receipt, a public key and a checkpoint.

Without key and checkpoint a receipt vouches for itself: it is whole. The key shows who made it, and a checkpoint kept
elsewhere that the log still stands by it.

A receipt is JSON:

- `kind`, `tenant`, `time`, `begun`, `subject` (a pseudonym that appears nowhere else);
- `deleted`: rows per table; `key`: SHA-256 of the wrapped key that was destroyed; `releases`: how many there were;
- `forgotten`: what each model, sequence or file that was told to forget has answered;
- `audit`: the `entry`, its `index`, the inclusion `proof` and the signed `checkpoint`; and, but for the first
  receipts, `before`, the checkpoint before that one, with the proof of `consistency` between the two;
- `public_key`, and `signature` over all of the above as canonical JSON.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cartveil.errors import IntegrityError
from cartveil.guard.audit.checkpoint import Checkpoint, verify_checkpoint
from cartveil.guard.audit.merkle import verify_consistency, verify_inclusion

KIND = "cartveil erasure receipt v1"

_CHANGED = "was changed, or is no receipt of this vault"


def verify_receipt(
    receipt: Mapping[str, Any],
    *,
    public_key: bytes | None = None,
    checkpoint: str | None = None,
    consistency: Sequence[bytes | str] | None = None,
) -> dict[str, Any]:
    """Check a receipt with nothing but itself, and what is known from elsewhere.

    Args:
        receipt: As `Vault.erase` returned it, or read back from JSON.
        public_key: 32 raw bytes of the tenant's key; without it the receipt vouches for its own key.
        checkpoint: A checkpoint of the same log kept or published elsewhere, earlier or later than the receipt's own.
        consistency: The proof between the two, of `Vault.prove_consistency`: hashes as bytes or in base64. Not needed
            where the checkpoint is the receipt's own or the one before it.

    Returns:
        What holds: `subject`, `time`, `deleted`, `entries` of the log at that time; with a checkpoint also
        `checkpoint`, the entries that it covers.

    Raises:
        IntegrityError: Signature, checkpoint or proof does not hold, or the proof is missing.
    """
    try:
        facts, own, before = _verify(dict(receipt), public_key)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, InvalidSignature, RecursionError):
        hint = "ask for the receipt again: `cartveil erase` returns it as it was"
        raise IntegrityError(_CHANGED, path="receipt", hint=hint) from None
    if checkpoint is None:
        return facts
    outside = verify_checkpoint(checkpoint, public_key=_decoded(receipt["public_key"]))
    _link(own, outside, before, consistency)
    return {**facts, "checkpoint": outside.size}


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return the one way to write a JSON value: sorted names, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def encoded_proof(proof: Sequence[bytes]) -> list[str]:
    """Return a proof as JSON holds it."""
    return [encoded(neighbour) for neighbour in proof]


def encoded(value: bytes) -> str:
    """Return bytes as a receipt holds them."""
    return base64.b64encode(value).decode("ascii")


def _verify(receipt: dict[str, Any], known_key: bytes | None) -> tuple[dict[str, Any], Checkpoint, Checkpoint | None]:
    signature = _decoded(receipt.pop("signature"))
    own_key = _decoded(receipt["public_key"])
    if receipt["kind"] != KIND or (known_key is not None and known_key != own_key):
        raise ValueError
    Ed25519PublicKey.from_public_bytes(own_key).verify(signature, canonical(receipt))
    audit = receipt["audit"]
    checkpoint = verify_checkpoint(audit["checkpoint"], public_key=own_key)
    entry = audit["entry"].encode("utf-8")
    proof = [_decoded(neighbour) for neighbour in audit["proof"]]
    verify_inclusion(entry, index=audit["index"], size=checkpoint.size, proof=proof, root=checkpoint.root)
    said = json.loads(entry)
    if (said["action"], said["decision"], said["rows"]) != ("erase", "allow", sum(receipt["deleted"].values())):
        raise ValueError  # the log must say what the receipt says
    facts = {name: receipt[name] for name in ("subject", "time", "deleted")} | {"entries": checkpoint.size}
    return facts, checkpoint, _before(audit, checkpoint, own_key) if "before" in audit else None


def _before(audit: Mapping[str, Any], checkpoint: Checkpoint, own_key: bytes) -> Checkpoint:
    before = verify_checkpoint(audit["before"], public_key=own_key)
    _check_consistency(before, checkpoint, [_decoded(neighbour) for neighbour in audit["consistency"]])
    return before


def _link(
    own: Checkpoint, outside: Checkpoint, before: Checkpoint | None, consistency: Sequence[bytes | str] | None
) -> None:
    if outside.origin != own.origin:
        raise IntegrityError("is of another log", path="checkpoint")
    if before is not None and (outside.size, outside.root) == (before.size, before.root):
        return
    old, new = sorted((own, outside), key=lambda checkpoint: checkpoint.size)
    if consistency is None and old.size not in (0, new.size):
        hint = f"ask for it: `Vault.prove_consistency({old.size}, {new.size})`, or name the published log"
        raise IntegrityError("needs a proof of consistency with the receipt", path="checkpoint", hint=hint)
    try:
        proof = [_decoded(each) if isinstance(each, str) else each for each in consistency or ()]
    except (ValueError, TypeError):
        raise IntegrityError("is not a proof of consistency", path="consistency") from None
    _check_consistency(old, new, proof)


def _check_consistency(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    if old.origin != new.origin:
        raise IntegrityError("is of another log", path="checkpoint")
    verify_consistency(old=old.size, new=new.size, old_root=old.root, new_root=new.root, proof=proof)


def _decoded(text: str) -> bytes:
    value = base64.b64decode(text)
    if encoded(value) != text:
        raise ValueError  # base64 has spare bits; a receipt has one spelling
    return value
