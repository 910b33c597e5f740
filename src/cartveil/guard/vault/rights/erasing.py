"""Erasure: consumers' keys, rows, codes and names are destroyed, and whoever learned from them is told.

It is done in steps that survive a kill between any two of them:

1. `begun`: from now on reading says `erased`. The list outside the vault's file (see `witness`) says so too, so that
   an old copy of the file cannot bring anybody back.
2. `deleted`: in one transaction the wrapped key, the rows and the search codes go, and the audit entry comes.
3. everyone in `forget` is told the consumer's pseudonyms, one per release.
4. `done`: the WAL is truncated, so that no deleted byte lingers, and the signed receipt is stored.

Where rows are held (see `holds`), 2 is `reduced`: all else goes, the rows and their key stay, and nobody can read
them; 4 is `kept`, with a receipt that says so. When the holds end, erasing again or a sweep completes it.

Many consumers go the same way together: thousands in a transaction, and one checkpoint for all receipts. Erasing
again resumes where it stopped; a finished erasure returns its receipt.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cartveil.errors import InputError, StorageError
from cartveil.guard.audit import parse_checkpoint
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.door.releases import linked_scopes, pseudonyms_of
from cartveil.guard.vault.receipt import audit_part, encoded_proof, sign_receipt, verify_receipt
from cartveil.guard.vault.rights.deleting import delete_people
from cartveil.guard.vault.rights.holds import held_rows
from cartveil.guard.vault.room import Room, subject_text
from cartveil.guard.vault.rows import erasures
from cartveil.guard.vault.rows.consumers import Consumer, check_ids, find_many, lookups_of, why_absent
from cartveil.guard.vault.rows.erasures import Erasure

#: Takes the pseudonym of each release (`purpose/recipient/period`), forgets it, and says what it did.
Forget = Callable[[Mapping[str, str]], Mapping[str, Any]]

#: The same for many consumers at once; what it says stands in the receipt of each.
ForgetMany = Callable[[Sequence[Mapping[str, str]]], Mapping[str, Any]]

#: What an erasure is when its receipt is there.
_REACHED = {"deleted": "done", "reduced": "kept"}

#: Consumers that one transaction deletes.
GROUP = 1000


@dataclass(frozen=True)
class Case:
    """One erasure under way."""

    subject: str = field(repr=False)
    lookup: str
    request: Request
    decision: Decision


def erase(room: Room, actor: Principal, subject: str, *, forget: Sequence[Forget]) -> dict[str, Any]:
    """Forget one consumer for good; see `Vault.erase`."""
    (receipt,) = erase_many(room, actor, [subject], forget=[_for_one(each) for each in forget])
    return receipt


def erase_many(
    room: Room, actor: Principal, subjects: Iterable[str], *, forget: Sequence[ForgetMany]
) -> list[dict[str, Any]]:
    """Forget consumers for good; see `Vault.erase_many`."""
    if isinstance(subjects, str | bytes):  # its characters would be taken for consumers, and be gone for good
        raise InputError("must be a list of ids", path="subjects", hint="`erase` takes one id")
    names = [room.known(subject_text(subject)) for subject in subjects]
    cases = _ask(room, actor, list(dict.fromkeys(names)))
    before = erasures.load(room, [case.lookup for case in cases])
    finished = _finished(room, cases, before)
    receipts = complete(room, [case for case in cases if case.lookup not in finished], forget=forget)
    again = [case for case in cases if case.lookup in finished]
    if again:
        with room.store.transaction():
            room.log.append([_entry(room, case, rows=0) for case in again])
    receipts |= {case.subject: finished[case.lookup] for case in again}
    return [receipts[name] for name in names]


def complete(room: Room, cases: Sequence[Case], *, forget: Sequence[ForgetMany]) -> dict[str, dict[str, Any]]:
    """Take erasures from wherever they stand to their receipts, by subject."""
    if not cases:
        return {}
    _begin(room, cases)
    for group in erasures.batches(cases, GROUP):
        _delete(room, group)
    forgotten = _tell(room, cases, forget)
    return _finish(room, cases, forgotten)


def case_of(subject: str, lookup: str, asked: tuple[Request, Decision]) -> Case:
    """Return the case of a consumer for whom it was asked already."""
    return Case(subject, lookup, *asked)


def sign_log(room: Room) -> str:
    """Sign and store a checkpoint over the whole log, inside the caller's transaction."""
    keyring = room.keyring
    origin = f"cartveil/{keyring.tenant}"
    return room.log.checkpoint(keyring.sign, public_key=keyring.public_key, origin=origin, time=room.now())


