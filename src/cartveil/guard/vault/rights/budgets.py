"""Budgets of private training: how much privacy a purpose may cost the consumers of a table, and what it did cost.

Each training adds to what can be learned of one consumer, whoever trained and whenever. So before it begins it reserves
its epsilon and delta here, and that is what it costs: what it says afterwards that it used is written down, but frees
nothing, or whoever trains could train again and again for nothing. Only a privacy officer, who may grant more anyway,
releases a part of a reservation. Costs are added up, epsilons and deltas each (basic composition): never too little,
often more than a joint account would say. Each line carries a mark, and before anything is granted or spent the lines
are compared with the log, so that none can be written, changed or removed unseen.
"""

import math
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from cartveil.errors import InputError, RefusedError
from cartveil.guard.policy import PURPOSES, Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.rights.budget_lines import (
    COLUMNS,
    GRANTED,
    RESERVED,
    SPENT,
    USED,
    Line,
    all_lines,
    check_ledger,
    mark_of,
    said,
    words_of,
)
from cartveil.guard.vault.rights.erasing import sign_log
from cartveil.guard.vault.room import Room

#: The rule that the log names where a budget has not enough left, and where there is none.
RULE = "budget-spent"

# Figures are kept as decimals: adding them up gives the same whoever adds them.
_EPSILON, _DELTA = Decimal("1e-6"), Decimal("1e-18")


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
        spent: How many trainings settled, those of which an officer released a part included.
    """

    dataset: str
    purpose: str
    epsilon: float
    delta: float
    epsilon_left: float
    delta_left: float
    reserved: int
    spent: int


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
        journal.deny(room, asked[0], rules=(RULE,), session=words_of(made))
        raise refusal
    room.witness.keep(note)
    return made


def settle(room: Room, actor: Principal, ident: str, wish: Mapping[str, object]) -> Line:
    """Say what a training used; all that was reserved is spent; see `Vault.settle_budget`."""
    found = _found(all_lines(room), ident)
    asked, read = _ask(room, actor, "spend_budget", found), said(room)
    with room.store.transaction():  # two who settle the same at once: one of them is refused
        found = _found(check_ledger(room, read), ident)
        _check_settling(found, actor)
        after, used = replace(found, state=SPENT), _lowered(found, wish)
        room.store.execute("DELETE FROM budgets WHERE id = ?", (ident,))
        note = _save(room, asked, after, more=f"{USED}epsilon={used.epsilon}/delta={used.delta}")
    room.witness.keep(note)
    return after


def release(room: Room, actor: Principal, ident: str, wish: Mapping[str, object]) -> Line:
    """Free all but a part of what was reserved; see `Vault.release_budget`."""
    found = _found(all_lines(room), ident)
    asked, read = _ask(room, actor, "grant_budget", found), said(room)
    with room.store.transaction():
        after = _lowered(_found(check_ledger(room, read), ident), wish)
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
        raise journal.refuse(room, request, decision, session=words_of(line))
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


def _lowered(line: Line, wish: Mapping[str, object]) -> Line:
    after = replace(line, state=SPENT, **_figures(wish, up=True))
    if Decimal(after.epsilon) > Decimal(line.epsilon) or Decimal(after.delta) > Decimal(line.delta):
        hint = "reserve what a training can cost at most; what was reserved stays spent"
        raise InputError("is more than was reserved", path=line.id, hint=hint)
    return after


def _budget(lines: list[Line]) -> Budget:
    (epsilon, epsilon_left), (delta, delta_left) = _left(lines, "epsilon"), _left(lines, "delta")
    granted, left = (float(epsilon), float(delta)), (float(epsilon_left), float(delta_left))
    states = [line.state for line in lines]
    return Budget(lines[0].dataset, lines[0].purpose, *granted, *left, states.count(RESERVED), states.count(SPENT))


def _save(room: Room, asked: tuple[Request, Decision], line: Line, *, more: str = "") -> str:
    room.store.insert("budgets", (*COLUMNS, "mark"), [(*asdict(line).values(), mark_of(room, line))])
    journal.write(room, *asked, case=line.id, session=words_of(line) + more)
    return sign_log(room)


def _shown(figure: str | Decimal) -> str:
    return f"{float(figure):.10g}"
