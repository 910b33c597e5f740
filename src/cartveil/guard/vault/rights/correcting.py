"""Correction (GDPR art. 16): other values in a consumer's rows, under the same key; the old ones are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cartveil.errors import ColumnError, InputError
from cartveil.events.kinds import Method
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.protect.rest import Sealing
from cartveil.guard.vault import journal
from cartveil.guard.vault.door.releases import release_pseudonyms
from cartveil.guard.vault.rights.erasing import Forget, sign_log
from cartveil.guard.vault.rights.rewriting import chosen, rewrite, seal_anew
from cartveil.guard.vault.room import Room, subject_text
from cartveil.guard.vault.rows.consumers import find_present, open_key, why_absent
from cartveil.guard.vault.rows.records import check_type
from cartveil.guard.vault.rows.resting import Resting, fetch
from cartveil.guard.vault.rows.tables import Stored, stored_table


@dataclass(frozen=True)
class Correction:
    """What is to be put right.

    Args:
        table: A table of the schema that names consumers.
        subject: The consumer's id, as text.
        values: Column to new value; text is read as the column's own type, None empties it.
        row: Which of the consumer's rows, counted from 0 in the order of reading; all if None.
    """

    table: str
    subject: str = field(repr=False)
    values: Mapping[str, object] = field(repr=False)
    row: int | None = None


def correct(room: Room, actor: Principal, wish: Correction, *, changed: Sequence[Forget]) -> dict[str, Any]:
    """Put right what is held of one consumer; see `Vault.correct`."""
    stored, subject = stored_table(room, wish.table), room.known(subject_text(wish.subject))
    _check_columns(stored, wish.values)
    request, decision = _ask(room, actor, stored, (subject, list(wish.values)))
    with room.store.transaction():
        count = _correct(room, stored, wish, (subject, request, decision))
        note = None if count is None else sign_log(room)
    if count is None:
        journal.deny(room, request, rules=("unknown-consumer",), subject=subject)
        raise why_absent(room, room.lookup(subject))
    room.witness.keep(note)
    # Only what leaves in releases can have been learned from.
    learned = any(stored.table.column(name).purposes for name in wish.values)
    try:
        told = [dict(each(release_pseudonyms(room, subject))) for each in changed] if learned else []
    finally:  # whatever happens to those who are told, the old values go
        room.store.erase_traces()
    return {"rows": count, "fields": list(wish.values), "changed": told}


def _ask(room: Room, actor: Principal, stored: Stored, what: tuple[str, list[str]]) -> tuple[Request, Decision]:
    subject, names = what
    own = actor.role == "consumer"
    about: dict[str, object] = {"fields": names, "purpose": "self_service" if own else "compliance"}
    about["own_record"] = own and room.known(actor.name) == subject
    request, decision = journal.ask(room, actor, "correct", table=stored.table, about=about)
    if not decision.allowed:
        raise journal.refuse(room, request, decision, subject=subject)
    return request, decision


def _correct(room: Room, stored: Stored, wish: Correction, asked: tuple[str, Request, Decision]) -> int | None:
    """Correct inside the caller's transaction; return how many rows, or None where nobody is there."""
    subject, request, decision = asked
    consumer = find_present(room, room.lookup(subject))
    if consumer is None:
        return None
    resting = _rows(fetch(room, stored, [spec.name for _, spec in stored.columns()], consumer=consumer.number), wish)
    journal.write(room, request, decision, rows=len(resting), subject=subject)
    key = open_key(room, consumer, subject)
    sealing = Sealing([key], pa.array(resting.rows, pa.int64()), [0] * len(resting))
    fresh = {}
    for name, value in wish.values.items():
        clear = _column(stored, name, value, len(resting))
        fresh[name] = seal_anew(room, resting, name, clear, sealing=sealing)
    rewrite(room, resting, fresh)
    return len(resting)


def _rows(resting: Resting, wish: Correction) -> Resting:
    if wish.row is None:
        return resting
    if not isinstance(wish.row, int) or not 0 <= wish.row < len(resting):
        hint = f"there are {len(resting)}, counted from 0 in the order of reading"
        raise InputError("the consumer has no such row", path=f"{wish.table}[{wish.row}]", hint=hint)
    return chosen(resting, [wish.row])


def _column(stored: Stored, name: str, value: object, count: int) -> pa.Array:
    path = f"{stored.table.name}.{name}"
    try:
        column = pa.array([value] * count)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError):
        raise ColumnError("a value of this type cannot be stored", path=path) from None
    if value is not None and pa.types.is_null(stored.types.get(name, pa.string())):
        raise ColumnError("this column has held nothing yet", path=path, hint="put rows with values first")
    return check_type(column, stored.types.get(name), path)


def _check_columns(stored: Stored, values: Mapping[str, object]) -> None:
    if stored.subject is None:
        raise InputError("a table without consumers has nothing of theirs", path=stored.table.name)
    if not isinstance(values, Mapping) or not values:
        raise InputError("nothing to correct", hint="name a field and its new value")
    for name in values:
        path, spec = f"{stored.table.name}.{name}", stored.table.column(name)
        if spec is stored.subject:
            raise InputError("a consumer's id is not corrected", path=path, hint="erase, and put under the new id")
        if spec.protect.method in (Method.DROP, Method.REFUSE):
            raise InputError("this field is not stored", path=path)
