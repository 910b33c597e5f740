"""Restriction (GDPR art. 18): data that is kept, but used for nothing more until somebody lifts it.

A restricted consumer is read for compliance and by themselves only, and left out of every export.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cartveil.errors import InputError, IntegrityError, RefusedError
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.receipt import canonical
from cartveil.guard.vault.room import Room, subject_text
from cartveil.guard.vault.rows.consumers import find_many, find_present, open_key, why_absent
from cartveil.guard.vault.rows.erasures import batches, marks

TABLES = """
CREATE TABLE restrictions (
  lookup TEXT PRIMARY KEY, subject TEXT NOT NULL, ground TEXT NOT NULL, since TEXT NOT NULL, mark TEXT NOT NULL
) STRICT;
"""

#: What a restricted consumer's data may still be used for.
STILL = ("compliance", "self_service")

#: The rule that the log names when a restriction is in the way.
RULE = "restricted"


#: What the log says where a restriction was lifted.
LIFTED = "lifted"


class Reason(StrEnum):
    """Why data is restricted; GDPR art. 18(1), letters a to d."""

    ACCURACY = "accuracy"
    UNLAWFUL = "unlawful"
    CLAIM = "claim"
    OBJECTION = "objection"


@dataclass(frozen=True)
class Restriction:
    """One restriction."""

    lookup: str = field(repr=False)
    subject: str
    ground: str
    since: str


def restrict(room: Room, actor: Principal, subject: str, *, ground: str) -> Restriction:
    """Restrict one consumer; see `Vault.restrict`."""
    subject = room.known(subject_text(subject))
    try:
        reason = Reason(ground)
    except ValueError:
        raise InputError("unknown ground", path="ground", hint=f"known: {', '.join(Reason)}") from None
    request, decision = ask_about(room, actor, "restrict", subject)
    made = Restriction(room.lookup(subject), room.audit_name(subject), str(reason), room.now().isoformat())
    consumer = find_present(room, made.lookup)
    if consumer is None:
        journal.deny(room, request, rules=("unknown-consumer",), subject=subject)
        raise why_absent(room, made.lookup)
    open_key(room, consumer, subject)
    with room.store.transaction():
        room.store.execute("DELETE FROM restrictions WHERE lookup = ?", (made.lookup,))
        line = (made.lookup, made.subject, made.ground, made.since, _mark(room, made))
        room.store.insert("restrictions", ("lookup", "subject", "ground", "since", "mark"), [line])
        journal.write(room, request, decision, subject=subject, views={}, case=made.ground)
    return made


def lift(room: Room, actor: Principal, subject: str) -> None:
    """Lift a restriction; see `Vault.lift_restriction`."""
    subject = room.known(subject_text(subject))
    request, decision = journal.ask(room, actor, "restrict", table=None, about={"purpose": "compliance"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision, subject=subject)
    with room.store.transaction():
        gone = room.store.execute("DELETE FROM restrictions WHERE lookup = ?", (room.lookup(subject),)).rowcount
        if not gone:
            raise InputError("this consumer is not restricted", hint="check the id")
        journal.write(room, request, decision, subject=subject, case=LIFTED)


def ask_about(room: Room, actor: Principal, action: str, subject: str) -> tuple[Request, Decision]:
    """Ask for an act on one consumer, by an officer or by themselves; a refusal is written down and raised."""
    own = actor.role == "consumer"
    about = {
        "purpose": "self_service" if own else "compliance",
        "own_record": own and room.known(actor.name) == subject,
    }
    request, decision = journal.ask(room, actor, action, table=None, about=about)
    if not decision.allowed:
        raise journal.refuse(room, request, decision, subject=subject)
    return request, decision


def refusal(table: str) -> RefusedError:
    """Return the error for a reading that a restriction forbids."""
    hint = "the consumer asked that it is not used; a privacy officer lifts that"
    return RefusedError("use of this consumer's data is restricted", path=table, hint=hint)


def restricted_numbers(room: Room) -> set[int]:
    """Return the numbers of all restricted consumers."""
    return {each.number for each in find_many(room, sorted(restricted(room))).values()}


def restricted(room: Room, lookups: Sequence[str] | None = None) -> set[str]:
    """Return which of some consumers are restricted, or who is at all.

    Raises:
        IntegrityError: A restriction was changed.
    """
    return {each.lookup for each in restrictions(room, lookups)}


def restrictions(room: Room, lookups: Sequence[str] | None = None) -> list[Restriction]:
    """Return the restrictions of some consumers, or all."""
    query = "SELECT lookup, subject, ground, since, mark FROM restrictions"
    if lookups is None:
        rows = room.store.execute(f"{query} ORDER BY since, lookup").fetchall()
    else:
        rows = [
            row
            for some in batches(lookups)
            for row in room.store.execute(f"{query} WHERE lookup IN ({marks(some)})", some).fetchall()
        ]
    found = [(Restriction(*row[:-1]), row[-1]) for row in rows]
    for each, mark in found:
        if mark != _mark(room, each):
            raise IntegrityError("a restriction was changed", path=room.store.name)
    return [each for each, _ in found]


def _mark(room: Room, each: Restriction) -> str:
    return room.mark("restriction", canonical(vars(each)).decode())