def _for_one(forget: Forget) -> ForgetMany:
    return lambda pseudonyms: forget(pseudonyms[0])


def _ask(room: Room, actor: Principal, subjects: Sequence[str]) -> list[Case]:
    """Ask the policy about each; nothing is done for anybody where one is refused."""
    own = actor.role == "consumer"
    purpose, cases = "self_service" if own else "compliance", []
    lookups = lookups_of(room, pa.array(subjects, pa.string()))
    for subject, lookup in zip(subjects, lookups, strict=True):
        about = {"purpose": purpose, "own_record": own and room.known(actor.name) == subject}
        request, decision = journal.ask(room, actor, "erase", table=None, about=about)
        if not decision.allowed:
            raise journal.refuse(room, request, decision, subject=subject)
        cases.append(Case(subject, lookup, request, decision))
    return cases


def _finished(room: Room, cases: Sequence[Case], before: Mapping[str, Erasure]) -> dict[str, dict[str, Any]]:
    """Return the receipts of erasures that are done, or that can do no more today, by lookup."""
    found: dict[str, dict[str, Any]] = {}
    people = {lookup: each.number for lookup, each in find_many(room, list(before)).items()} if before else {}
    held = held_rows(room, people) if any(each.state == "kept" for each in before.values()) else {}
    for case in cases:
        each = before.get(case.lookup)
        if each is None or each.receipt is None:
            continue
        now_held = {name: one.facts() for name, one in held.get(people.get(case.lookup, -1), {}).items()}
        if each.state == "done" or (each.state == "kept" and now_held == each.receipt.get("kept")):
            _check_receipt(room, case, each.receipt)
            found[case.lookup] = dict(each.receipt)
    return found


def _check_receipt(room: Room, case: Case, receipt: Mapping[str, Any]) -> None:
    """Compare a stored receipt with whom it is asked for: it may have been forged, or be somebody else's."""
    if verify_receipt(receipt, public_key=room.keyring.public_key)["subject"] != room.receipt_name(case.subject):
        raise erasures.changed(room)


def _begin(room: Room, cases: Sequence[Case]) -> None:
    """Write down that erasures begin: those that are new, and those whose holds ended."""
    with room.store.transaction():
        before = erasures.load(room, [case.lookup for case in cases])
        starting = [case for case in cases if case.lookup not in before or before[case.lookup].state == "kept"]
        people = find_many(room, [case.lookup for case in starting])
        absent = next((case for case in starting if case.lookup not in people), None)
        begun = [] if absent is not None else _start(room, starting, (people, before))
    if absent is not None:
        journal.deny(room, absent.request, rules=("unknown-consumer",), subject=absent.subject)
        raise why_absent(room, absent.lookup)
    resumed = [case for case in cases if case.lookup in before and before[case.lookup].state == "begun"]
    _witness(room, [*starting, *resumed], [*begun, *(before[case.lookup] for case in resumed)])


def _start(
    room: Room, starting: Sequence[Case], known: tuple[Mapping[str, Consumer], Mapping[str, Erasure]]
) -> list[Erasure]:
    people, before = known
    check_ids(room, people)  # a receipt must not name one consumer where another one's rows went
    now = room.now().isoformat()
    begun = []
    for case in starting:
        again = {"again": True} if case.lookup in before else {}
        progress = {"begun": now, **_wrapped_as(people[case.lookup]), **again}
        begun.append(Erasure(case.lookup, "begun", progress))
    erasures.save(room, begun)
    return begun


def _delete(room: Room, cases: Sequence[Case]) -> None:
    """Delete all that is the consumers' and not held, and write it down, in one transaction."""
    with room.store.transaction():
        before = erasures.load(room, [case.lookup for case in cases])
        cases = [case for case in cases if before[case.lookup].state == "begun"]
        people = find_many(room, [case.lookup for case in cases])
        numbers = {lookup: each.number for lookup, each in people.items()}
        held = held_rows(room, numbers)
        deleted = _delete_rows(room, list(numbers.values()), held)
        entries, after = [], []
        for place, case in enumerate(cases):
            number = numbers.get(case.lookup, -1)
            counts = dict(deleted.get(number, {}))
            kept = {name: one.facts() for name, one in held.get(number, {}).items()}
            entries.append(_entry(room, case, rows=sum(counts.values())))
            now = {"deleted": counts, "kept": kept, "index": place}
            progress = {**before[case.lookup].progress, **_wrapped_as(people.get(case.lookup)), **now}
            after.append(Erasure(case.lookup, "reduced" if kept else "deleted", progress))
        first = room.log.append(entries)
        erasures.save(room, [_moved(each, first) for each in after])


