"""Opening a vault: is it the newest one, and is anybody back who was erased?

A log that is shorter than the checkpoint beside the keyring, or another one, is an old file in a new one's place:
refused, unless somebody says that it was restored. Either way everybody on the list of the erased is erased again
before anything can be read.
"""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile
from typing import Any

from cartveil.errors import IntegrityError, ReadError, StorageError
from cartveil.events.writing import create_file
from cartveil.guard.audit import verify_checkpoint
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.store import Store
from cartveil.guard.vault import journal
from cartveil.guard.vault.rights.deleting import delete_people
from cartveil.guard.vault.rights.erasing import GROUP, sign_log
from cartveil.guard.vault.rights.holds import held_rows
from cartveil.guard.vault.room import Room, mark_of
from cartveil.guard.vault.rows import erasures
from cartveil.guard.vault.rows.consumers import Consumer, find_many
from cartveil.guard.vault.rows.erasures import Erasure

#: Where the vault keeps how much of the list outside it has heeded.
_HEEDED = "erasures heeded"

#: How far each state is; a `kept` one that begins anew is further than the list says.
_ORDER = {"begun": 1, "reduced": 2, "deleted": 2, "kept": 3, "done": 4}

_HINT = "if it was restored from a backup, say so: `cartveil restore`; else find out who put it there"


def named(vault: str, *, keyring: Keyring) -> dict[str, str]:
    """Return what a vault keeps of its own name, by which the files outside it are found."""
    return {"vault": vault, "vault mark": mark_of(keyring, "vault", vault)}


def name_of(store: Store, meta: Mapping[str, str], *, keyring: Keyring, home: Path) -> str:
    """Return a vault's own name; one that was made before vaults had names is given one.

    Args:
        store: The vault's.
        meta: What is kept of it.
        keyring: Whose.
        home: Where the files outside it lie.

    Raises:
        IntegrityError: Its name was changed or removed, which would part it from the list of the erased.
    """
    if "vault" in meta:
        vault = meta["vault"]
        if meta.get("vault mark") != mark_of(keyring, "vault", vault):
            raise IntegrityError("its name was changed", path=store.name, hint="restore the vault from a backup")
        return vault
    if any(home.glob("checkpoint-*.txt")):
        hint = "restore the vault from a backup; or name a folder of its own as `witness`"
        raise IntegrityError("has no name, in a folder that knows other vaults", path=store.name, hint=hint)
    vault = secrets.token_hex(4)
    with store.transaction():
        store.insert("meta", ("name", "value"), named(vault, keyring=keyring).items())
    return vault


def settle(room: Room) -> int:
    """Compare a vault that was just opened with what is kept outside; return how many were erased again.

    Raises:
        IntegrityError: The vault is older than its newest checkpoint, or its log was rewritten.
    """
    _check_newest(room)
    return _replay(room)


def settle_restored(room: Room, actor: Principal) -> int:
    """Take a vault that was restored for the newest one, and erase again who was erased since.

    Raises:
        RefusedError: Policy does not let this actor restore.
    """
    request, decision = journal.ask(room, actor, "backup", table=None, about={})
    if not decision.allowed:
        raise journal.refuse(room, request, decision)
    count = _replay(room, restored=True)
    with room.store.transaction():
        journal.write(room, request, decision, rows=count, case="restored")
        note = sign_log(room)
    room.witness.replace(note)
    return count


def copy_backup(backup: Path, place: Path) -> None:
    """Put a copy of a backup where the vault is to stand, for its owner only.

    Raises:
        ReadError: There is no such backup.
        StorageError: Something stands there, or the disk refused.
    """
    if not backup.is_file():
        raise ReadError("no such backup", path=str(backup), hint="name a file that `cartveil backup` wrote")
    for ending in ("-wal", "-journal"):  # the database would play it into the backup, and mix two vaults
        beside = place.with_name(place.name + ending)
        if beside.exists():
            hint = "it belongs to the vault that stood there: move it away with that one"
            raise StorageError("stands there still", path=str(beside), hint=hint)
    try:
        create_file(place, lambda new: copyfile(backup, new), mode=0o600)
    except FileExistsError:
        hint = "move it away first; a restore replaces nothing"
        raise StorageError("exists already", path=str(place), hint=hint) from None


def _check_newest(room: Room) -> None:
    note = room.witness.kept()
    if note is None:
        room.witness.keep(room.log.latest_checkpoint())
        return
    promise, size = verify_checkpoint(note, public_key=room.keyring.public_key), room.log.size
    if promise.size > size:
        message = f"is an old file: it has {size} audit entries, its newest checkpoint {promise.size}"
        raise IntegrityError(message, path=room.store.name, hint=_HINT)
    if room.log.root(promise.size) != promise.root:
        raise IntegrityError("its log is not the one of its newest checkpoint", path=room.store.name, hint=_HINT)


