"""Rotation: a new wrapping key for everyone, while the shop is open, and the end of the old one.

A consumer's data key stays what it is; only what it is wrapped by changes, so that no row is touched. It is done in
steps that survive a kill between any two of them:

1. the log says who rotates, and the vault that a rotation is under way;
2. the keyring's file gets the new key; programs that have the old file open read it again when they meet the new one;
3. the vault says that new consumers are wrapped by the new key;
4. everyone else is wrapped anew, some at a time: read, wrapped outside of any transaction, and written where the old
   wrap still stands;
5. the vault says that it is done.

Rotating again resumes where it stopped. Then the old key can be destroyed, which is what makes old wraps in backups
and in a server's WAL worth nothing.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow.compute as pc

from cartveil.errors import DecryptionError, InputError, IntegrityError, KeyringError, StorageError
from cartveil.events.kinds import Kind
from cartveil.guard.keys.lock import Lock
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.rights.erasing import sign_log
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.versions import check_versions, read_versions, write_versions

#: Told how many consumers are done, and of how many.
Progress = Callable[[int, int], object]

#: Consumers that are wrapped anew at a time; others write between two times.
CHUNK = 8192

#: Consumers per statement; three values each stay below SQLite's limit of variables.
_AT_ONCE = 1024


#: Stands in the log before the version that a rotation goes towards.
_TOWARDS = "towards wrapping-"


@dataclass(frozen=True)
class Rotation:
    """What was done: the version that wraps from now on, consumers wrapped anew, ids of the keys destroyed."""

    version: int
    rewrapped: int
    destroyed: tuple[str, ...] = ()


def rotate(room: Room, actor: Principal, *, destroy_old: bool, on_progress: Progress | None) -> Rotation:
    """Wrap every consumer's key by a new one; see `Vault.rotate_keys`."""
    request, decision = _ask(room, actor)
    check_versions(room)
    target = _begin(room, request, decision)
    if room.keyring.version < target:
        room.keyring.rotate(after=target - 1)
    with room.store.transaction():
        known = read_versions(room)
        write_versions(room, replace(known, version=max(known.version, target)))
    done = _rewrap_all(room, target, on_progress)
    with room.store.transaction():
        known = read_versions(room)
        if known.towards == target:  # another program may have begun the next one meanwhile
            write_versions(room, replace(known, towards=None))
        note = sign_log(room)
    room.witness.keep(note)
    return Rotation(target, done, _destroy_old(room, request, decision) if destroy_old else ())


def destroy_old(room: Room, actor: Principal) -> tuple[str, ...]:
    """Destroy every retired wrapping key; see `Vault.destroy_old_keys`."""
    request, decision = _ask(room, actor)
    check_versions(room)
    return _destroy_old(room, request, decision)


def require(room: Room, actor: Principal, version: int) -> None:
    """Let only newer wrapping keys open; see `Vault.require_keys`."""
    request, decision = _ask(room, actor)
    check_versions(room)
    if not isinstance(version, int) or not 1 <= version <= room.keyring.version:
        raise InputError(f"must be from 1 to {room.keyring.version}", path="version", hint="`cartveil keys` lists them")
    if version > room.keyring.min_version:
        _refuse_unfinished(room, _older_than(room, version), version)
    with room.store.transaction():
        journal.write(room, _naming(request, "require", [version]), decision)
    room.keyring.require(version)


def relock(room: Room, actor: Principal, lock: Lock | str) -> None:
    """Lock the keyring anew; see `Vault.relock_keys`."""
    request, decision = _ask(room, actor)
    with room.store.transaction():
        journal.write(room, replace(request, fields=(("relock", Kind.SECRET),)), decision)
    room.keyring.relock(lock)


def check_log(room: Room) -> None:
    """Compare what the vault knows of its keys with the rotations that the log tells of.

    Raises:
        IntegrityError: The log tells of a later one: somebody put back what the vault knew before.
    """
    log, known = room.log.events(), read_versions(room)
    log = log.filter(pc.and_(pc.equal(log["action"], "rotate"), pc.equal(log["decision"], "allow")))
    said = (name.rpartition(_TOWARDS) for names in log["fields"].to_pylist() for name in names)
    newest = max((int(version) for _, found, version in said if found), default=1)
    if newest > max(known.version, known.towards or 0):
        hint = "restore the vault from a backup, and find out who changed it"
        raise IntegrityError("what it knows of its keys is older than its log", path=room.store.name, hint=hint)


