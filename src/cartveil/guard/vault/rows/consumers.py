"""The consumers of a vault: a keyed code to find each, one wrapped data key each, and the ones who were erased.

A consumer's id is stored once, sealed under their own key; tables refer to it by number. Who holds the file can tell
neither who is in it nor, without the keyring, whether a given person is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ErasedError, IntegrityError, UnknownSubjectError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.pseudonym import pseudonym
from cartveil.guard.protect.seal import Place, seal, unseal
from cartveil.guard.vault.room import WHOLE_WITH_POINT, Room
from cartveil.guard.vault.rows.versions import follow

#: Lookups per question to SQLite, below its limit of variables.
_AT_ONCE = 5000

_ERASED_HINT = "the data is gone for good; `cartveil verify` checks the receipt"


@dataclass(frozen=True)
class Consumer:
    """One consumer as the vault knows them, the key still wrapped."""

    number: int
    data_key: bytes
    subject: bytes  # the id, sealed


def lookups_of(room: Room, subjects: pa.Array) -> list[str]:
    """Return the codes of many consumers at once."""
    return _codes(room, known_ids(room, subjects))


def known_ids(room: Room, subjects: pa.Array) -> pa.Array:
    """Return many ids as the vault writes them; see `Room.known`."""
    trimmed = pc.utf8_trim_whitespace(subjects)
    normal = pc.replace_substring_regex(trimmed, WHOLE_WITH_POINT, r"\1")
    if normal.equals(subjects):
        return subjects
    other = pc.not_equal(normal, subjects)
    codes = _codes(room, subjects.filter(other))
    parts = (codes[start : start + _AT_ONCE] for start in range(0, len(codes), _AT_ONCE))
    kept = {lookup for part in parts for lookup in _kept(room, part)}
    stays = iter([code in kept for code in codes])
    return pc.if_else(pa.array([each and not next(stays) for each in other.to_pylist()]), normal, subjects)


def _kept(room: Room, codes: Sequence[str]) -> list[str]:
    """Return which codes are in use, or belong to somebody who was erased."""
    marks = ",".join("?" * len(codes))
    one = f"SELECT lookup FROM {{}} WHERE lookup IN ({marks})"  # noqa: S608 - marks only
    query = f"{one.format('consumers')} UNION ALL {one.format('erasures')}"
    return [lookup for (lookup,) in room.store.execute(query, (*codes, *codes))]


def _codes(room: Room, subjects: pa.Array) -> list[str]:
    return list(pseudonym(subjects, room.keyring.derive("subject lookup")).to_pylist())


def is_erased(room: Room, lookup: str) -> bool:
    """Return whether this consumer was erased, or is being erased."""
    return room.store.execute("SELECT 1 FROM erasures WHERE lookup = ?", (lookup,)).fetchone() is not None


def find_present(room: Room, lookup: str) -> Consumer | None:
    """Return a consumer, or None where there is none or an erasure has begun."""
    return None if is_erased(room, lookup) else find(room, lookup)


def find(room: Room, lookup: str) -> Consumer | None:
    """Return a consumer, even one who is being erased, or None."""
    query = "SELECT id, data_key, subject FROM consumers WHERE lookup = ?"
    row = room.store.execute(query, (lookup,)).fetchone()
    return None if row is None else Consumer(int(row[0]), bytes(row[1]), bytes(row[2]))


def why_absent(room: Room, lookup: str) -> ErasedError | UnknownSubjectError:
    """Return the error for a consumer who is not there."""
    if is_erased(room, lookup):
        return ErasedError("this consumer was erased", hint=_ERASED_HINT)
    return UnknownSubjectError("no such consumer", hint="check the id, and that their data was put")


def refuse_erased(room: Room, lookups: Sequence[str]) -> None:
    """Refuse data of consumers who were erased; says how many, not who."""
    erased = {lookup for (lookup,) in room.store.execute("SELECT lookup FROM erasures")}
    count = len(erased.intersection(lookups)) if erased else 0
    if count:
        hint = "leave their rows out of the data; an erasure is for good"
        raise ErasedError(f"{count} consumers of this data were erased", hint=hint)


def enrol(room: Room, subjects: pa.Array) -> tuple[list[int], list[SecretKey]]:
    """Return number and data key of each consumer, new ones added.

    Args:
        room: The vault, inside a transaction.
        subjects: Distinct ids as text, without NULL.

    Raises:
        ErasedError: Some were erased.
    """
    lookups = lookups_of(room, subjects)
    refuse_erased(room, lookups)
    known = find_many(room, lookups)
    keys = dict(zip(known, check_ids(room, known), strict=True))
    new = [place for place, lookup in enumerate(lookups) if lookup not in known]
    numbers = {lookup: consumer.number for lookup, consumer in known.items()}
    if new:
        fresh = [lookups[place] for place in new]
        made, first = _add(room, fresh, subjects.take(pa.array(new)))
        keys |= zip(fresh, made, strict=True)
        numbers |= zip(fresh, range(first, first + len(fresh)), strict=True)
    return [numbers[lookup] for lookup in lookups], [keys[lookup] for lookup in lookups]


def subject_place(room: Room) -> Place:
    """Return where consumers' own ids are bound to."""
    return Place(room.keyring.tenant, "", "subject")


