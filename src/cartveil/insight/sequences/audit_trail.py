"""The audit log as an event stream: the detector that learns consumers' habits watches the watchers too.

The raw entries say little. What gives misuse away is how an access stands to those before it: the same consumer again
without a case, columns that this person never read, more than usual for this hour of the day.
"""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.sequences.audit_access import (
    Access,
    approvals_of,
    cases_of,
    consents_of,
    echoes_of,
    places_of,
)
from cartveil.insight.sequences.audit_sentences import MEMORY_DAYS, WORDS
from cartveil.insight.sequences.audit_volume import amounts_of
from cartveil.insight.sequences.relations import keys_of, latest_before, since_before, times_before, within
from cartveil.insight.sequences.streams import StreamSpec, clock_columns, in_order, named, numbers, seconds_of, yes_no

_HOUR, _DAY = 3600, 86400
#: Reads of one subject less than this apart are one visit.
_VISIT = 15 * 60

_PLAIN = ("action", "purpose", "table", "view", "decision")
_DERIVED = (
    "columns",
    "case_kind",
    "hour",
    "day",
    "new_columns",
    "new_to_role",
    "case_of_another",
    "case_turn",
    "case_age",
    "reach",
    "approval",
    "consent",
    "consent_of_case",
    "check_before",
)
_NUMERIC = (
    "visits_without_case",
    "visits",
    "minutes_since_last",
    "rows",
    "reads_last_hour",
    "reads_today_against_habit",
    "subjects_among_last",
    "rows_against_habit",
    "rows_today",
    "exported_today",
    "viewed_today",
)
#: Columns that stand in a stream where the log says from where somebody came, or numbers its subjects.
_OPTIONAL = ("new_device", "new_network", "device_days", "network_days", "elsewhere", "neighbour")
#: Columns that others are counted beside, and that describe nothing by themselves.
_BESIDE = ("device_shared", "network_shared")
#: How far apart the numbers of two subjects in a row are.
_STEPS = (0.5, 1.5, 3.5, 8.5, 20.5, 60.5, 200.5)
_STEP_NAMES = ("none", "the same", "1", "2 or 3", "4 to 8", "9 to 20", "21 to 60", "61 to 200", "more than 200")

_HABITS = (
    ("hour", ("day",)),
    ("day", ()),
    ("columns", ("purpose", "table")),
    ("action", ("purpose", "table", "view")),
    ("purpose", ("table", "case_kind")),
    ("device_days", ("device_shared",)),
    ("network_days", ("network_shared",)),
    ("new_device", ("device_days", "device_shared", "network_days", "network_shared")),
    ("elsewhere", ("device_days", "device_shared")),
    ("case_kind", ("action", "purpose", "table", "reach")),
    ("case_turn", ("case_of_another", "case_kind")),
    ("case_age", ("case_kind",)),
    ("visits", ("case_kind",)),
    ("visits_without_case", ()),
    ("neighbour", ()),
    ("reach", ()),
    ("approval", ("table", "view")),
    ("consent", ("purpose",)),
    ("consent_of_case", ("action",)),
    ("check_before", ("action",)),
    ("decision", ("action",)),
    ("minutes_since_last", ()),
    ("rows", ("action", "table")),
)
_QUIET = (
    ("decision", ("allow",)),
    ("elsewhere", ("no",)),
    ("new_device", ("no",)),
    ("device_days", ("8 or more",)),
    ("network_days", ("8 or more",)),
    ("case_turn", ("no case", "the case before", "a case not seen before")),
    ("case_age", ("no number", "new", "of late")),
    ("visits", ("1",)),
    ("visits_without_case", ("0",)),
    ("neighbour", ("none", "the same", "more than 200")),
    ("approval", ("not exported",)),
    ("consent", ("unknown", "given")),
    ("consent_of_case", ("unknown", "given")),
    ("check_before", ("no check", "an old check", "a check that said yes")),
)
_SIZES = ("rows_against_habit", "rows_today", "exported_today", "viewed_today")
_SLOW = ("case_kind", "case_turn", "case_age", "visits_without_case", "visits")
_KIN = (
    ("new_device", "new_network", "device_days", "network_days", "elsewhere"),
    ("case_kind", "case_turn", "case_age", "case_of_another"),
    ("visits_without_case", "visits"),
    ("columns", "action", "purpose", "new_columns", "new_to_role", "table", "view"),
    ("approval", "consent", "consent_of_case", "check_before"),
    ("rows", "rows_against_habit"),
    ("rows_today", "exported_today", "viewed_today"),
    ("day", "reach", "minutes_since_last", "reads_last_hour", "reads_today_against_habit"),
    ("neighbour", "step", "subjects_among_last"),
)


