"""Budgets of private training: how much privacy a purpose may cost the consumers of a table, and what it did cost.

Each training adds to what can be learned of one consumer, whoever trained and whenever. So before it begins it reserves
its epsilon and delta here, and afterwards gives back what it did not use. A training that is killed has spent what it
reserved. Costs are added up, epsilons and deltas each (basic composition): never too little, often more than a joint
account would say. Each line carries a mark, and before anything is granted or spent the lines are compared with the
log, so that none can be written, changed or removed unseen.
"""

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from cartveil.errors import InputError, IntegrityError, RefusedError
from cartveil.guard.policy import PURPOSES, Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.receipt import canonical
from cartveil.guard.vault.rights.erasing import sign_log
from cartveil.guard.vault.room import Room

TABLES = """
CREATE TABLE budgets (
  id TEXT PRIMARY KEY, dataset TEXT NOT NULL, purpose TEXT NOT NULL, state TEXT NOT NULL, epsilon TEXT NOT NULL,
  delta TEXT NOT NULL, actor TEXT NOT NULL, made TEXT NOT NULL, mark TEXT NOT NULL
) STRICT;
"""

GRANTED, RESERVED, SPENT = "granted", "reserved", "spent"

#: The rule that the log names where a budget has not enough left, and where there is none.
RULE = "budget-spent"

# Figures are kept as decimals: adding them up gives the same whoever adds them.
_EPSILON, _DELTA = Decimal("1e-6"), Decimal("1e-18")


@dataclass(frozen=True)
class Line:
    """One line of the ledger.

    Args:
        id: Its name.
        dataset: The table whose consumers it is about.
        purpose: One of `PURPOSES`.
        state: `granted`, `reserved` or `spent`.
        epsilon: How much, as a decimal.
        delta: How much, as a decimal.
        actor: Who granted or reserved it.
        made: When, in ISO 8601.
    """

    id: str
    dataset: str
    purpose: str
    state: str
    epsilon: str
    delta: str
    actor: str
    made: str


@dataclass(frozen=True)
class Budget:
    """What stands in the ledger for one table and purpose.

    Args:
        dataset: The table whose consumers it is about.
        purpose: What for.
        epsilon: Granted.
        delta: Granted.
        epsilon_left: Neither reserved nor spent.
        delta_left: Neither reserved nor spent.
        reserved: How many trainings reserved their part and did not settle, running ones and killed ones.
        spent: How many trainings settled.
    """

    dataset: str
    purpose: str
    epsilon: float
    delta: float
    epsilon_left: float
    delta_left: float
    reserved: int
    spent: int


@dataclass(frozen=True)
class Said:
    """What the first `size` entries of the log say of each line of the ledger, by its name."""

    words: Mapping[str, str]
    size: int


_COLUMNS = tuple(Line.__dataclass_fields__)

#: The acts that change the ledger, and how many entries of the log are looked at together.
_ACTIONS, _BATCH = (b"grant_budget", b"spend_budget"), 8192


def grant(room: Room, actor: Principal, dataset: str, wish: Mapping[str, object]) -> Budget:
    """Grant a budget, or add to one; see `Vault.grant_budget`."""
    made = _line(room, actor, dataset, GRANTED, wish)
    if Decimal(made.epsilon) <= 0 or Decimal(made.delta) <= 0:
        raise InputError("must be above 0", path="epsilon, delta", hint="such as epsilon 8 and delta 1e-5")
    asked, read = _ask(room, actor, "grant_budget", made), said(room)
    with room.store.transaction():
        lines = check_ledger(room, read)
        note = _save(room, asked, made)
    room.witness.keep(note)
    return _budget([*_of(lines, made), made])


def reserve(room: Room, actor: Principal, dataset: str, wish: Mapping[str, object]) -> Line:
    """Reserve a part of a budget before training; see `Vault.reserve_budget`."""
    made = _line(room, actor, dataset, RESERVED, wish)
    asked, read = _ask(room, actor, "spend_budget", made), said(room)
    with room.store.transaction():  # who reads what is left holds the lock until it is less
        lines = _of(check_ledger(room, read), made)
        refusal = _refusal(lines, made)
        note = None if refusal is not None else _save(room, asked, made)
    if refusal is not None:
        journal.deny(room, asked[0], rules=(RULE,), session=_words(made))
        raise refusal
    room.witness.keep(note)
    return made


