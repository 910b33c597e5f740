"""From the schema to what leaves: which step each column takes, and the events that a release consists of.

`protect_events` is the only maker of `ProtectedEvents`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError, RefusedError, SchemaError
from cartveil.events.kinds import Kind, Method, Role, Sensitivity, Step
from cartveil.events.mark import ProtectionMark
from cartveil.events.patterns import find_patterns
from cartveil.events.protected import EVENT_COLUMNS, ProtectedEvents
from cartveil.events.schema import Column, Table
from cartveil.events.spans import Finder
from cartveil.guard.protect.anonymity import AnonymityReport, is_quasi, recode
from cartveil.guard.protect.columns import Values, as_text
from cartveil.guard.protect.stand_ins import Form
from cartveil.guard.protect.steps import Derive, Release, Scope, released

Subjects = Literal["pseudonym", "none"]

#: Methods whose results link the rows of one consumer.
LINKING = frozenset({Method.PSEUDONYM, Method.TOKEN, Method.FPE})

#: Groups that never leave as they are, whatever the schema says.
_NEVER_CLEAR = frozenset({Sensitivity.DIRECT, Sensitivity.OFFICIAL, Sensitivity.PAYMENT, Sensitivity.SPECIAL})

#: What the columns of events are called, by their part.
ROLE_NAMES = {
    Role.SUBJECT: "subject",
    Role.TIME: "time",
    Role.ITEM: "item",
    Role.ORDER: "order",
    Role.AMOUNT: "amount",
    Role.QUANTITY: "quantity",
    Role.DESCRIPTION: "description",
}

#: Kinds whose values are looked for in the same row's free text.
_KNOWN_IN_TEXT = frozenset(
    {Kind.PERSON_NAME, Kind.NICKNAME, Kind.PHONE, Kind.LANDLINE, Kind.EMAIL, Kind.ADDRESS, Kind.ID_NUMBER}
    | {Kind.PASSPORT, Kind.PAYMENT_CARD, Kind.BANK_ACCOUNT, Kind.PAYMENT_ACCOUNT, Kind.USER_ID}
)


@dataclass(frozen=True)
class Plan:
    """What a release does to each column of a table."""

    table: str
    steps: tuple[tuple[Column, Step], ...]

    def methods(self) -> dict[str, str]:
        """Return each column's method and options in words, such as `bucket width=1h`."""
        return {column.name: in_words(step) for column, step in self.steps}


def plan(schema: Table, *, purpose: str | None = None) -> Plan:
    """Return the steps that a release of this table takes.

    Args:
        schema: The table.
        purpose: Only columns that may leave for it; without one all columns that may leave at all.

    Raises:
        RefusedError: A column that names people would leave as it is.
    """
    columns = [column for column in schema.columns if purpose is None or purpose in column.purposes]
    leaving = [column for column in columns if column.release.method is not Method.DROP]
    for column in leaving:
        _refuse_clear(column, schema.name)
    return Plan(schema.name, tuple((column, column.release) for column in leaving))


def in_words(step: Step) -> str:
    """Return a step as text: the method, then its options."""
    return " ".join([str(step.method), *(f"{name}={value}" for name, value in step.options)])


def protect_table(
    table: pa.Table, schema: Table, *, derive: Derive, scope: Scope, finder: Finder = find_patterns
) -> pa.Table:
    """Return a table as its schema lets it leave, for whatever purpose.

    Args:
        table: Clear rows; columns that the schema does not name are left out.
        schema: What the columns are.
        derive: Keys.
        scope: Whom it is for.
        finder: For redaction.

    Raises:
        RefusedError: See `plan`.
        ColumnError: A column does not fit its step.

    Guarantees:
        - Where the schema's table has a `k`, at least k people look alike in what narrows a person down; rows that
          nothing hides are left out.
    """
    return protect_and_tell(table, schema, derive=derive, scope=scope, finder=finder)[0]


def protect_and_tell(
    table: pa.Table, schema: Table, *, derive: Derive, scope: Scope, finder: Finder = find_patterns
) -> tuple[pa.Table, AnonymityReport | None]:
    """Return what `protect_table` returns, and what it took to reach the schema's `k`, where it has one."""
    steps = plan(schema)
    hidden = hide(table, schema, steps)
    release = _release(hidden.table, schema, derive, scope, finder)
    return _apply(steps, hidden, schema, release), hidden.report


