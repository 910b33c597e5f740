"""The audit log as an event stream: the detector that learns consumers' habits watches the watchers too.

The raw entries say little. What gives misuse away is how an access stands to those before it: the same consumer again
without a case, columns that this person never read, more than usual for this hour of the day.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.sequences.relations import keys_of, since_before, times_before, within
from cartveil.insight.sequences.streams import StreamSpec, clock_columns, in_order, numbers, seconds_of, yes_no

_HOUR, _DAY = 3600, 86400
#: Reads of one subject less than this apart are one visit.
_VISIT = 15 * 60
#: How long a visit is remembered.
_MEMORY_DAYS = 14

_PLAIN = ("action", "purpose", "table", "view", "decision")
_DERIVED = ("columns", "case_kind", "hour", "day", "new_columns", "new_to_role", "case_of_another")
_NUMERIC = (
    "visits_without_case",
    "visits",
    "minutes_since_last",
    "rows",
    "reads_last_hour",
    "reads_today_against_habit",
    "subjects_among_last",
)
#: Columns that not every log has; only whether their value is new to the actor is looked at.
_PLACES = ("device", "network")

_WORDS = (
    (
        "visits_without_case",
        f"read the same consumer {{value}} times in {_MEMORY_DAYS} days without a case; usual: {{usual}}",
    ),
    ("visits", f"came back to the same consumer {{value}} times in {_MEMORY_DAYS} days; usual: {{usual}}"),
    ("rows", "read {value} rows at once; usual: {usual}"),
    ("reads_last_hour", "{value} reads within the hour before; usual: {usual}"),
    ("reads_today_against_habit", "{value} times as many reads as on a usual day; usual: {usual}"),
    ("subjects_among_last", "{value} of the last 50 reads were of different consumers; usual: {usual}"),
    ("minutes_since_last", "{value} minutes after the read before; usual: {usual}"),
    ("columns", "read the columns {value}; usual: {usual}"),
    ("case_kind", "case: {value}; usual: {usual}"),
    ("hour", "worked between {value} o'clock; usual: {usual}"),
    ("day", "worked on a {value}; usual: {usual}"),
    ("new_columns", "read columns that this actor had never read before"),
    ("new_to_role", "combined purpose, table and columns as nobody of this role had before"),
    ("case_of_another", "used a case that had been opened for another consumer"),
    ("new_device", "used a device that this actor had never used before"),
    ("new_network", "came from a network that this actor had never come from before"),
    ("step", "the subject's number is {value} from the one before; usual: {usual}"),
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
    columns |= _novelty(log, columns["columns"])
    places = tuple(f"new_{name}" for name in _PLACES if name in log.column_names)
    steps = _steps(log)
    columns |= steps
    spec = StreamSpec(fields=(*_PLAIN, *_DERIVED, *places), numeric=(*_NUMERIC, *steps), role="role", words=_WORDS)
    return pa.table(
        {name: columns[name] for name in ("index", "time", "actor", "role", "subject", *spec.described)}
    ), spec


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
    window = _MEMORY_DAYS * _DAY
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
    case = keys_of(log["case"])
    owner = keys_of(log["case"], log["subject"])
    # A case that has been seen, but never with this subject.
    another = (case >= 0) & (owner >= 0) & (times_before(case) > 0) & (times_before(owner) == 0)
    answer = {
        "new_columns": yes_no(times_before(keys_of(log["actor"], read)) == 0),
        "new_to_role": yes_no(times_before(by_role) == 0),
        "case_of_another": yes_no(another),
    }
    for name in _PLACES:
        if name in log.column_names:
            seen = keys_of(log["actor"], log[name])
            answer[f"new_{name}"] = yes_no((seen >= 0) & (times_before(seen) == 0))
    return answer


def _steps(log: pa.Table) -> dict[str, pa.Array]:
    # Numbered subjects only: a pseudonym has no neighbour.
    if not pa.types.is_integer(log["subject"].type):
        return {}
    numbered = log["subject"].cast(pa.float64()).to_numpy()
    actor = keys_of(log["actor"])
    order = np.argsort(actor, kind="stable")
    step = np.abs(np.diff(numbered[order], prepend=np.nan))
    step[1:][actor[order][1:] != actor[order][:-1]] = np.nan
    answer = np.empty(len(step))
    answer[order] = step
    return {"step": numbers(answer)}
