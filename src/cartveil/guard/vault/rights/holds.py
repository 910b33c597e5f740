"""Holds: what must be kept although its consumer wants it gone, on which ground, and for how long.

A hold is on one consumer, on one table, or on one consumer's rows of one table; on all rows, or on those that are
younger than some days, as tax law has it for invoices. Each carries a mark, so that nobody without the keyring can
write one into the file.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from cartveil.errors import InputError, IntegrityError
from cartveil.guard.policy import Principal
from cartveil.guard.vault import journal
from cartveil.guard.vault.receipt import canonical
from cartveil.guard.vault.room import Room, subject_text
from cartveil.guard.vault.rows.ages import are_before, time_column
from cartveil.guard.vault.rows.erasures import batches, marks
from cartveil.guard.vault.rows.tables import Stored, stored_table

TABLES = """
CREATE TABLE holds (
  id TEXT PRIMARY KEY, lookup TEXT NOT NULL, subject TEXT NOT NULL, place TEXT NOT NULL, ground TEXT NOT NULL,
  placed TEXT NOT NULL, until TEXT NOT NULL, days INTEGER NOT NULL, mark TEXT NOT NULL
) STRICT;
"""

_COLUMNS = ("id", "lookup", "subject", "place", "ground", "placed", "until", "days")

#: Days that a hold by age can reach back: a century.
MOST_DAYS = 36_525


class Ground(StrEnum):
    """Why data is kept; GDPR art. 17(3) and the laws it points to."""

    TAX = "tax"
    LEGAL_OBLIGATION = "legal_obligation"
    LEGAL_CLAIM = "legal_claim"
    INVESTIGATION = "investigation"
    PUBLIC_INTEREST = "public_interest"


@dataclass(frozen=True)
class Hold:
    """One hold.

    Args:
        id: Its name.
        lookup: Whose rows, as a code; empty for everybody's.
        subject: The same consumer, as the log calls them.
        place: Which table; empty for all.
        ground: One of `Ground`.
        placed: When, in ISO 8601.
        until: The last day, in ISO 8601; empty until it is lifted.
        days: Only rows younger than that; 0 for all.
    """

    id: str
    lookup: str = field(repr=False)
    subject: str
    place: str
    ground: str
    placed: str
    until: str
    days: int


@dataclass(frozen=True)
class Held:
    """Rows of one consumer in one table that must be kept."""

    rows: frozenset[int]
    grounds: frozenset[str]
    until: str  # empty where nobody knows

    def __or__(self, other: "Held") -> "Held":
        until = max(self.until, other.until) if self.until and other.until else ""
        return Held(self.rows | other.rows, self.grounds | other.grounds, until)

    def facts(self) -> dict[str, object]:
        """Return what a receipt says of it."""
        return {"rows": len(self.rows), "ground": " ".join(sorted(self.grounds)), "until": self.until}


def place_hold(room: Room, actor: Principal, hold: Mapping[str, Any]) -> Hold:
    """Place a hold; see `Vault.hold`."""
    subject = None if hold["subject"] is None else room.known(subject_text(hold["subject"]))
    made = _made(room, subject, hold)
    request, decision = journal.ask(room, actor, "hold", table=None, about={"purpose": "compliance"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision, subject=subject)
    with room.store.transaction():
        room.store.insert("holds", (*_COLUMNS, "mark"), [(*asdict(made).values(), _mark(room, made))])
        journal.write(room, request, decision, named=made.subject, case=made.id)
    return made


def lift_hold(room: Room, actor: Principal, ident: str) -> None:
    """Lift a hold; see `Vault.lift_hold`."""
    request, decision = journal.ask(room, actor, "hold", table=None, about={"purpose": "compliance"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision)
    with room.store.transaction():  # two who lift the same hold at once: it is lifted, and written down, once
        found = next((each for each in all_holds(room) if each.id == ident), None)
        if found is None:
            raise InputError("no such hold", hint="`cartveil holds` lists them")
        room.store.execute("DELETE FROM holds WHERE id = ?", (ident,))
        journal.write(room, request, decision, named=found.subject, case=ident)


def all_holds(room: Room) -> list[Hold]:
    """Return all holds, ended ones too.

    Raises:
        IntegrityError: One was changed.
    """
    query = f"SELECT {', '.join(_COLUMNS)}, mark FROM holds ORDER BY placed, id"  # noqa: S608 - names above
    found = [(Hold(*row[:-1]), row[-1]) for row in room.store.execute(query).fetchall()]
    for hold, mark in found:
        if mark != _mark(room, hold):
            raise IntegrityError("a hold was changed", path=room.store.name)
    return [hold for hold, _ in found]


def active_holds(room: Room) -> list[Hold]:
    """Return the holds that have not ended."""
    today = room.now().date().isoformat()
    return [hold for hold in all_holds(room) if not hold.until or hold.until >= today]


def held_rows(room: Room, people: Mapping[str, int]) -> dict[int, dict[str, Held]]:
    """Return what must be kept of some consumers, by number and table.

    Args:
        room: The vault.
        people: Lookup to number.
    """
    held: dict[int, dict[str, Held]] = {}
    for hold in active_holds(room):
        concerned = [number for lookup, number in people.items() if hold.lookup in ("", lookup)]
        for table in room.schema.tables:
            if concerned and hold.place in ("", table.name):
                _add(held, stored_table(room, table.name), _rows(room, stored_table(room, table.name), hold, concerned))
    return held


def _made(room: Room, subject: str | None, hold: Mapping[str, Any]) -> Hold:
    table, days, until = hold["table"] or "", hold["days"] or 0, hold["until"]
    _check_span(days, until)
    if subject is None and not table:
        raise InputError("a hold is on a consumer, on a table, or both", hint="name one")
    if table:
        room.schema.table(table)
    if table and days and time_column(stored_table(room, table)) is None:
        raise InputError("rows of this table have no age", path=table, hint="hold it without `days`")
    if days and not table:
        raise InputError("`days` is the age of rows of one table", path="days", hint="name the table")
    try:
        ground = Ground(hold["ground"])
    except ValueError:
        raise InputError("unknown ground", path="ground", hint=f"known: {', '.join(Ground)}") from None
    return Hold(
        secrets.token_hex(4),
        "" if subject is None else room.lookup(subject),
        "" if subject is None else room.audit_name(subject),
        table,
        str(ground),
        room.now().isoformat(),
        "" if until is None else until.isoformat(),
        days,
    )


def _check_span(days: object, until: object) -> None:
    """Refuse a hold that no calendar can tell the end of: every erasure would fail on it."""
    if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= MOST_DAYS:
        raise InputError(f"must be a whole number up to {MOST_DAYS}", path="days", hint="such as 3650 for ten years")
    if until is not None and (not isinstance(until, date) or isinstance(until, datetime)):
        raise InputError("must be a date", path="until", hint="such as `date(2036, 12, 31)`")


def _rows(room: Room, stored: Stored, hold: Hold, numbers: Sequence[int]) -> list[tuple[int, int, Hold]]:
    """Return consumer and row of each row under a hold."""
    column = time_column(stored) if hold.days else None
    cell = next((sql for sql, spec in stored.columns() if spec is column), "NULL")
    found: list[tuple[int, int, Hold]] = []
    for some in batches(numbers):
        query = f"SELECT consumer, row, {cell} FROM records_{stored.number} WHERE consumer IN ({marks(some)})"  # noqa: S608 - made-up names
        lines = room.store.execute(query, some).fetchall()
        old = _old(room, stored, hold, [line[2] for line in lines])
        found += [(owner, row, hold) for (owner, row, _), gone in zip(lines, old, strict=True) if not gone]
    return found


def _old(room: Room, stored: Stored, hold: Hold, cells: Sequence[Any]) -> list[bool]:
    # A row without a time has no age: it is kept.
    if not hold.days:
        return [False] * len(cells)
    return are_before(stored, cells, room.now() - timedelta(days=hold.days))


def _add(held: dict[int, dict[str, Held]], stored: Stored, lines: Sequence[tuple[int, int, Hold]]) -> None:
    name = stored.table.name
    by_owner: dict[int, list[int]] = {}
    for owner, row, _ in lines:
        by_owner.setdefault(owner, []).append(row)
    for owner, rows in by_owner.items():
        hold = lines[0][2]
        more = Held(frozenset(rows), frozenset({hold.ground}), hold.until)
        before = held.setdefault(owner, {}).get(name)
        held[owner][name] = more if before is None else before | more


def _mark(room: Room, hold: Hold) -> str:
    return room.mark("hold", canonical(asdict(hold)).decode())
