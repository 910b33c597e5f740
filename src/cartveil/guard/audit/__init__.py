"""Audit: an append-only Merkle log of every access, with signed checkpoints and proofs that need no database."""

from cartveil.guard.audit.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from cartveil.guard.audit.entries import ENTRY_SCHEMA
from cartveil.guard.audit.log import AuditLog
from cartveil.guard.audit.merkle import verify_consistency, verify_inclusion

__all__ = [
    "ENTRY_SCHEMA",
    "AuditLog",
    "Checkpoint",
    "parse_checkpoint",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
]
