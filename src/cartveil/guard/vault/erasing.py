"""Erasure: one consumer's key, rows, codes and name are destroyed, and whoever learned from them is told.

It is done in steps that survive a kill between any two of them:

1. `begun`: from now on reading says `erased`; what is to be deleted is counted.
2. `deleted`: in one transaction the wrapped key, the rows and the search codes go, and the audit entry comes.
3. everyone in `forget` is told the consumer's pseudonyms, one per release.
4. `done`: the WAL is truncated, so that no deleted byte lingers, and the signed receipt is stored.

Erasing again resumes where it stopped; a finished erasure returns its receipt.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from cartveil.errors import IntegrityError
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.protect.steps import Scope, subject_pseudonym
from cartveil.guard.vault import journal
from cartveil.guard.vault.consumers import Consumer, find, open_key, why_absent
from cartveil.guard.vault.exporting import WITHOUT_SUBJECTS, scopes
from cartveil.guard.vault.receipt import canonical, encoded_proof, sign_receipt, verify_receipt
from cartveil.guard.vault.room import Room, subject_text

#: Takes the pseudonym of each release (`purpose/recipient/period`), forgets it, and says what it did.
Forget = Callable[[Mapping[str, str]], Mapping[str, Any]]


@dataclass(frozen=True)
class _Case:
    """One erasure under way."""

    subject: str
    lookup: str
    request: Request
    decision: Decision


def erase(room: Room, actor: Principal, subject: str, *, forget: Sequence[Forget]) -> dict[str, Any]:
    """Forget one consumer for good; see `Vault.erase`."""
    case = _ask(room, actor, subject_text(subject))
    state, progress, receipt = _state(room, case.lookup)
    if receipt is not None:
        _check_receipt(room, case, receipt)
        with room.store.transaction():
            journal.write(room, case.request, case.decision, subject=case.subject)
        return receipt
    if state is None:
        progress = _begin(room, case)
    if state in (None, "begun"):
        progress = _delete(room, case, progress)
    forgotten = [dict(each(release_pseudonyms(room, case.subject))) for each in forget]
    return _finish(room, case, {**progress, "forgotten": forgotten})


def release_pseudonyms(room: Room, subject: str) -> dict[str, str]:
    """Return a consumer's pseudonym in each release that had consumers."""
    return {
        _name(scope): subject_pseudonym(subject, room.keyring.derive, scope)
        for scope in scopes(room)
        if scope.purpose not in WITHOUT_SUBJECTS
    }


def _name(scope: Scope) -> str:
    """Return a release as `purpose/recipient/period`; a slash within a part is written `%2F`, so none hides another."""
    return "/".join(part.replace("/", "%2F") for part in scope.names())


def _ask(room: Room, actor: Principal, subject: str) -> _Case:
    own = actor.role == "consumer"
    about = {"purpose": "self_service" if own else "compliance", "own_record": own and actor.name == subject}
    request, decision = journal.ask(room, actor, "erase", table=None, about=about)
    if not decision.allowed:
        raise journal.refuse(room, request, decision, subject=subject)
    return _Case(subject, room.lookup(subject), request, decision)


def _state(room: Room, lookup: str) -> tuple[str | None, dict[str, Any], dict[str, Any] | None]:
    query = "SELECT state, progress, receipt FROM erasures WHERE lookup = ?"
    row = room.store.execute(query, (lookup,)).fetchone()
    if row is None:
        return None, {}, None
    try:
        state, progress, receipt = str(row[0]), json.loads(row[1]), None if row[2] is None else json.loads(row[2])
        written = progress.pop("mark", "")
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise _changed(room) from None
    if receipt is None and written != _mark(room, lookup, state, progress):
        raise _changed(room)
    return state, progress, receipt


def _marked(room: Room, lookup: str, state: str, progress: Mapping[str, Any]) -> str:
    """Return what is kept of an erasure under way, with a mark: a receipt will be signed over it."""
    return json.dumps({**progress, "mark": _mark(room, lookup, state, progress)})


def _mark(room: Room, lookup: str, state: str, progress: Mapping[str, Any]) -> str:
    return room.mark("erasure", canonical({"lookup": lookup, "state": state, "progress": progress}).decode())


def _check_receipt(room: Room, case: _Case, receipt: Mapping[str, Any]) -> None:
    """Compare a stored receipt with whom it is asked for: it may have been forged, or be somebody else's."""
    if verify_receipt(receipt, public_key=room.keyring.public_key)["subject"] != room.receipt_name(case.subject):
        raise _changed(room)