def audit_stream(log: pa.Table) -> tuple[pa.Table, StreamSpec]:
    """Describe each entry of an audit log by what it is and by how it stands to those before it.

    Args:
        log: Columns index, time, actor, role, action, purpose, table, fields (list), view, subject, rows, case,
            decision; device and network are used where they stand. Subjects are pseudonyms.

    Returns:
        The stream, in order of time, and its spec. Nothing in a row depends on a later row.

    Raises:
        ColumnError: A column is missing.
    """
    for name in ("role", "fields", "subject", "case", *_PLAIN, "rows"):
        if name not in log.column_names:
            raise ColumnError("not an audit log: this column is missing", path=name)
    log = in_order(_without_empty(log), StreamSpec(fields=("action",)))
    seconds = seconds_of(log["time"])
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: _text(log[name]) for name in ("actor", "role", *_PLAIN)}
    columns |= {"index": log["index"], "time": log["time"], "subject": _text(log["subject"])}
    columns |= _what(log) | dict(clock_columns(seconds)) | _revisits(log, seconds) | _volume(log, seconds)
    columns |= _novelty(log, columns["columns"]) | _steps(log)
    access = Access.of(log)
    columns |= places_of(access) | cases_of(access) | approvals_of(access) | consents_of(access)
    echoes = echoes_of(access, columns["columns"])
    columns |= amounts_of(access, echoes) | {"echo": yes_no(echoes)}
    spec = _spec(columns)
    kept = ("index", "time", "actor", "role", "subject", *spec.described, *_BESIDE, "echo")
    return pa.table({name: columns[name] for name in kept if name in columns}), spec


def _spec(columns: Collection[str]) -> StreamSpec:
    optional = tuple(name for name in _OPTIONAL if name in columns)
    return StreamSpec(
        fields=(*_PLAIN, *_DERIVED, *optional),
        numeric=(*_NUMERIC, *(["step"] if "step" in columns else [])),
        role="role",
        words=WORDS,
        habits=tuple(
            (name, tuple(each for each in beside if each in columns)) for name, beside in _HABITS if name in columns
        ),
        sizes=_SIZES,
        slow=_SLOW,
        quiet=tuple((name, values) for name, values in _QUIET if name in columns),
        kin=_KIN,
        excused="echo",
        amounts=("rows", *_SIZES),
    )


def _without_empty(log: pa.Table) -> pa.Table:
    """Return the log with NULL where a text is empty: a log may write "no case" either way."""
    for name in (*_PLAIN, "subject", "case"):
        column = log[name]
        if not pa.types.is_string(column.type):
            continue
        filled = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        log = log.set_column(log.column_names.index(name), name, filled)
    return log


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _what(log: pa.Table) -> dict[str, pa.Array]:
    letter = pc.utf8_slice_codeunits(_text(log["case"]), 0, 1)
    return {
        "columns": pc.binary_join(log["fields"].cast(pa.list_(pa.string())).combine_chunks(), " "),
        "case_kind": pc.fill_null(letter, "none"),
        "rows": log["rows"].cast(pa.float64()),
    }