def settle(room: Room, actor: Principal, ident: str, wish: Mapping[str, object]) -> Line:
    """Say what a training cost in the end; see `Vault.settle_budget`."""
    found = _found(all_lines(room), ident)
    asked, read = _ask(room, actor, "spend_budget", found), said(room)
    with room.store.transaction():  # two who settle the same at once: one of them is refused
        found = _found(check_ledger(room, read), ident)
        _check_settling(found, actor)
        after = replace(found, state=SPENT, **_figures(wish, up=True))
        if Decimal(after.epsilon) > Decimal(found.epsilon) or Decimal(after.delta) > Decimal(found.delta):
            hint = "reserve what a training can cost at most; what was reserved stays spent"
            raise InputError("is more than was reserved", path=ident, hint=hint)
        room.store.execute("DELETE FROM budgets WHERE id = ?", (ident,))
        note = _save(room, asked, after)
    room.witness.keep(note)
    return after


def show(room: Room, actor: Principal) -> list[Budget]:
    """Return every budget; see `Vault.budgets`."""
    request, decision = journal.ask(room, actor, "show_budget", table=None, about={})
    if not decision.allowed:
        raise journal.refuse(room, request, decision)
    read = said(room)
    with room.store.transaction():
        lines = check_ledger(room, read)
        journal.write(room, request, decision, rows=len(lines))
    places = dict.fromkeys((line.dataset, line.purpose) for line in lines)
    return [_budget([line for line in lines if (line.dataset, line.purpose) == place]) for place in sorted(places)]


def all_lines(room: Room) -> list[Line]:
    """Return the ledger, in the order in which it was written.

    Raises:
        IntegrityError: A line was changed.
    """
    query = f"SELECT {', '.join(_COLUMNS)}, mark FROM budgets ORDER BY made, id"  # noqa: S608 - names above
    found = [(Line(*row[:-1]), row[-1]) for row in room.store.execute(query).fetchall()]
    for line, mark in found:
        if mark != _mark(room, line):
            raise IntegrityError("a budget was changed", path=room.store.name)
    return [line for line, _ in found]


def check_ledger(room: Room, read: Said | None = None) -> list[Line]:
    """Compare the ledger with the log, of which a part was `read` before others had to wait, and return it.

    Raises:
        IntegrityError: A line was changed, removed, or put back as it was before.
    """
    lines = all_lines(room)
    if {line.id: _words(line) for line in lines} != said(room, read).words:
        hint = "restore the vault from a backup, and find out who changed it"
        raise IntegrityError("a budget is not what the log says", path=room.store.name, hint=hint)
    return lines


def said(room: Room, before: Said | None = None) -> Said:
    """Return what the log says of each line, the last of it; entries of other acts are not even parsed."""
    words, start, size = dict(before.words) if before else {}, before.size if before else 0, room.log.size
    for begin in range(start, size, _BATCH):
        for text in room.log.entries(begin, min(size, begin + _BATCH)):
            if any(action in text for action in _ACTIONS):
                entry = json.loads(text)
                if entry["action"].encode() in _ACTIONS and entry["decision"] == "allow":
                    words[entry["case"]] = entry["session"]
    return Said(words, size)


def _line(room: Room, actor: Principal, dataset: str, state: str, wish: Mapping[str, object]) -> Line:
    purpose = str(wish["purpose"])
    room.schema.table(dataset)
    if purpose not in PURPOSES:
        raise InputError("unknown purpose", path="purpose", hint=f"known: {', '.join(PURPOSES)}")
    figures = _figures(wish, up=state != GRANTED)
    name = secrets.token_hex(8)
    return Line(name, dataset, purpose, state, **figures, actor=actor.name, made=room.now().isoformat())


