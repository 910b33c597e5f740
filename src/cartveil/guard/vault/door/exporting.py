"""Export: a table leaves as events that name nobody, for one purpose and one recipient, as far as consent goes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cartveil.errors import InputError, RefusedError
from cartveil.events.kinds import Role
from cartveil.events.protected import ProtectedEvents
from cartveil.events.schema import Column, Table
from cartveil.guard.keys import SecretKey
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.protect.appraisal import appraise_events
from cartveil.guard.protect.plan import Subjects, plan, protect_events
from cartveil.guard.protect.rest import Sealing
from cartveil.guard.protect.risk import ReleaseReport, Study, refuse_above
from cartveil.guard.protect.steps import Scope
from cartveil.guard.vault import journal
from cartveil.guard.vault.room import Room, label
from cartveil.guard.vault.rows import restricting
from cartveil.guard.vault.rows.consent import consenting
from cartveil.guard.vault.rows.consumers import exchanged, ids_of, lookups_of
from cartveil.guard.vault.rows.resting import Resting, check_marks, fetch_chunks, opened, subject_column
from cartveil.guard.vault.rows.tables import Stored, stored_table

#: Purposes that need no consumer: demand by product, not habits of people.
WITHOUT_SUBJECTS = frozenset({"forecast"})

#: Everybody but those whose erasure has begun.
_PRESENT = (
    "SELECT id, data_key, subject, lookup FROM consumers WHERE lookup NOT IN (SELECT lookup FROM erasures) ORDER BY id"
)

#: What the log names where limits of the schema forbade a release.
LIMITS_RULE = "schema-limits"

#: Parts of an event that an export needs besides its consumer.
_PARTS = (Role.SUBJECT, Role.TIME, Role.ITEM)


@dataclass(frozen=True)
class Export:
    """What left.

    Args:
        events: Pseudonyms, items, coarse times and amounts.
        counts: `consumers` and `events` that left, `without_consent` consumers who were left out.
        report: What the release gives away and what it lost; None where nobody asked and the schema has no limits.
    """

    events: ProtectedEvents
    counts: Mapping[str, int]
    report: ReleaseReport | None = None


def export(room: Room, actor: Principal, scope: Scope, *, table: str | None, study: Study | None = None) -> Export:
    """Release a table of events; see `Vault.export`."""
    for word, what in ((scope.recipient, "recipient"), (scope.period, "period")):
        if not isinstance(word, str):
            raise InputError("must be text", path=what, hint="a short name")
        label(word, what=what)
    if not scope.recipient:
        raise InputError("an export needs a recipient", hint="name who gets it; pseudonyms are made for them alone")
    stored = stored_table(room, table or _events_table(room))
    request, decision, everybody = _decide(room, actor, stored.table, scope.purpose)
    if not decision.allowed:
        raise journal.refuse(room, request, decision, session=whereto(scope))
    with room.store.transaction():
        # Everything is read within one transaction, so that no erasure slips between consent and rows.
        agreed = None if everybody else consenting(room, scope.purpose)
        people = _consumers(room, agreed)
        clear = _clear_rows(room, stored, people, purpose=scope.purpose)
        subjects: Subjects = "none" if scope.purpose in WITHOUT_SUBJECTS else "pseudonym"
        events = protect_events(
            clear, stored.table, derive=room.keyring.derive, scope=scope, finder=room.finder, subjects=subjects
        )
        report = _measured(room, stored.table, (clear, events), study)
        above = _above(room, stored.table, report)
        if above is None:
            _remember(room, scope)
            journal.write(room, request, decision, rows=len(events), session=whereto(scope))
    if above is not None:
        journal.deny(room, request, rules=(LIMITS_RULE,), rows=len(events), session=whereto(scope))
        raise above
    return Export(events, _counts(room, stored, (events, people)), report)


def _measured(
    room: Room, table: Table, before_after: tuple[pa.Table, ProtectedEvents], study: Study | None
) -> ReleaseReport | None:
    """Return the report on a release, where somebody asked for it or the schema sets limits."""
    limits = room.schema.limits
    if study is None and not limits:
        return None
    clear, events = before_after
    return appraise_events(clear, events, table, limits=limits, study=study or Study())


def _above(room: Room, table: Table, report: ReleaseReport | None) -> RefusedError | None:
    """Return why the schema's limits forbid a release, or None where they do not."""
    if report is None:
        return None
    try:
        refuse_above(report, room.schema.limits, path=table.name)
    except RefusedError as error:
        return error
    return None


def scopes(room: Room) -> list[Scope]:
    """Return whom consumers' pseudonyms were ever released to."""
    query = "SELECT purpose, recipient, period FROM releases ORDER BY purpose, recipient, period"
    return [Scope(*row) for row in room.store.execute(query)]


