"""Checking a receipt, or a log against checkpoints kept elsewhere: needs neither passphrase nor keyring."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartveil.errors import InputError, IntegrityError, ReadError
from cartveil.faces.whereabouts import known_place
from cartveil.guard.audit import AuditLog, parse_checkpoint
from cartveil.guard.audit.merkle import consistency_proof
from cartveil.guard.audit.notes import read_notes
from cartveil.guard.audit.publishing import (
    CHECKPOINT_FILE,
    published_checkpoint,
    published_tiles,
    verify_published,
)
from cartveil.guard.audit.receipt import verify_receipt
from cartveil.guard.audit.tiles import tile_nodes
from cartveil.guard.store import SQLiteStore, Store
from cartveil.guard.vault.upkeep.upgrading import upgrade


def check_receipt(path: Path, *, key: str | None = None, checkpoint: Path | None = None) -> Mapping[str, Any]:
    """Check the receipt in a file.

    Args:
        path: What `cartveil erase --receipt` wrote.
        key: Public key in hexadecimal that must have signed it; without one the receipt is checked against the
            key that it names itself, which shows that it is whole, not who made it.
        checkpoint: A file of checkpoints, or the folder of a published log, that the receipt must fit.

    Raises:
        ReadError: No such file.
        IntegrityError: It was changed, or is not a receipt, or the log no longer stands by it.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ReadError("no such file", path=str(path), hint="name a receipt, or the folder of a vault") from None
    except OSError:
        raise _no_receipt(str(path)) from None
    return check_text(text, path=str(path), key=key, key_path="--key", checkpoint=checkpoint)


def check_log(folder: Path, *, key: str | None = None, checkpoint: Path | None = None) -> Mapping[str, Any]:
    """Check the log alone, of a vault or as it was published.

    Args:
        folder: A vault's folder, or one that `cartveil publish` wrote.
        key: Public key in hexadecimal that must have signed; without one, the key that the vault names itself.
        checkpoint: A file of checkpoints, or the folder of a published log.

    Returns:
        Counts, and the `public_key` used.

    Raises:
        IntegrityError: The log was changed, or is not the one that the checkpoints promise.
        InputError: A published log without a key.
    """
    public_key = _public_key(key, path="--key")
    if (folder / CHECKPOINT_FILE).is_file():
        if public_key is None:
            raise InputError("a published log names no key", path="--key", hint="`cartveil verify VAULT` prints it")
        return {**verify_published(folder, public_key=public_key), "public_key": public_key.hex()}
    place = known_place(folder)
    store = SQLiteStore.open(place) if isinstance(place, Path) else place
    try:
        with store.typed_errors():
            upgrade(store)
            used = public_key or _own_key(store)
            notes = read_checkpoints(checkpoint, public_key=used) if checkpoint is not None else []
            counts = AuditLog(store).verify(*notes, public_key=used)
    finally:
        store.close()
    return {**counts, "outside_checkpoints": len(notes), "public_key": used.hex()}


def read_checkpoints(path: Path, *, public_key: bytes) -> list[str]:
    """Return the checkpoints kept in a file, one or many, or of a published log, which is checked first.

    Raises:
        ReadError: Nothing there.
        IntegrityError: Something else, or a published log that was changed.
    """
    if path.is_dir():
        verify_published(path, public_key=public_key)
        return [published_checkpoint(path)]
    notes = read_notes(path)
    if not notes:
        raise ReadError("no checkpoint there", path=str(path), hint="`cartveil checkpoint FOLDER --to FILE` writes one")
    return notes


def check_text(
    text: str | bytes,
    *,
    path: str = "receipt",
    key: str | None = None,
    key_path: str = "key",
    checkpoint: Path | None = None,
) -> Mapping[str, object]:
    """Check the receipt in a text; see `check_receipt`.

    Args:
        text: JSON, in UTF-8 where it is bytes.
        path: What an error is to call the receipt.
        key: As in `check_receipt`.
        key_path: What an error is to call the key.
        checkpoint: As in `check_receipt`.

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
    facts = verify_receipt(receipt, public_key=public_key)
    if checkpoint is None:
        return facts
    note, proof = _link(receipt, checkpoint)
    return verify_receipt(receipt, public_key=public_key, checkpoint=note, consistency=proof)


def _link(receipt: Mapping[str, Any], checkpoint: Path) -> tuple[str, list[bytes] | None]:
    """Return the checkpoint that a verified receipt is to fit, and the proof between the two as far as it is known."""
    key = base64.b64decode(receipt["public_key"])
    audit = receipt["audit"]
    notes = read_checkpoints(checkpoint, public_key=key)
    own = parse_checkpoint(audit["checkpoint"]).size
    if checkpoint.is_dir():
        size = parse_checkpoint(notes[0]).size
        if own > size:
            return notes[0], None
        return notes[0], consistency_proof(own, size, tile_nodes(published_tiles(checkpoint, size)))
    direct = [own] + ([parse_checkpoint(audit["before"]).size] if "before" in audit else [])
    return next((note for note in notes if parse_checkpoint(note).size in direct), notes[-1]), None


def _own_key(store: Store) -> bytes:
    row = store.execute("SELECT value FROM meta WHERE name = ?", ("public key",)).fetchone()
    try:
        return bytes.fromhex(row[0] if row else "")
    except ValueError:
        raise IntegrityError("its public key was changed", path=store.name) from None


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