def _delete_rows(room: Room, numbers: list[int], held: Mapping[int, Any]) -> Mapping[int, Mapping[str, int]]:
    return delete_people(room, numbers, held=held)


def _wrapped_as(consumer: Consumer | None) -> dict[str, str]:
    """Return the digest of the wrapped key as it is destroyed: a rotation may have changed it since all this began."""
    return {} if consumer is None else {"key": hashlib.sha256(consumer.data_key).hexdigest()}


def _moved(each: Erasure, first: int) -> Erasure:
    return Erasure(each.lookup, each.state, {**each.progress, "index": first + each.progress["index"]})


def _entry(room: Room, case: Case, *, rows: int) -> dict[str, object]:
    facts = {"rows": rows, "subject": case.subject}
    return journal.entry(room, case.request, decision="allow", rules=case.decision.rules, facts=facts)


def _tell(room: Room, cases: Sequence[Case], forget: Sequence[ForgetMany]) -> list[dict[str, Any]]:
    """Tell everyone who learned from these consumers what they were called."""
    if not forget:
        return []
    names = pseudonyms_of(room, [case.subject for case in cases])
    return [dict(each(names)) for each in forget]


def _finish(room: Room, cases: Sequence[Case], forgotten: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    room.store.erase_traces()
    with room.store.transaction():
        note = sign_log(room)
        before = erasures.load(room, [case.lookup for case in cases])
        # Another program may have finished some of them meanwhile.
        ours = [case for case in cases if before[case.lookup].state in _REACHED]
        done = [
            Erasure(case.lookup, _REACHED[before[case.lookup].state], {}, receipt)
            for case, receipt in zip(ours, _receipts(room, ours, before, (forgotten, note)), strict=True)
        ]
        erasures.save(room, done)
    _witness(room, ours, done)
    room.witness.keep(note)
    room.store.erase_traces()
    reached = {**before, **{each.lookup: each for each in done}}
    return {case.subject: dict(_receipt_of(room, reached[case.lookup])) for case in cases}


def _receipt_of(room: Room, each: Erasure) -> Mapping[str, Any]:
    if each.receipt is None:
        hint = "erase again when the other program is done"
        raise StorageError("another program is erasing the same consumer", path=room.store.name, hint=hint)
    return each.receipt


def _receipts(
    room: Room, cases: Sequence[Case], before: Mapping[str, Erasure], common: tuple[list[dict[str, Any]], str]
) -> list[dict[str, Any]]:
    """Return the receipt of each case; what they share is made once."""
    forgotten, note = common
    shared = {
        "tenant": room.keyring.tenant,
        "time": room.now().isoformat(),
        "releases": len(linked_scopes(room)),
        "forgotten": forgotten,
    }
    reached = [before[case.lookup].progress for case in cases]
    parts = _audit_parts(room, [int(progress["index"]) for progress in reached], note)
    return [
        _receipt(room, case, progress, {**shared, "audit": part})
        for case, progress, part in zip(cases, reached, parts, strict=True)
    ]


def _audit_parts(room: Room, indexes: Sequence[int], note: str) -> Iterable[dict[str, Any]]:
    """Return what each receipt says of the log; what they share is proven once."""
    shared: dict[str, Any] = {}
    size = parse_checkpoint(note).size
    for index in indexes:
        shared = shared or audit_part(room.log, index, note)
        proof = encoded_proof(room.log.prove_inclusion(index, size))
        yield {**shared, "index": index, "entry": room.log.entry(index).decode("utf-8"), "proof": proof}


def _receipt(room: Room, case: Case, progress: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    kept = progress.get("kept") or {}
    body = {
        **shared,
        "begun": progress["begun"],
        "subject": room.receipt_name(case.subject),
        "deleted": progress["deleted"],
        # What is held needs its key; it goes with the rest, and the next receipt says so.
        "key": "" if kept else progress["key"],
        **({"kept": kept} if kept else {}),
    }
    return sign_receipt(body, room.keyring)


def _witness(room: Room, cases: Sequence[Case], reached: Sequence[Erasure]) -> None:
    """Write outside the vault's file how far erasures have come."""
    if not cases:
        return
    lines = [
        {
            "lookup": each.lookup,
            "subject": room.audit_name(case.subject),
            "state": each.state,
            "begun": each.begun,
            "receipt": each.receipt,
        }
        for case, each in zip(cases, reached, strict=True)
    ]
    room.witness.append(lines)
