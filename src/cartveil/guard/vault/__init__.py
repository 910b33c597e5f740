"""The vault: the one door to consumers' records, which decides, writes down, and only then opens."""

from cartveil.guard.vault.door.exporting import Export
from cartveil.guard.vault.door.reading import Reading, Wish
from cartveil.guard.vault.outside import Outside
from cartveil.guard.vault.receipt import verify_receipt
from cartveil.guard.vault.vault import PutResult, Vault

__all__ = ["Export", "Outside", "PutResult", "Reading", "Vault", "Wish", "verify_receipt"]