def _ask(room: Room, actor: Principal) -> tuple[Request, Decision]:
    request, decision = journal.ask(room, actor, "rotate", table=None, about={"purpose": "security"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision)
    return request, decision


def _naming(request: Request, what: str, versions: Sequence[int]) -> Request:
    """Return a request whose entry in the log names keys, where another one names fields."""
    return replace(request, fields=tuple((f"{what} wrapping-{version}", Kind.SECRET) for version in versions))


def _begin(room: Room, request: Request, decision: Decision) -> int:
    """Write down that a rotation begins, or goes on; return the version that it goes towards."""
    waiting = _older_than(room, _target(room))  # counted before: nobody should have to wait for that
    with room.store.transaction():
        target = _target(room)
        write_versions(room, replace(read_versions(room), towards=target))
        journal.write(room, _naming(request, "towards", [target]), decision, rows=waiting)
    return target


def _target(room: Room) -> int:
    known, newest = read_versions(room), room.keyring.version
    # A keyring that is ahead is that of a vault restored from a backup.
    return max(known.version, newest) + 1 if known.towards is None else max(known.towards, newest)


def _rewrap_all(room: Room, target: int, on_progress: Progress | None) -> int:
    total, done = _older_than(room, target), 0
    left = total
    while left:
        for chunk in _chunks(room, target):
            done += _rewrap(room, chunk)
            if on_progress is not None:
                on_progress(done, max(total, done))
        # A program that was still at an earlier rotation may have wrapped somebody behind our back: once more.
        before, left = left, _older_than(room, target)
        if left >= before:
            raise StorageError(f"{left} consumers cannot be wrapped anew", path=room.store.name)
    return done


def _rewrap(room: Room, chunk: Sequence[tuple[int, bytes]]) -> int:
    """Wrap some consumers' keys anew; return how many."""
    try:
        fresh = room.keyring.rewrap_many([wrapped for _, wrapped in chunk])
    except DecryptionError:
        hint = "`cartveil verify` says more; restore the vault from a backup, then rotate again"
        raise IntegrityError("a consumer's wrapped key was changed", path=room.store.name, hint=hint) from None
    changes = [(new, number, old) for (number, old), new in zip(chunk, fresh, strict=True)]
    with room.store.transaction():
        return sum(_update(room, changes[start : start + _AT_ONCE]) for start in range(0, len(changes), _AT_ONCE))


def _chunks(room: Room, target: int) -> Iterator[list[tuple[int, bytes]]]:
    """Return number and wrapped key of everyone who is wrapped by an older key, some at a time."""
    after = 0
    query = "SELECT id, data_key FROM consumers WHERE id > ? AND substr(data_key, 1, 4) < ? ORDER BY id LIMIT ?"
    while rows := room.store.execute(query, (after, _front(target), CHUNK)).fetchall():
        chunk = [(int(number), bytes(wrapped)) for number, wrapped in rows]
        if chunk[-1][0] <= after:  # in a damaged file rows can come round again, for ever
            raise IntegrityError("consumers are out of order", path=room.store.name)
        after = chunk[-1][0]
        yield chunk


def _update(room: Room, changes: Sequence[tuple[bytes, int, bytes]]) -> int:
    """Write new wraps where the old ones still stand: a consumer may have been erased or rotated meanwhile."""
    lines = ",".join(["(?, ?, ?)"] * len(changes))
    query = (
        "UPDATE consumers SET data_key = fresh.column1 "  # noqa: S608 - marks only
        f"FROM (VALUES {lines}) AS fresh WHERE consumers.id = fresh.column2 AND consumers.data_key = fresh.column3"
    )
    return room.store.execute(query, [value for change in changes for value in change]).rowcount


def _destroy_old(room: Room, request: Request, decision: Decision) -> tuple[str, ...]:
    known = read_versions(room)
    _refuse_unfinished(room, _older_than(room, known.version), known.version)
    retired = range(known.destroyed + 1, known.version)
    if not retired:
        return ()
    with room.store.transaction():
        journal.write(room, _naming(request, "destroy", retired), decision)
    names = tuple(f"wrapping-{version}" for version in retired)
    for name in names:
        room.keyring.destroy(name)
    with room.store.transaction():  # last: a vault that knew first would refuse a keyring that was not changed yet
        write_versions(room, replace(read_versions(room), destroyed=known.version - 1))
    return names


def _refuse_unfinished(room: Room, left: int, version: int) -> None:
    if left or read_versions(room).towards is not None:
        hint = "rotate again: it goes on where it stopped"
        raise KeyringError(
            f"{left} consumers have a key older than `wrapping-{version}`", path=room.store.name, hint=hint
        )


def _older_than(room: Room, version: int) -> int:
    """Return how many consumers are wrapped by an older key; versions are big-endian, so they sort as bytes."""
    query = "SELECT count(*) FROM consumers WHERE substr(data_key, 1, 4) < ?"
    return int(room.store.execute(query, (_front(version),)).fetchone()[0])


def _front(version: int) -> bytes:
    return struct.pack(">I", version)
