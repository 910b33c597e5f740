"""The audit log as arrays that every rule reads: numbers for names, masks for kinds of action, order of time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.decisions.watch.rules.config import RuleConfig
from cartveil.insight.sequences.relations import keys_of, starts_of, times_before
from cartveil.insight.sequences.streams import seconds_of

_DAY = 86400
_TEXTS = ("actor", "role", "action", "purpose", "table", "case", "decision")
Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Trail:
    """Entries in order of time, an entry that stands twice taken once.

    Args:
        place: Row of the log that each entry stands in, (rows,).
        index: What alerts call the entry by, (rows,).
        seconds: Since 1970, (rows,).
        day: Number of the office's day, (rows,).
        hour: The office's hour, (rows,).
        actor: Number of who acts; `role`, `subject`, `case`, `kind` (of the case) and `matter` (table, purpose and
            kind of case) likewise, -1 where there is none, (rows,).
        rows: Records read, (rows,).
        reads: Which entries show data; `exports`, `approvals`, `checks`, `allowed` and `person` likewise, (rows,).
        settled: Which entries come after the days that only teach habits, (rows,).
        subjects: Text of each entry's subject.
    """

    place: Whole
    index: Whole
    seconds: Whole
    day: Whole
    hour: Whole
    actor: Whole
    role: Whole
    subject: Whole
    case: Whole
    kind: Whole
    matter: Whole
    purpose: Whole
    rows: NDArray[np.float64]
    reads: Mask
    exports: Mask
    approvals: Mask
    checks: Mask
    allowed: Mask
    person: Mask
    settled: Mask
    subjects: pa.ChunkedArray

    def __len__(self) -> int:
        return len(self.place)


def trail_of(log: pa.Table, config: RuleConfig) -> Trail:
    """Read an audit log for the rules.

    Args:
        log: As `audit_stream` takes it; entries without actor or time are left out, an empty text is as good as none.
        config: Which actions are what.

    Raises:
        ColumnError: A column is missing.
    """
    for name in ("index", "time", "subject", "rows", *_TEXTS):
        if name not in log.column_names:
            raise ColumnError("not an audit log: this column is missing", path=name)
    place = _in_order(log)
    log = log.take(pa.array(place))
    text = {name: _text(log[name]) for name in _TEXTS}
    seconds = seconds_of(log["time"])
    local = seconds + config.utc_offset * 3600
    day = local // _DAY
    kind = keys_of(pc.utf8_slice_codeunits(text["case"], 0, 1))
    purpose, subject = keys_of(text["purpose"]), _text(log["subject"])

    def among(column: str, words: Sequence[str]) -> Mask:
        return _filled(pc.is_in(text[column], value_set=pa.array(words, pa.string())))

    return Trail(
        place=place,
        index=log["index"].cast(pa.int64()).to_numpy(),
        seconds=seconds,
        day=day,
        hour=local % _DAY // 3600,
        actor=keys_of(text["actor"]),
        role=keys_of(text["role"]),
        subject=keys_of(subject),
        case=keys_of(text["case"]),
        kind=kind,
        matter=keys_of(keys_of(text["table"]) + 1, purpose + 1, kind + 1),
        purpose=purpose,
        rows=np.nan_to_num(log["rows"].cast(pa.float64()).to_numpy(zero_copy_only=False)),
        reads=among("action", config.reads),
        exports=among("action", config.exports),
        approvals=among("action", config.approvals),
        checks=among("action", config.checks),
        allowed=among("decision", ("allow",)),
        person=~among("role", config.services),
        settled=day >= day.min(initial=0 if not len(day) else day[0]) + config.settled_days,
        subjects=subject,
    )


def counted_before(keys: Whole, counted: Mask | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of `counted` over earlier rows with the same key; 0 for rows without one."""
    order = np.argsort(keys, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(counted[order], dtype=np.float64)])
    answer = np.empty(len(keys))
    answer[order] = total[:-1] - total[starts_of(keys[order])]
    return np.where(keys < 0, 0.0, answer)


def units(trail: Trail) -> Whole:
    """Return which (actor, day) each entry belongs to, (rows,)."""
    return keys_of(trail.actor, trail.day - trail.day.min(initial=trail.day[0] if len(trail) else 0))


def days_before(actor: Whole, day: Whole, marked: Mask) -> NDArray[np.float64]:
    """Return on how many days before this one the actor had a marked row."""
    unit = keys_of(actor, day - day.min(initial=day[0] if len(day) else 0))
    first = np.zeros(len(unit), dtype=bool)
    rows = np.flatnonzero(marked)
    first[rows[times_before(unit[rows]) == 0]] = True
    return counted_before(actor, first) - counted_before(unit, first)


def _in_order(log: pa.Table) -> Whole:
    known = _filled(pc.and_(pc.and_(pc.is_valid(log["actor"]), pc.is_valid(log["time"])), pc.is_valid(log["index"])))
    rows = np.flatnonzero(known)
    index = log["index"].take(pa.array(rows)).cast(pa.int64()).to_numpy()
    # What stands twice, as after a file was read in twice, is one entry.
    once = np.sort(np.unique(index, return_index=True)[1])
    rows, index = rows[once], index[once]
    times = seconds_of(log["time"].take(pa.array(rows)), unit="us")
    return np.asarray(rows[np.lexsort((index, times))], dtype=np.int64)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _filled(mask: pa.ChunkedArray) -> Mask:
    return np.asarray(pc.fill_null(mask, False).to_numpy(), dtype=bool)