def protect_events(
    table: pa.Table,
    schema: Table,
    *,
    derive: Derive,
    scope: Scope,
    finder: Finder = find_patterns,
    subjects: Subjects = "pseudonym",
) -> ProtectedEvents:
    """Make the events that may be learned from.

    Args:
        table: Clear rows with the schema's columns.
        schema: What the columns are; those whose `purposes` hold the scope's purpose leave.
        derive: Keys, such as `Keyring.derive`.
        scope: Purpose, recipient and period.
        finder: For redaction of free text.
        subjects: `none` leaves out consumers, orders and whatever else links rows, for demand by product.

    Returns:
        Role columns first, under the names of `EVENT_COLUMNS`; then further columns under their own. Sorted by subject
        and time, and where those agree by what is seen, so that the order of the input does not show. Rows
        without consumer are left out unless subjects are.

    Raises:
        RefusedError: Nothing may leave for this purpose, or something that names people would.
        ColumnError: A column does not fit its step or its part.
    """
    steps = plan(schema, purpose=scope.purpose).steps
    if subjects == "none":
        steps = _without_links(steps)
    chosen = Plan(schema.name, tuple((column, step) for column, step in steps if column.name in table.column_names))
    _check_parts(chosen, scope, subjects)
    if subjects == "pseudonym":
        subject = next(column.name for column, _ in chosen.steps if column.role is Role.SUBJECT)
        table = table.filter(pc.is_valid(table[subject]))
    hidden = hide(table, schema, chosen)
    columns = _apply(chosen, hidden, schema, _release(hidden.table, schema, derive, scope, finder))
    events = _sorted(_as_events(columns, chosen))
    described = {**_description(events, chosen, scope, subjects), **_told(hidden)}
    return ProtectedEvents(events, described, ProtectionMark())


def _without_links(steps: tuple[tuple[Column, Step], ...]) -> tuple[tuple[Column, Step], ...]:
    """Return steps after which nothing says that two rows are of one person: no pseudonyms, in texts labels alone."""
    kept = (column for column, step in steps if step.method not in LINKING)
    redacted = (
        replace(column, release=column.release.with_option("as", str(Form.LABELS)))
        if column.release.method is Method.REDACT
        else column
        for column in kept
    )
    return tuple((column, column.release) for column in redacted)


def record_ids(table: pa.Table, schema: Table) -> pa.Array:
    """Return text that stays the same for the same record: its columns that are no measure, joined.

    Noise drawn from it is the same in each release, and two like lines of one order move alike.
    """
    measures = (Role.AMOUNT, Role.QUANTITY, Role.DESCRIPTION)
    parts = (Role.SUBJECT, Role.ORDER, Role.TIME, Role.ITEM)
    named = [column for column in schema.columns if column.name in table.column_names]
    chosen = [column for column in named if column.role in parts] or [c for c in named if c.role not in measures]
    if not chosen:
        return pa.array([""] * table.num_rows, pa.string())
    texts = [pc.fill_null(as_text(table[column.name]).cast(pa.large_string()), "") for column in chosen]
    separator = pa.scalar("\x1f", pa.large_string())
    return pc.binary_join_element_wise(*texts, separator)


@dataclass(frozen=True)
class Hidden:
    """A clear table whose quasi columns are as coarse as the schema's `k` asks for.

    Args:
        table: The clear rows that are left.
        coarse: Per quasi column its values as they leave; empty where no k is asked for.
        report: What it took; None where no k is asked for.
    """

    table: pa.Table
    coarse: Mapping[str, Values]
    report: AnonymityReport | None


def hide(table: pa.Table, schema: Table, steps: Plan) -> Hidden:
    """Make the quasi columns that leave so coarse that k people look alike, where the schema's table has a k."""
    columns = [column for column, _ in steps.steps if column.name in table.column_names and is_quasi(column)]
    if schema.k is None or not columns:
        return Hidden(table, {}, None)
    recoded = recode(table, schema, columns, k=schema.k)
    return Hidden(table.filter(recoded.kept), recoded.columns, recoded.report)


def _apply(steps: Plan, hidden: Hidden, schema: Table, release: Release) -> pa.Table:
    table = hidden.table
    present = [column for column, _ in steps.steps if column.name in table.column_names]
    columns = [
        hidden.coarse[spec.name]
        if spec.name in hidden.coarse
        else released(table[spec.name], spec, release, path=f"{schema.name}.{spec.name}")
        for spec in present
    ]
    return pa.table(columns, names=[column.name for column in present])


def _release(table: pa.Table, schema: Table, derive: Derive, scope: Scope, finder: Finder) -> Release:
    here = [column for column in schema.columns if column.name in table.column_names]
    redacts = any(column.release.method is Method.REDACT for column in here)
    known = [(column.kind, table[column.name]) for column in here if redacts and column.kind in _KNOWN_IN_TEXT]
    subject = schema.by_role(Role.SUBJECT)
    subjects = table[subject.name] if subject is not None and subject.name in table.column_names else None
    return Release(derive, scope, record_ids(table, schema), finder, known, subjects)