def _replay(room: Room, *, restored: bool = False) -> int:
    """Erase again whom the list names and this file still holds, and heed the list up to its end."""
    heeded, end = _heeded(room), room.witness.size()
    if end == heeded:
        return 0
    if end < heeded and restored:
        heeded = 0  # whoever restores answers for a list that was lost, too; what is left of it counts
    last = {str(line["lookup"]): line for line in room.witness.lines(heeded)}
    count = 0
    for group in erasures.batches(list(last), GROUP):
        with room.store.transaction():
            count += _erase_again(room, {lookup: last[lookup] for lookup in group})
    with room.store.transaction():
        _heed(room, end)
    if count:
        room.store.erase_traces()
    return count


def _heed(room: Room, end: int) -> None:
    text = str(end)
    room.store.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_HEEDED, f"{text} {room.mark(_HEEDED, text)}"),
    )


def _heeded(room: Room) -> int:
    row = room.store.execute("SELECT value FROM meta WHERE name = ?", (_HEEDED,)).fetchone()
    if row is None:
        return 0
    text, _, mark = str(row[0]).partition(" ")
    if mark != room.mark(_HEEDED, text):
        raise IntegrityError("what it knows of the erased was changed", path=room.store.name)
    return int(text)


def _erase_again(room: Room, lines: Mapping[str, Mapping[str, Any]]) -> int:
    """Bring some erasures to where the list says they are; return how many consumers were back."""
    before = erasures.load(room, list(lines))
    wanted = {lookup: line for lookup, line in lines.items() if _is_behind(before.get(lookup), line)}
    people = find_many(room, list(wanted))
    outcomes = _delete(room, wanted, people)
    entries = [_entry(room, line, sum(outcomes[lookup][0].values())) for lookup, line in wanted.items()]
    first = room.log.append(entries)
    after = [
        _reached(wanted[lookup], people.get(lookup), (*outcomes[lookup], first + place))
        for place, lookup in enumerate(wanted)
    ]
    erasures.save(room, after)
    return len(people)


def _is_behind(before: Erasure | None, line: Mapping[str, Any]) -> bool:
    if before is None:
        return True
    return line["state"] != "begun" and _ORDER[before.state] < _ORDER[str(line["state"])]


def _delete(
    room: Room, wanted: Mapping[str, Mapping[str, Any]], people: Mapping[str, Consumer]
) -> dict[str, tuple[dict[str, int], dict[str, Any]]]:
    """Delete as each line says; return rows deleted and what was kept, by lookup."""
    begun = {lookup: each.number for lookup, each in people.items() if wanted[lookup]["state"] == "begun"}
    done = {lookup: each.number for lookup, each in people.items() if wanted[lookup]["state"] == "done"}
    held = held_rows(room, begun) if begun else {}
    numbers = [*begun.values(), *done.values()]
    deleted = dict(delete_people(room, numbers, held=held)) if numbers else {}
    outcomes: dict[str, tuple[dict[str, int], dict[str, Any]]] = {lookup: ({}, {}) for lookup in wanted}
    for lookup, number in (begun | done).items():
        kept = {name: one.facts() for name, one in held.get(number, {}).items()}
        outcomes[lookup] = (dict(deleted[number]), kept)
    for lookup, each in people.items():
        if wanted[lookup]["state"] == "kept":
            stay = wanted[lookup]["receipt"]["kept"]
            going = [table.name for table in room.schema.tables if table.name not in stay]
            outcomes[lookup] = (dict(delete_people(room, [each.number], held={}, tables=going)[each.number]), stay)
    return outcomes


def _reached(
    line: Mapping[str, Any], consumer: Consumer | None, outcome: tuple[dict[str, int], dict[str, Any], int]
) -> Erasure:
    lookup, state = str(line["lookup"]), str(line["state"])
    if state != "begun":
        # Whoever was enrolled after the backup has nothing here that could be kept.
        return Erasure(lookup, "done" if consumer is None else state, {}, line["receipt"])
    deleted, kept, index = outcome
    key = "" if consumer is None else hashlib.sha256(consumer.data_key).hexdigest()
    progress = {"begun": line["begun"], "key": key, "deleted": deleted, "kept": kept, "index": index}
    return Erasure(lookup, "reduced" if kept else "deleted", progress)


def _entry(room: Room, line: Mapping[str, Any], rows: int) -> dict[str, object]:
    return {
        "time": room.now(),
        "actor": "cartveil",
        "action": "erase",
        "purpose": "compliance",
        "subject": line["subject"],
        "rows": rows,
        "decision": "allow",
        "rule": "erased-before",
    }