def _figures(wish: Mapping[str, object], *, up: bool) -> dict[str, str]:
    """Return epsilon and delta as decimals: costs rounded up, grants rounded down."""
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    found = {}
    for name, step in (("epsilon", _EPSILON), ("delta", _DELTA)):
        value = wish[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise InputError("must be a finite number, not below 0", path=name, hint="such as 4, or 1e-6")
        if value >= (1e6 if name == "epsilon" else 1):
            raise InputError("is so large that it would promise nothing", path=name, hint="such as 4, or 1e-6")
        found[name] = f"{Decimal(str(value)).quantize(step, rounding=rounding).normalize():f}"
    return found


def _ask(room: Room, actor: Principal, action: str, line: Line) -> tuple[Request, Decision]:
    table = room.schema.table(line.dataset)
    request, decision = journal.ask(room, actor, action, table=table, about={"purpose": line.purpose})
    if not decision.allowed:
        raise journal.refuse(room, request, decision, session=_words(line))
    return request, decision


def _of(lines: list[Line], like: Line) -> list[Line]:
    return [line for line in lines if (line.dataset, line.purpose) == (like.dataset, like.purpose)]


def _left(lines: list[Line], name: str) -> tuple[Decimal, Decimal]:
    """Return how much was granted, and how much is neither reserved nor spent."""
    granted = sum((Decimal(getattr(line, name)) for line in lines if line.state == GRANTED), Decimal())
    gone = sum((Decimal(getattr(line, name)) for line in lines if line.state != GRANTED), Decimal())
    return granted, granted - gone


def _refusal(lines: list[Line], wish: Line) -> RefusedError | None:
    """Return why a wish cannot be met, naming what is left; None where it can."""
    place = f"{wish.dataset} for {wish.purpose}"
    if not any(line.state == GRANTED for line in lines):
        hint = "a privacy officer grants one: `cartveil budget grant`"
        return RefusedError("no budget was granted", path=place, hint=hint)
    (epsilon, epsilon_left), (delta, delta_left) = _left(lines, "epsilon"), _left(lines, "delta")
    if Decimal(wish.epsilon) <= epsilon_left and Decimal(wish.delta) <= delta_left:
        return None
    message = (
        f"the budget does not suffice: epsilon {_shown(epsilon_left)} of {_shown(epsilon)} and delta "
        f"{_shown(delta_left)} of {_shown(delta)} are left, asked for are {_shown(wish.epsilon)} and "
        f"{_shown(wish.delta)}"
    )
    return RefusedError(message, path=place, hint="ask for less, or ask a privacy officer for a larger budget")


def _found(lines: list[Line], ident: str) -> Line:
    found = next((line for line in lines if line.id == ident and line.state != GRANTED), None)
    if found is None:
        raise InputError("no such reservation", hint="it is named when a budget is reserved")
    return found


def _check_settling(line: Line, actor: Principal) -> None:
    if line.state == SPENT:
        raise InputError("was settled already", path=line.id, hint="a training settles once")
    if line.actor != actor.name:
        raise RefusedError("was reserved by somebody else", path=line.id, hint="whoever reserved it settles it")


def _budget(lines: list[Line]) -> Budget:
    (epsilon, epsilon_left), (delta, delta_left) = _left(lines, "epsilon"), _left(lines, "delta")
    granted, left = (float(epsilon), float(delta)), (float(epsilon_left), float(delta_left))
    states = [line.state for line in lines]
    return Budget(lines[0].dataset, lines[0].purpose, *granted, *left, states.count(RESERVED), states.count(SPENT))


def _save(room: Room, asked: tuple[Request, Decision], line: Line) -> str:
    room.store.insert("budgets", (*_COLUMNS, "mark"), [(*asdict(line).values(), _mark(room, line))])
    journal.write(room, *asked, case=line.id, session=_words(line))
    return sign_log(room)


def _words(line: Line) -> str:
    """Return how the log puts a line."""
    return f"{line.state}/epsilon={line.epsilon}/delta={line.delta}"


def _shown(figure: str | Decimal) -> str:
    return f"{float(figure):.10g}"


def _mark(room: Room, line: Line) -> str:
    return room.mark("budget", canonical(asdict(line)).decode())