def _refuse_clear(column: Column, table: str) -> None:
    if column.kind is Kind.CARD_CODE:
        raise RefusedError(
            "the code of a card never leaves", path=f"{table}.{column.name}", hint="set `release` to drop"
        )
    if column.release.method is Method.KEEP and column.kind.sensitivity in _NEVER_CLEAR:
        hint = 'set `release` to "pseudonym", "mask", "generalise" or "drop", or correct the kind'
        message = f"a column of kind `{column.kind}` cannot leave as it is"
        raise RefusedError(message, path=f"{table}.{column.name}", hint=hint)


def _check_parts(chosen: Plan, scope: Scope, subjects: Subjects) -> None:
    if not chosen.steps:
        hint = f"add `{scope.purpose}` to the `purposes` of the columns that it needs"
        raise RefusedError(f"no column may leave for purpose `{scope.purpose}`", path=chosen.table, hint=hint)
    by_role = {column.role: (column, step) for column, step in chosen.steps if column.role}
    if subjects == "pseudonym" and Role.SUBJECT not in by_role:
        hint = f"give a column the role `subject` and the purpose `{scope.purpose}`, or export without subjects"
        raise RefusedError("no consumer column may leave", path=chosen.table, hint=hint)
    for role in (Role.SUBJECT, Role.ORDER):
        if role in by_role and by_role[role][1].method is not Method.PSEUDONYM:
            column = by_role[role][0]
            message = f"the {role} of events leaves as pseudonym only"
            raise RefusedError(message, path=f"{chosen.table}.{column.name}", hint='set `release = "pseudonym"`')


def _as_events(columns: pa.Table, chosen: Plan) -> pa.Table:
    """Rename the role columns and give them their types."""
    specs = {column.name: column for column, _ in chosen.steps}
    roles = {ROLE_NAMES[spec.role]: name for name, spec in specs.items() if spec.role in ROLE_NAMES}
    first = {event: _part(columns[roles[event]], event, chosen.table) for event in EVENT_COLUMNS if event in roles}
    rest = {name: columns[name] for name, spec in specs.items() if spec.role not in ROLE_NAMES}
    clashes = first.keys() & rest.keys()
    if clashes:
        hint = "give it the role of that name, or another name"
        raise SchemaError(f"column `{min(clashes)}` bears the name of a part", path=chosen.table, hint=hint)
    return pa.table({**first, **rest})


def _part(column: Values, event: str, table: str) -> Values:
    if event in ("subject", "item", "order", "description"):
        return pa.chunked_array([as_text(column).cast(pa.string())])
    if event != "time" or pa.types.is_timestamp(column.type):
        return column
    try:
        return column.cast(pa.timestamp("us"))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        hint = "clean the table first, so that times have their type, and bucket them to hours or days"
        raise ColumnError("the time of events must be a timestamp", path=f"{table}.{event}", hint=hint) from None


def _sorted(events: pa.Table) -> pa.Table:
    parts = [name for name in ("subject", "time", "order", "item") if name in events.column_names]
    # Where the parts agree the rest decides: the order of the input could tell who stands behind a row.
    rest = [field.name for field in events.schema if field.name not in parts and not pa.types.is_nested(field.type)]
    first = parts + rest
    if not first:
        return events
    # Ranks of distinct values sort several times faster than the texts themselves.
    ranks = pa.table({name: _ranks(events[name]) for name in first})
    return events.take(pc.sort_indices(ranks, sort_keys=[(name, "ascending") for name in first])).combine_chunks()


def _ranks(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())  # half a float has no order in Arrow
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_string(column.type):
        return column
    encoded = column.combine_chunks().dictionary_encode()
    rank = pc.rank(encoded.dictionary, sort_keys="ascending", tiebreaker="dense").cast(pa.int64())
    return rank.take(encoded.indices)


def _description(events: pa.Table, chosen: Plan, scope: Scope, subjects: Subjects) -> Mapping[str, str]:
    people = len(pc.unique(events["subject"])) if "subject" in events.column_names else 0
    return {
        "purpose": scope.purpose,
        "recipient": scope.recipient,
        "period": scope.period,
        "schema": chosen.table,
        "subjects": subjects,
        "consumers": str(people),
        "events": str(events.num_rows),
        "steps": _listed(chosen.methods().items()),
        "quasi": "; ".join(column.name for column, _ in chosen.steps if is_quasi(column)),
    }


def _told(hidden: Hidden) -> Mapping[str, str]:
    report = hidden.report
    return {} if report is None else {"k": str(report.k), "suppressed": str(report.suppressed)}


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{name}: {method}" for name, method in pairs)
