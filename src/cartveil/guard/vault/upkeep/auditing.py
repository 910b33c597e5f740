"""The log seen from outside: checked against what others keep, proven, and published."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.guard.audit.publishing import publish as write_published
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.rights.erasing import sign_log
from cartveil.guard.vault.room import Room, subject_text


def events(room: Room, actor: Principal, *, subject: str | None) -> pa.Table:
    """Return the log as an event table; see `Vault.audit_events`."""
    subject = None if subject is None else subject_text(subject)
    about = {} if subject is None else {"subject": subject}
    request, decision = _ask(room, actor, about)
    with room.store.transaction():
        journal.write(room, request, decision, rows=room.log.size, **about)
    log = room.log.events()
    return log if subject is None else log.filter(pc.equal(log["subject"], room.audit_name(subject)))


def publish(room: Room, folder: Path, *, reader: Principal | None) -> int:
    """Sign the log and write it to a folder; see `Vault.publish`."""
    if reader is None:
        with room.store.transaction():
            note = sign_log(room)
    else:
        request, decision = _ask(room, reader, {})
        with room.store.transaction():
            journal.write(room, request, decision, rows=room.log.size)
            note = sign_log(room)
    return write_published(room.log, note, folder, public_key=room.keyring.public_key, entries=reader is not None)


def prove_consistency(room: Room, old: int, new: int | None) -> list[bytes]:
    """Return the proof that the log only grew; see `Vault.prove_consistency`."""
    size = room.log.size
    if new is not None and new > size:
        raise IndexError(f"size {new} of {size}")
    return room.log.prove_consistency(old, size if new is None else new)


def verify_log(room: Room, checkpoints: Sequence[str]) -> dict[str, int]:
    """Check the log alone, against checkpoints kept elsewhere; see `Vault.verify_log`."""
    return room.log.verify(*checkpoints, public_key=room.keyring.public_key)


def _ask(room: Room, actor: Principal, about: Mapping[str, str]) -> tuple[Request, Decision]:
    request, decision = journal.ask(room, actor, "audit", table=None, about={"purpose": "security"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision, **about)
    return request, decision
