"""Signing receipts of erasure: what was deleted, with the proof that the log says the same. Checked by anyone.

What a receipt holds, and how it is checked without a vault, stands in `guard.audit.receipt`.
"""

from collections.abc import Mapping
from typing import Any

from cartveil.guard.audit import AuditLog, parse_checkpoint
from cartveil.guard.audit.receipt import KIND, canonical, encoded, encoded_proof, verify_receipt
from cartveil.guard.keys import Keyring

__all__ = ["audit_part", "canonical", "encoded_proof", "sign_receipt", "verify_receipt"]


def audit_part(log: AuditLog, index: int, note: str) -> dict[str, Any]:
    """Return what a receipt says of the log: the entry, and the proofs up to a checkpoint and from the one before it.

    Args:
        log: The log.
        index: Of the entry.
        note: The checkpoint that the receipt is to stand on, stored.
    """
    size = parse_checkpoint(note).size
    part: dict[str, Any] = {
        "index": index,
        "entry": log.entry(index).decode("utf-8"),
        "proof": encoded_proof(log.prove_inclusion(index, size)),
        "checkpoint": note,
    }
    before = log.latest_checkpoint(below=size)
    if before is not None:
        proof = log.prove_consistency(parse_checkpoint(before).size, size)
        part |= {"before": before, "consistency": encoded_proof(proof)}
    return part


def sign_receipt(body: Mapping[str, Any], keyring: Keyring) -> dict[str, Any]:
    """Return the receipt: its body, the public key and the signature."""
    whole = {"kind": KIND, **body, "public_key": encoded(keyring.public_key)}
    return {**whole, "signature": encoded(keyring.sign(canonical(whole)))}