def ids_of(room: Room, rows: Iterable[tuple[int, bytes, bytes]]) -> tuple[list[int], pa.Array, list[SecretKey]]:
    """Return numbers, clear ids and data keys of consumers.

    Args:
        room: The vault.
        rows: Number, wrapped key and sealed id of each.
    """
    listed = list(rows)
    numbers = [number for number, _, _ in listed]
    keys = room.keyring.unwrap_many([wrapped for _, wrapped, _ in listed])
    sealed = pa.array([subject for _, _, subject in listed], pa.binary())
    return numbers, unseal(sealed, keys, place=subject_place(room), rows=pa.array(numbers, pa.int64())), keys


def open_key(room: Room, consumer: Consumer, subject: str) -> SecretKey:
    """Return the key of a consumer who was found under a code.

    Raises:
        IntegrityError: The code leads to somebody else: someone changed the file.
    """
    _, ids, (key,) = ids_of(room, [(consumer.number, consumer.data_key, consumer.subject)])
    if ids[0].as_py() != room.known(subject):
        raise exchanged(room)
    return key


def check_consumers(room: Room) -> int:
    """Open every key and id and compare the ids with their codes; return the number of consumers.

    Raises:
        IntegrityError: A code leads to somebody else.
        DecryptionError: A key or an id was changed.
    """
    rows = room.store.execute("SELECT lookup, id, data_key, subject FROM consumers ORDER BY id").fetchall()
    check_ids(room, {lookup: Consumer(number, bytes(key), bytes(subject)) for lookup, number, key, subject in rows})
    return len(rows)


def check_ids(room: Room, found: Mapping[str, Consumer]) -> list[SecretKey]:
    """Compare the id that each consumer keeps sealed with the code that they were found under; return their keys.

    Raises:
        IntegrityError: A code leads to somebody else.
    """
    _, ids, keys = ids_of(room, ((each.number, each.data_key, each.subject) for each in found.values()))
    if lookups_of(room, ids) != list(found):
        raise exchanged(room)
    return keys


def exchanged(room: Room) -> IntegrityError:
    """Return the error for a code that leads to somebody else."""
    hint = "restore the vault from a backup, and find out who changed it"
    return IntegrityError("a consumer was exchanged for another", path=room.store.name, hint=hint)


def find_many(room: Room, lookups: Sequence[str]) -> dict[str, Consumer]:
    """Return the consumers that are there, even those being erased, by lookup."""
    known: dict[str, Consumer] = {}
    for start in range(0, len(lookups), _AT_ONCE):
        some = lookups[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        query = f"SELECT lookup, id, data_key, subject FROM consumers WHERE lookup IN ({marks})"  # noqa: S608 - marks only
        for lookup, number, data_key, subject in room.store.execute(query, some):
            known[lookup] = Consumer(int(number), bytes(data_key), bytes(subject))
    return known


def _add(room: Room, lookups: Sequence[str], subjects: pa.Array) -> tuple[list[SecretKey], int]:
    # Numbers are never used twice, so that no row can fall to somebody else.
    query = "SELECT CAST(value AS INTEGER) + 1 FROM meta WHERE name = 'last consumer'"
    (first,) = room.store.execute(query).fetchone()
    follow(room)
    keys, wrapped = room.keyring.new_data_keys(len(lookups))
    numbers = range(first, first + len(lookups))
    sealed = seal(subjects, keys, place=subject_place(room), rows=pa.array(numbers, pa.int64())).to_pylist()
    rows = zip(numbers, lookups, wrapped, sealed, strict=True)
    room.store.insert("consumers", ("id", "lookup", "data_key", "subject"), rows)
    room.store.execute("UPDATE meta SET value = ? WHERE name = 'last consumer'", (str(numbers[-1]),))
    return keys, first