def check_erasures(room: Room) -> None:
    """Compare the list of the erased with consumers and log.

    Raises:
        IntegrityError: One who was erased is here, or the list is not what the log says.
    """
    query = "SELECT lookup FROM erasures WHERE state IN ('deleted', 'done')"
    erased = {lookup for (lookup,) in room.store.execute(query)}
    present = {lookup for (lookup,) in room.store.execute("SELECT lookup FROM consumers")}
    log = room.log.events()
    said = log.filter(pc.and_(pc.equal(log["action"], "erase"), pc.equal(log["decision"], "allow")))
    if erased & present or len(erased) != len(pc.unique(said["subject"])):
        raise _changed(room)


def _changed(room: Room) -> IntegrityError:
    return IntegrityError("an erasure's state was changed", path=room.store.name)


def _begin(room: Room, case: _Case) -> dict[str, Any]:
    consumer = find(room, case.lookup)
    if consumer is None:
        journal.deny(room, case.request, rules=("unknown-consumer",), subject=case.subject)
        raise why_absent(room, case.lookup)
    open_key(room, consumer, case.subject)  # a receipt must not name one consumer where another one's rows went
    begun = room.now().isoformat()
    progress = {"begun": begun, "key": hashlib.sha256(consumer.data_key).hexdigest()}
    with room.store.transaction():
        line = (case.lookup, "begun", begun, _marked(room, case.lookup, "begun", progress))
        room.store.execute("INSERT INTO erasures VALUES (?, ?, ?, ?, NULL)", line)
    return progress


def _delete(room: Room, case: _Case, progress: dict[str, Any]) -> dict[str, Any]:
    """Delete all that is the consumer's, and write it down, in one transaction."""
    with room.store.transaction():
        consumer = find(room, case.lookup)
        deleted = {} if consumer is None else _delete_rows(room, consumer)
        index = journal.write(room, case.request, case.decision, rows=sum(deleted.values()), subject=case.subject)
        progress = {**progress, "deleted": deleted, "index": index}
        change = ("deleted", _marked(room, case.lookup, "deleted", progress), case.lookup)
        room.store.execute("UPDATE erasures SET state = ?, progress = ? WHERE lookup = ?", change)
    return progress


def _delete_rows(room: Room, consumer: Consumer) -> dict[str, int]:
    number = (consumer.number,)
    room.store.execute("DELETE FROM search_codes WHERE consumer = ?", number)
    deleted: dict[str, int] = {}
    for name, table in room.store.execute("SELECT name, number FROM stored_tables ORDER BY number").fetchall():
        query = f"DELETE FROM records_{int(table)} WHERE consumer = ?"  # noqa: S608 - a number
        deleted[name] = room.store.execute(query, number).rowcount
    room.store.execute("DELETE FROM consumers WHERE id = ?", number)
    return deleted


def _finish(room: Room, case: _Case, progress: dict[str, Any]) -> dict[str, Any]:
    room.store.erase_traces()
    with room.store.transaction():
        receipt = _receipt(room, case, progress)
        done = ("done", json.dumps({}), json.dumps(receipt, ensure_ascii=False), case.lookup)
        room.store.execute("UPDATE erasures SET state = ?, progress = ?, receipt = ? WHERE lookup = ?", done)
    room.store.erase_traces()
    return receipt


def _receipt(room: Room, case: _Case, progress: Mapping[str, Any]) -> dict[str, Any]:
    index = int(progress["index"])
    note = sign_log(room)
    audit = {
        "index": index,
        "entry": room.log.entry(index).decode("utf-8"),
        "proof": encoded_proof(room.log.prove_inclusion(index)),
        "checkpoint": note,
    }
    body = {
        "tenant": room.keyring.tenant,
        "time": room.now().isoformat(),
        "begun": progress["begun"],
        "subject": room.receipt_name(case.subject),
        "deleted": progress["deleted"],
        "key": progress["key"],
        "releases": len(release_pseudonyms(room, case.subject)),
        "forgotten": progress["forgotten"],
        "audit": audit,
    }
    return sign_receipt(body, room.keyring)


def sign_log(room: Room) -> str:
    """Sign and store a checkpoint over the whole log, inside the caller's transaction."""
    keyring = room.keyring
    origin = f"cartveil/{keyring.tenant}"
    return room.log.checkpoint(keyring.sign, public_key=keyring.public_key, origin=origin, time=room.now())