def whereto(scope: Scope) -> str:
    """Return what the log calls a release beside its purpose: `recipient/period`, a slash within either as `%2F`."""
    return "/".join(part.replace("/", "%2F") for part in (scope.recipient, scope.period))


def _events_table(room: Room) -> str:
    """Return the first table that has consumers, times and items."""
    for table in room.schema.tables:
        if all(table.by_role(role) is not None for role in _PARTS):
            return table.name
    hint = "give columns of one table the roles `subject`, `time` and `item`"
    raise InputError("no table holds events", path=room.schema.name, hint=hint)


def _decide(room: Room, actor: Principal, table: Table, purpose: str) -> tuple[Request, Decision, bool]:
    """Ask for everybody first, then for those who consented; return also whether everybody may leave."""
    about: dict[str, object] = {"purpose": purpose, "consent": False}
    request, decision = journal.ask(room, actor, "export", table=table, about=about)
    if decision.allowed:
        return request, decision, True
    request, decision = journal.ask(room, actor, "export", table=table, about={**about, "consent": True})
    return request, decision, False


@dataclass(frozen=True)
class _People:
    """The consumers of an export, by number."""

    place: Mapping[int, int]  # number to place in the lists
    ids: pa.Array
    keys: list[SecretKey]
    left_out: frozenset[int]


def _consumers(room: Room, agreed: set[int] | None) -> _People:
    closed = restricting.restricted_numbers(room)  # whose use is restricted leaves for no purpose
    rows = [row for row in room.store.execute(_PRESENT).fetchall() if row[0] not in closed]
    left_out = frozenset(number for number, *_ in rows if agreed is not None and number not in agreed)
    going = [row for row in rows if row[0] not in left_out]
    numbers, ids, keys = ids_of(room, (row[:3] for row in going))
    # Who is restricted or erased goes by code: one that was exchanged would let somebody else out.
    if lookups_of(room, ids) != [row[3] for row in going]:
        raise exchanged(room)
    return _People({number: place for place, number in enumerate(numbers)}, ids, keys, left_out)


def _clear_rows(room: Room, stored: Stored, people: _People, *, purpose: str) -> pa.Table:
    """Return the rows of these consumers with the columns that may leave for this purpose."""
    leaving = [column for column, _ in plan(stored.table, purpose=purpose).steps]
    names = [column.name for column in leaving]
    check_marks(room, stored)  # what rests in the clear says nothing by itself of who wrote it, or whose it is
    chunks = [_clear_chunk(room, resting, people, leaving) for resting in fetch_chunks(room, stored, names)]
    if not chunks:
        hint = "put data into it first"
        raise RefusedError("table is empty", path=stored.table.name, hint=hint)
    return pa.concat_tables(chunks)


def _clear_chunk(room: Room, resting: Resting, people: _People, leaving: list[Column]) -> pa.Table:
    places = [people.place.get(owner, -1) if owner is not None else -1 for owner in resting.owners]
    kept = [row for row, place in enumerate(places) if place >= 0]
    chosen = _only(resting, kept)
    owners = np.array([places[row] for row in kept], np.int64)
    here, index = np.unique(owners, return_inverse=True)
    keys = [people.keys[place] for place in here]
    sealing = Sealing(keys or people.keys[:1], pa.array(chosen.rows, pa.int64()), index.tolist())
    columns = opened(room, chosen, sealing)
    subject = resting.stored.subject
    if subject is not None and any(column.name == subject.name for column in leaving):
        columns[subject.name] = subject_column(resting.stored, people.ids.take(pa.array(owners, pa.int64())))
    return pa.table({column.name: columns[column.name] for column in leaving if column.name in columns})


def _only(resting: Resting, kept: list[int]) -> Resting:
    if len(kept) == len(resting):
        return resting
    cells = tuple(tuple(column[row] for row in kept) for column in resting.cells)
    rows, owners = tuple(resting.rows[row] for row in kept), tuple(resting.owners[row] for row in kept)
    return Resting(resting.stored, resting.specs, rows, owners, cells)


def _remember(room: Room, scope: Scope) -> None:
    made = (*scope.names(), room.now().isoformat())
    room.store.execute(
        "INSERT INTO releases (purpose, recipient, period, made) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (purpose, recipient, period) DO UPDATE SET made = excluded.made",
        made,
    )


def _counts(room: Room, stored: Stored, outcome: tuple[ProtectedEvents, _People]) -> dict[str, int]:
    events, people = outcome
    query = f"SELECT DISTINCT consumer FROM records_{stored.number}"  # noqa: S608 - made-up name
    present = {owner for (owner,) in room.store.execute(query)}
    return {
        "consumers": len(present & people.place.keys()),
        "events": len(events),
        "without_consent": len(present & people.left_out),
    }