def _revisits(log: pa.Table, seconds: NDArray[np.int64]) -> dict[str, pa.Array]:
    pair = keys_of(log["actor"], log["subject"])
    without = np.asarray(pc.is_null(log["case"]))
    gap = since_before(pair, seconds)
    begins = np.isnan(gap) | (gap > _VISIT)  # a screen or two of one task are one visit
    window = MEMORY_DAYS * _DAY
    before = within(pair, seconds, seconds=window, counted=begins)
    alone = keys_of(pair, np.where(without, 0, -1).astype(np.int64))
    gap_alone = since_before(alone, seconds)
    begins_alone = np.isnan(gap_alone) | (gap_alone > _VISIT)
    before_alone = within(alone, seconds, seconds=window, counted=begins_alone)
    return {
        "visits": numbers(np.where(pair < 0, np.nan, before + begins)),
        "visits_without_case": numbers(np.where(pair < 0, np.nan, np.where(without, before_alone + begins_alone, 0))),
    }


def _volume(log: pa.Table, seconds: NDArray[np.int64]) -> dict[str, pa.Array]:
    actor = keys_of(log["actor"])
    day = keys_of(actor, seconds // _DAY)
    today = times_before(day) + 1
    # The habit is the mean of the actor's earlier days, each counted once, when it is over.
    first = today == 1
    order = np.flatnonzero(first)
    total = times_before(actor)[order]
    days = times_before(actor[order])
    habit = np.where(days > 0, total / np.maximum(days, 1), np.nan)
    usual = np.full(int(day.max(initial=0)) + 1, np.nan)
    usual[day[order]] = habit
    pair = keys_of(log["actor"], log["subject"])
    gap = _rows_since(pair, actor)
    fresh = ~(gap <= 50)
    return {
        "minutes_since_last": numbers(np.round(since_before(actor, seconds) / 60, 1)),
        "reads_last_hour": numbers(within(actor, seconds, seconds=_HOUR).astype(np.float64)),
        "reads_today_against_habit": numbers(np.round(today / usual[day], 2)),
        "subjects_among_last": numbers(np.round(50 * _recent_share(actor, fresh))),
    }


def _rows_since(pair: NDArray[np.int64], actor: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many of the actor's own reads ago the same subject was read."""
    return since_before(pair, times_before(actor))


def _recent_share(actor: NDArray[np.int64], fresh: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return which share of the actor's last 50 reads were of a subject not read shortly before."""
    place = times_before(actor)
    count = np.minimum(place, 50)
    hits = _last(actor, place, fresh, width=50)
    return np.where(count >= 10, hits / np.maximum(count, 1), np.nan)


def _last(
    actor: NDArray[np.int64], place: NDArray[np.int64], counted: NDArray[np.bool_], *, width: int
) -> NDArray[np.float64]:
    return within(actor, place, seconds=width, counted=counted).astype(np.float64)


def _novelty(log: pa.Table, columns: pa.Array) -> dict[str, pa.Array]:
    read = pa.chunked_array([columns]) if isinstance(columns, pa.Array) else columns
    way = keys_of(log["purpose"], log["table"], read)
    by_role = keys_of(keys_of(log["role"]), way)
    return {
        "new_columns": yes_no(times_before(keys_of(log["actor"], read)) == 0),
        "new_to_role": yes_no(times_before(by_role) == 0),
    }


def _steps(log: pa.Table) -> dict[str, pa.Array]:
    # Numbered subjects only: a pseudonym has no neighbour.
    if not pa.types.is_integer(log["subject"].type):
        return {}
    numbered = log["subject"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    actor = keys_of(log["actor"])
    # An access to many stands between two subjects without parting them.
    step = np.abs(numbered - latest_before(actor, np.nan_to_num(numbered), ~np.isnan(numbered)))
    near = np.where(np.isnan(step), 0, np.searchsorted(_STEPS, np.nan_to_num(step)) + 1)
    return {"step": numbers(step), "neighbour": named(near, _STEP_NAMES)}
