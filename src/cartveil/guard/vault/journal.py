"""What the vault writes down of each act: who, what, why, about whom by pseudonym, and how it was decided."""

from collections.abc import Mapping, Sequence

import pyarrow.compute as pc

from cartveil.errors import IntegrityError, RefusedError
from cartveil.events.kinds import Kind, View
from cartveil.events.schema import Table
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.vault.room import Room

#: Views from most to least; an entry names the strongest one shown.
_ORDER = tuple(View)

#: Circumstances that are true or false, and those that are words; the hour is the vault's own.
_QUESTIONS = ("case_open", "consent", "own_record", "break_glass")
_WORDS = ("reason", "region")


def ask(
    room: Room, actor: Principal, action: str, *, table: Table | None, about: Mapping[str, object]
) -> tuple[Request, Decision]:
    """Ask the policy, with the hour from the vault's own clock.

    Args:
        room: The vault.
        actor: Who asks.
        action: One of `Action`.
        table: Which table, if any.
        about: `fields`, `purpose` and the circumstances, as far as they matter.
    """
    names = about.get("fields", ())
    fields = tuple((name, _kind(table, name)) for name in names) if table else ()  # type: ignore[attr-defined]
    context: dict[str, object] = {key: bool(about[key]) for key in _QUESTIONS if key in about}
    context |= {key: str(about[key]) for key in _WORDS if key in about}
    request = Request(
        actor,
        action,
        table.name if table else "",
        fields,
        str(about.get("purpose", "")),
        {**context, "hour": room.now().hour},
    )
    return request, room.policy.decide(request)


def entry(
    room: Room,
    request: Request,
    *,
    decision: str,
    rules: Sequence[str],
    facts: Mapping[str, object],
) -> dict[str, object]:
    """Return the audit entry of a request.

    Args:
        room: The vault.
        request: What was asked.
        decision: `allow` or `deny`.
        rules: The rules that made it.
        facts: Of the outcome: `subject` (an id; written as pseudonym) or `named` (that pseudonym), `rows`, `views`,
            `case`, `session`.
    """
    actor = request.principal
    views: Mapping[str, View] = facts.get("views", {})  # type: ignore[assignment]
    shown = [name for name, view in views.items() if view is not View.NONE]
    asked = [name for name, _ in request.fields]
    subject = facts.get("subject")
    named = str(facts.get("named", "")) if subject is None else room.audit_name(str(subject))
    return {
        "time": room.now(),
        # A consumer's login is their id, which must not stand here.
        "actor": room.audit_name(actor.name) if actor.role == "consumer" else actor.name,
        "role": actor.role,
        "action": request.action,
        "purpose": request.purpose,
        "table": request.table,
        "fields": shown if decision == "allow" and views else asked,
        "view": str(min((views[name] for name in shown), key=_ORDER.index, default=View.NONE)) if views else "",
        "subject": named,
        "rows": facts.get("rows", 0),
        "case": facts.get("case", ""),
        "decision": decision,
        "rule": " ".join(rules),
        "session": facts.get("session", ""),
        "reason": request.context.get("reason", ""),
    }


def write(room: Room, request: Request, decision: Decision, **facts: object) -> int:
    """Append the entry of what was permitted, inside the caller's transaction; return its index."""
    return room.log.append([entry(room, request, decision="allow", rules=decision.rules, facts=facts)])


def refuse(room: Room, request: Request, decision: Decision, **facts: object) -> RefusedError:
    """Write a refusal down for good, and return it as an error to raise."""
    deny(room, request, rules=decision.rules, **facts)
    return refusal(request, decision)


def refusal(request: Request, decision: Decision) -> RefusedError:
    """Return a refusal as an error."""
    return RefusedError(decision.refusal or "refused", path=request.table or None, hint=decision.hint)


def deny(room: Room, request: Request, *, rules: Sequence[str], **facts: object) -> None:
    """Write down, in a transaction of its own, that something was not given."""
    with room.store.transaction():
        room.log.append([entry(room, request, decision="deny", rules=rules, facts=facts)])


def check_rows(room: Room, rows: int) -> None:
    """Compare how many rows there are with how many the log says came and went.

    Raises:
        IntegrityError: Rows were removed, or added, by somebody who did not come through this door.
    """
    log = room.log.events()
    log = log.filter(pc.equal(log["decision"], "allow"))
    # A sweep that names fields emptied cells; one that names none removed rows.
    log = log.filter(pc.or_(pc.not_equal(log["action"], "sweep"), pc.equal(pc.list_value_length(log["fields"]), 0)))
    came, gone, swept = (
        pc.sum(log["rows"].filter(pc.equal(log["action"], action))).as_py() or 0 for action in ("put", "erase", "sweep")
    )
    went = gone + swept
    if rows != came - went:
        hint = "restore the vault from a backup, and find out who changed it"
        raise IntegrityError(f"holds {rows} rows where the log says {came - went}", path=room.store.name, hint=hint)


def _kind(table: Table, name: str) -> Kind:
    return table.column(name).kind
