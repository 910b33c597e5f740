"""Requests of consumers: what they asked for, until when it must be answered, and how it was.

The law counts from the day on which a request is received: a month, extendable once by two (GDPR art. 12(3)). A
request names its consumer by a code; who it is the vault finds out only when it is answered. Each line carries a mark.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cartveil.errors import ErasedError, InputError, IntegrityError
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.receipt import canonical
from cartveil.guard.vault.room import Room, subject_text
from cartveil.guard.vault.rows.consumers import find, find_present, ids_of, why_absent
from cartveil.guard.vault.rows.restricting import ask_about

TABLES = """
CREATE TABLE requests (
  id TEXT PRIMARY KEY, lookup TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
  received TEXT NOT NULL, deadline TEXT NOT NULL, extended TEXT NOT NULL, ground TEXT NOT NULL, outcome TEXT NOT NULL,
  closed TEXT NOT NULL, mark TEXT NOT NULL
) STRICT;
CREATE INDEX requests_lookup ON requests (lookup);
"""

#: Days to answer, and by how many they can be extended, once.
DAYS, MORE_DAYS = 30, 60


class Asked(StrEnum):
    """What a consumer can ask for."""

    ACCESS = "access"
    CORRECT = "correct"
    RESTRICT = "restrict"
    ERASE = "erase"


class State(StrEnum):
    """How far a request is."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why a request is refused; GDPR art. 11(2), 12(5), 12(6), 17(3)."""

    LEGAL_HOLD = "legal_hold"
    NOT_IDENTIFIED = "identity_not_proven"
    UNFOUNDED = "manifestly_unfounded"
    EXCESSIVE = "excessive"
    RIGHTS_OF_OTHERS = "rights_of_others"
    WITHDRAWN = "withdrawn"


class Extension(StrEnum):
    """Why a deadline is extended; GDPR art. 12(3)."""

    COMPLEX = "complexity"
    MANY = "number_of_requests"


@dataclass(frozen=True)
class ConsumerRequest:
    """One request.

    Args:
        id: Its name.
        lookup: Whose, as a code.
        subject: The same consumer, as the log calls them.
        kind: One of `Asked`.
        state: One of `State`.
        received: When, in ISO 8601.
        deadline: The last day, in ISO 8601.
        extended: The ground of the extension; empty where there was none.
        ground: Of the refusal; empty where it was not refused.
        outcome: In a few words, without values.
        closed: When it was answered; empty until then.
    """

    id: str
    lookup: str = field(repr=False)
    subject: str
    kind: str
    state: str
    received: str
    deadline: str
    extended: str = ""
    ground: str = ""
    outcome: str = ""
    closed: str = ""

    def is_open(self) -> bool:
        """Return whether it waits for an answer."""
        return self.state in (State.OPEN, State.IN_PROGRESS)

    def is_overdue(self, today: str) -> bool:
        """Return whether its day has passed without an answer."""
        return self.is_open() and self.deadline < today

    def facts(self) -> dict[str, str]:
        """Return what may be shown of it: everything but the code."""
        return {name: value for name, value in asdict(self).items() if name != "lookup"}


_COLUMNS = tuple(ConsumerRequest.__dataclass_fields__)


def file_request(room: Room, actor: Principal, subject: str, *, kind: str, days: int) -> ConsumerRequest:
    """Write down that a consumer asked for something; see `Vault.file_request`."""
    subject, asked = room.known(subject_text(subject)), _word(Asked, kind, path="kind")
    if not isinstance(days, int) or not 1 <= days <= DAYS:
        raise InputError(f"a request is answered within {DAYS} days", path="days", hint="extend it where it must be")
    request, decision = ask_about(room, actor, "request", subject)
    lookup, now = room.lookup(subject), room.now()
    if find_present(room, lookup) is None:
        journal.deny(room, request, rules=("unknown-consumer",), subject=subject)
        raise why_absent(room, lookup)
    deadline = (now + timedelta(days=days)).date().isoformat()
    name = (secrets.token_hex(4), lookup, room.audit_name(subject))
    made = ConsumerRequest(*name, str(asked), str(State.OPEN), now.isoformat(), deadline)
    with room.store.transaction():
        _save(room, made)
        _write(room, (request, decision), made)
    return made


def list_requests(room: Room, actor: Principal, *, state: str | None, overdue: bool) -> list[ConsumerRequest]:
    """Return requests by deadline; see `Vault.requests`."""
    wanted = None if state is None else _word(State, state, path="state")
    own = actor.role == "consumer"
    request, decision = ask_about(room, actor, "request", room.known(actor.name) if own else "")
    with room.store.transaction():
        found = all_requests(room, room.lookup(actor.name) if own else None)
        journal.write(room, request, decision, rows=len(found))
    today = room.now().date().isoformat()
    found = [each for each in found if wanted is None or each.state == wanted]
    return [each for each in found if not overdue or each.is_overdue(today)]


