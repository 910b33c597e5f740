"""Reading consumers' records: decide, write it down, open the key, show. In this order, always."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cartveil.errors import ErasedError, InputError, RefusedError, UnknownSubjectError
from cartveil.events.kinds import Method, View
from cartveil.guard.keys import SecretKey
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.protect.rest import Sealing
from cartveil.guard.protect.show import show
from cartveil.guard.vault import journal
from cartveil.guard.vault.room import Room, checked_context, normal_id, subject_text
from cartveil.guard.vault.rows import restricting
from cartveil.guard.vault.rows.consent import has_consented
from cartveil.guard.vault.rows.consumers import Consumer, find_present, open_key, why_absent
from cartveil.guard.vault.rows.regions import region_of
from cartveil.guard.vault.rows.resting import Resting, fetch, opened, subject_column
from cartveil.guard.vault.rows.tables import Stored, stored_table

#: Why nothing is shown: policy, or nobody there.
NotShown = RefusedError | UnknownSubjectError | ErasedError


@dataclass(frozen=True)
class Reading:
    """What was shown.

    Args:
        rows: The fields asked for, each in its view; a field that may not be seen is NULL.
        views: The view of each field.
        rules: The rules that permitted it.
    """

    rows: pa.Table
    views: Mapping[str, View]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """What is asked for: an action on fields of one consumer's rows in a table.

    Args:
        actor: Who asks.
        table: A table of the schema that names consumers.
        subject: The consumer's id, as text.
        purpose: What it is for.
        fields: Which fields; all if None.
        context: Some of `case`, `case_open`, `session`, `break_glass`, `reason`.
        action: `read` or `reveal`.
        only: These rows of theirs, by number; all if None.
    """

    actor: Principal
    table: str
    subject: str = field(repr=False)
    purpose: str
    fields: Sequence[str] | None = None
    context: Mapping[str, object] | None = None
    action: str = "read"
    only: Sequence[int] | None = None


@dataclass(frozen=True)
class _Prepared:
    """A decided wish: what will be written down, and what will then be opened. Nothing is open yet."""

    entry: Mapping[str, object]
    error: NotShown | None
    names: Sequence[str] = ()
    decision: Decision | None = None
    consumer: Consumer | None = None
    resting: Resting | None = None
    subject: str = field(default="", repr=False)


def read(room: Room, wish: Wish) -> Reading:
    """Show fields of one consumer's record, each as policy allows; see `Vault.read` and `Vault.reveal`."""
    (outcome,) = read_many(room, [wish])
    if not isinstance(outcome, Reading):
        raise outcome
    return outcome


def read_many(room: Room, wishes: Iterable[Wish]) -> list[Reading | NotShown]:
    """Answer several wishes with one durable write of the log; see `Vault.read_many`."""
    # One transaction from the look-up to the entry, so that no erasure by another program slips between the two.
    with room.store.transaction():
        prepared = [_prepare(room, wish) for wish in wishes]
        room.log.append([each.entry for each in prepared])
    _tell(room, prepared)
    # Only here, with every entry on the disk, may a key be opened.
    return [_answer(room, each) for each in prepared]


def at_rest(room: Room, table: str, subject: str) -> list[dict[str, Any]]:
    """Return one consumer's rows as they lie in the file; see `Vault.at_rest`."""
    stored, lookup = stored_table(room, table), room.lookup(subject_text(subject))
    consumer = find_present(room, lookup)
    if stored.subject is None or consumer is None:
        raise why_absent(room, lookup)
    resting = fetch(room, stored, [spec.name for _, spec in stored.columns()], consumer=consumer.number)
    columns: dict[str, Sequence[Any]] = {stored.subject.name: [consumer.subject] * len(resting)}
    for spec, cells in zip(resting.specs, resting.cells, strict=True):
        columns[spec.name] = ["kept"] * len(resting) if spec.protect.method is Method.KEEP else cells
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _prepare(room: Room, wish: Wish) -> _Prepared:
    stored = stored_table(room, wish.table)
    if stored.subject is None:
        raise InputError("a table without consumers is not read by consumer", path=wish.table)
    subject, context = room.known(subject_text(wish.subject)), checked_context(wish.context)
    names, lookup = stored_fields(stored, wish.fields), room.lookup(subject)
    consumer = find_present(room, lookup)
    check_labels(subject, context)
    about = {"fields": names, "purpose": wish.purpose, **_circumstances(room, wish, context, consumer)}
    request, decision = journal.ask(room, wish.actor, wish.action, table=stored.table, about=about)
    facts = {"subject": subject, "case": context["case"], "session": context["session"]}
    if not decision.allowed:
        return _Prepared(_denied(room, request, decision.rules, facts), journal.refusal(request, decision))
    if consumer is None:
        error = why_absent(room, lookup)
        rule = "erased" if isinstance(error, ErasedError) else "unknown-consumer"
        return _Prepared(_denied(room, request, (rule,), facts), error)
    if wish.purpose not in restricting.STILL and restricting.restricted(room, [lookup]):
        return _Prepared(_denied(room, request, (restricting.RULE,), facts), restricting.refusal(wish.table))
    seen = [name for name in names if decision.views[name] is not View.NONE]
    resting = fetch(room, stored, seen, consumer=consumer.number, rows=wish.only)
    facts |= {"rows": len(resting), "views": decision.views}
    entry = journal.entry(room, request, decision="allow", rules=decision.rules, facts=facts)
    return _Prepared(entry, None, names, decision, consumer, resting, subject)


