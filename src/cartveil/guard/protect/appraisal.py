"""From a clear table and what is about to leave of it to the report on both.

The report must exist before anything leaves: whoever releases measures first, and refuses what is above the limits.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Kind, Method, Role
from cartveil.events.limits import Limits
from cartveil.events.protected import ProtectedEvents
from cartveil.events.schema import Column, Table
from cartveil.guard.protect.anonymity import AnonymityReport, is_quasi
from cartveil.guard.protect.columns import as_text
from cartveil.guard.protect.plan import LINKING, ROLE_NAMES
from cartveil.guard.protect.risk.report import Asked, ReleaseReport, Study, report_on
from cartveil.guard.protect.risk.utility import Change, change, links_kept

#: What the scorer of the next item looks at.
_HISTORY = (Role.SUBJECT, Role.TIME, Role.ITEM)


def appraise_events(
    clear: pa.Table, events: ProtectedEvents, schema: Table, *, limits: Limits, study: Study
) -> ReleaseReport:
    """Measure what a release of events gives away and what it lost.

    Args:
        clear: The rows that it was made from.
        events: What is about to leave.
        schema: What the columns are.
        limits: Of the schema; they name the sensitive columns.
        study: How to measure.
    """
    subject = schema.by_role(Role.SUBJECT)
    if subject is not None and "subject" in events.table.column_names:
        clear = clear.filter(pc.is_valid(clear[subject.name]))
    suppressed = int(events.release.get("suppressed", "0"))
    return _appraise(clear, events.table, schema, limits, study, suppressed=suppressed)


def appraise_table(
    clear: pa.Table,
    released: pa.Table,
    schema: Table,
    *,
    limits: Limits,
    study: Study,
    anonymity: AnonymityReport | None = None,
) -> ReleaseReport:
    """Measure what a protected table gives away and what it lost; arguments as for `appraise_events`."""
    names = _event_names(schema)
    events = released.rename_columns([names.get(name, name) for name in released.column_names])
    suppressed = anonymity.suppressed if anonymity else 0
    return _appraise(clear, events, schema, limits, study, suppressed=suppressed)


def _appraise(
    clear: pa.Table, events: pa.Table, schema: Table, limits: Limits, study: Study, *, suppressed: int
) -> ReleaseReport:
    names = _event_names(schema)
    here = [
        column
        for column in schema.columns
        if column.name in clear.column_names and names.get(column.name, column.name) in events.column_names
    ]
    asked = Asked(
        quasi=[names.get(column.name, column.name) for column in here if is_quasi(column)],
        sensitive=[names.get(name, name) for name in limits.sensitive],
        suppressed=suppressed,
        links_kept=_links(clear, events, here, names),
        changes=_changes(clear, events, here, names),
        before=_history(clear, schema) if study.score is not None else None,
    )
    return report_on(events, asked, study)


def _event_names(schema: Table) -> Mapping[str, str]:
    return {column.name: ROLE_NAMES[column.role] for column in schema.columns if column.role in ROLE_NAMES}


def _links(clear: pa.Table, events: pa.Table, here: list[Column], names: Mapping[str, str]) -> dict[str, float]:
    links = {}
    for column in here:
        if column.release.method in LINKING and column.kind is not Kind.PERSON_NAME:
            left, right = clear[column.name], events[names.get(column.name, column.name)]
            kept = links_kept((left, left), (right, right))
            if kept is not None:
                links[column.name] = kept
    return links


def _changes(clear: pa.Table, events: pa.Table, here: list[Column], names: Mapping[str, str]) -> dict[str, Change]:
    return {
        column.name: change(clear[column.name], events[names.get(column.name, column.name)])
        for column in here
        if column.release.method not in LINKING | {Method.REDACT} and column.role is not Role.DESCRIPTION
    }


def _history(clear: pa.Table, schema: Table) -> pa.Table | None:
    """Return the clear history under the names of events, for the scorer."""
    columns = {}
    for role in _HISTORY:
        column = schema.by_role(role)
        if column is None or column.name not in clear.column_names:
            return None
        values = clear[column.name]
        columns[ROLE_NAMES[role]] = (
            values if role is Role.TIME else pa.chunked_array([as_text(values).cast(pa.string())])
        )
    return pa.table(columns).drop_null()