def all_requests(room: Room, lookup: str | None = None) -> list[ConsumerRequest]:
    """Return all requests, or one consumer's, the most pressing first.

    Raises:
        IntegrityError: One was changed.
    """
    query, order = f"SELECT {', '.join(_COLUMNS)}, mark FROM requests", "ORDER BY deadline, received, id"  # noqa: S608
    if lookup is None:
        rows = room.store.execute(f"{query} {order}").fetchall()
    else:
        rows = room.store.execute(f"{query} WHERE lookup = ? {order}", (lookup,)).fetchall()
    found = [(ConsumerRequest(*row[:-1]), row[-1]) for row in rows]
    for each, mark in found:
        if mark != _mark(room, each):
            raise IntegrityError("a request was changed", path=room.store.name)
    return [each for each, _ in found]


def refuse_request(room: Room, actor: Principal, ident: str, *, ground: str) -> ConsumerRequest:
    """Refuse a request; see `Vault.refuse_request`."""
    why = _word(Refusal, ground, path="ground")
    return _close(room, actor, ident, {"state": str(State.REFUSED), "ground": str(why)})


def extend_request(room: Room, actor: Principal, ident: str, *, ground: str) -> ConsumerRequest:
    """Give a request two months more, once; see `Vault.extend_request`."""
    why, asked = _word(Extension, ground, path="ground"), officer(room, actor)
    with room.store.transaction():
        found = find_open(room, ident)
        if found.extended:
            raise InputError("was extended already", path=ident, hint="a deadline is extended once")
        deadline = datetime.fromisoformat(found.deadline) + timedelta(days=MORE_DAYS)
        after = replace(found, deadline=deadline.date().isoformat(), extended=str(why))
        _save(room, after)
        _write(room, asked, after)
    return after


def start_request(room: Room, actor: Principal, ident: str) -> ConsumerRequest:
    """Write down that somebody works on a request."""
    asked = officer(room, actor)
    with room.store.transaction():
        after = replace(find_open(room, ident), state=str(State.IN_PROGRESS))
        _save(room, after)
        _write(room, asked, after)
    return after


def finish_request(room: Room, actor: Principal, ident: str, *, outcome: str) -> ConsumerRequest:
    """Write down that a request was answered."""
    return _close(room, actor, ident, {"state": str(State.DONE), "outcome": outcome})


def whose(room: Room, request: ConsumerRequest) -> str:
    """Return who made a request: the id that the consumer keeps sealed.

    Raises:
        ErasedError: They were erased.
    """
    consumer = find(room, request.lookup)
    if consumer is None:
        raise ErasedError("this consumer was erased", hint="refuse the request as `withdrawn`, or see the receipt")
    _, ids, _ = ids_of(room, [(consumer.number, consumer.data_key, consumer.subject)])
    subject = str(ids[0].as_py())
    if room.lookup(subject) != request.lookup:
        raise IntegrityError("a consumer was exchanged for another", path=room.store.name)
    return subject


def find_open(room: Room, ident: str) -> ConsumerRequest:
    """Return a request that waits for an answer.

    Raises:
        InputError: There is none of that name, or it was answered.
    """
    found = next((each for each in all_requests(room) if each.id == ident), None)
    if found is None:
        # The word itself is not repeated: whoever mixes up arguments would put a consumer's id there.
        raise InputError("no such request", hint="`cartveil requests list` shows them")
    if not found.is_open():
        raise InputError(f"was answered: {found.state}", path=ident, hint="file a new one")
    return found


def officer(room: Room, actor: Principal) -> tuple[Request, Decision]:
    """Ask whether somebody may answer requests; a refusal is written down and raised."""
    request, decision = journal.ask(room, actor, "request", table=None, about={"purpose": "compliance"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision)
    return request, decision


def _close(room: Room, actor: Principal, ident: str, changes: Mapping[str, Any]) -> ConsumerRequest:
    asked = officer(room, actor)
    with room.store.transaction():
        after = replace(find_open(room, ident), closed=room.now().isoformat(), **changes)
        _save(room, after)
        _write(room, asked, after)
    return after


def _save(room: Room, each: ConsumerRequest) -> None:
    room.store.execute("DELETE FROM requests WHERE id = ?", (each.id,))
    line = (*asdict(each).values(), _mark(room, each))
    room.store.insert("requests", (*_COLUMNS, "mark"), [line])


def words_of(each: ConsumerRequest) -> str:
    """Return how the log puts a request: what is asked for, its state, and on which ground it has that."""
    return f"{each.kind}/{each.state}" + (f"/{each.ground or each.extended}" if each.ground or each.extended else "")


def _write(room: Room, asked: tuple[Request, Decision], each: ConsumerRequest) -> None:
    journal.write(room, *asked, named=each.subject, case=each.id, session=words_of(each))


def _mark(room: Room, each: ConsumerRequest) -> str:
    return room.mark("request", canonical(asdict(each)).decode())


def _word(words: type[StrEnum], value: str, *, path: str) -> StrEnum:
    try:
        return words(value)
    except ValueError:
        raise InputError("unknown word", path=path, hint=f"known: {', '.join(words)}") from None