def _circumstances(
    room: Room, wish: Wish, context: Mapping[str, object], consumer: Consumer | None
) -> dict[str, object]:
    """Return what the decision depends on; a case is taken on the word of whoever asks where nobody knows better."""
    cases = room.outside.cases
    known = cases is None or not context["case_open"] or cases(str(context["case"]), wish.subject)
    return {
        "case_open": bool(context["case_open"] and known),
        "own_record": wish.actor.role == "consumer" and wish.actor.name == wish.subject,
        "consent": consumer is not None and has_consented(room, consumer.number, wish.purpose),
        "break_glass": context["break_glass"],
        "reason": context["reason"],
        "region": "" if consumer is None else region_of(room, consumer.number, table=room.schema.table(wish.table)),
    }


def check_labels(subject: str, context: Mapping[str, object]) -> None:
    """Refuse words that name the consumer: they would stand in the log."""
    labels = [normal_id(str(context[what])) for what in ("case", "session")]
    if normal_id(subject) in labels or subject in re.split("[._/:-]", str(context["reason"])):
        raise InputError("a consumer's id is no case, no session and no reason", hint="the log must not hold it")


def _tell(room: Room, prepared: Sequence[_Prepared]) -> None:
    """Tell the platform of every glass that was broken, or tried."""
    if room.outside.alert is not None:
        for each in prepared:
            if each.entry["reason"]:
                room.outside.alert(each.entry)


def _denied(room: Room, request: Request, rules: Sequence[str], facts: Mapping[str, object]) -> Mapping[str, object]:
    return journal.entry(room, request, decision="deny", rules=rules, facts=facts)


def stored_fields(stored: Stored, fields: Sequence[str] | None) -> list[str]:
    """Return the fields that are asked for: those that are stored, all if None."""
    table = stored.table
    hidden = (Method.DROP, Method.REFUSE)
    if fields is None:
        return [column.name for column in table.columns if column.protect.method not in hidden]
    for name in fields:
        if table.column(name).protect.method in hidden:
            raise InputError("this field is not stored", path=f"{table.name}.{name}")
    return list(dict.fromkeys(fields))


def _answer(room: Room, prepared: _Prepared) -> Reading | NotShown:
    resting, decision, consumer = prepared.resting, prepared.decision, prepared.consumer
    if prepared.error is not None or resting is None or decision is None or consumer is None:
        return prepared.error or RefusedError("refused")
    key = open_key(room, consumer, prepared.subject)
    clear = _open(room, key, resting, (prepared.subject, decision.views))
    columns = {name: shown(room, resting, name, (clear, decision.views[name])) for name in prepared.names}
    return Reading(pa.table(columns), decision.views, decision.rules)


def _open(room: Room, key: SecretKey, resting: Resting, asked: tuple[str, Mapping[str, View]]) -> dict[str, Any]:
    rows, spec = len(resting), resting.stored.subject
    if not rows:
        return {}
    subject, views = asked
    clear = opened(room, resting, Sealing([key], pa.array(resting.rows, pa.int64()), [0] * rows))
    if spec is not None and views.get(spec.name, View.NONE) is not View.NONE:
        clear[spec.name] = subject_column(resting.stored, pa.repeat(pa.scalar(subject, pa.string()), rows))
    return clear


def shown(room: Room, resting: Resting, name: str, outcome: tuple[Mapping[str, Any], View]) -> Any:
    """Return one column of opened rows in its view; NULLs where it was not opened."""
    clear, view = outcome
    if name not in clear:
        return pa.nulls(len(resting), pa.string())
    kind = resting.stored.table.column(name).kind
    key = room.keyring.derive("view pseudonym", kind) if view is View.PSEUDONYM else None
    return show(clear[name], kind=kind, view=view, key=key)
