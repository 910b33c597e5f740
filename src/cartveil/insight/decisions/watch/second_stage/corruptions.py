"""Generic corruptions: clean logs in which some events are foreign to whoever seems to act in them.

None copies an attack that anybody described; what they break is what misuse may break too. Each breaks one thing that
holds in every clean log: that a session belongs to its account, that people keep their hours, that words come in usual
combinations, that subjects come in no order, that columns are filled. They act on the raw log; what follows from them
is derived anew.

A corruption is `(log, generator) -> Corrupted`; bind the keywords of these functions with `functools.partial`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.streams import seconds_of

_DAY, _HOUR = 86400, 3600
#: Known subjects from one to the next where they come in order.
_WIDEST_STEP = 20


@dataclass(frozen=True)
class Corrupted:
    """A corrupted log.

    Args:
        log: With the columns of the clean one, not necessarily in order of time.
        touched: Which rows are foreign to their actor, (rows,).
    """

    log: pa.Table
    touched: NDArray[np.bool_]


Corruption = Callable[[pa.Table, np.random.Generator], Corrupted]


def swap_actors(
    log: pa.Table,
    generator: np.random.Generator,
    *,
    bout: str = "session",
    actor: str = "actor",
    carried: Sequence[str] = (),
    renamed: Sequence[str] = (),
    entry: tuple[str, str] | None = None,
    valued: str | None = None,
    most: int = 4,
    share: float = 0.02,
) -> Corrupted:
    """Let some actors' runs of bouts happen under another actor's name.

    Args:
        log: A clean log with a column `time`.
        generator: Of the choice.
        bout: Column of what is moved whole, such as a session.
        actor: Column of who acts.
        carried: Columns that belong to the actor who is named, such as a role.
        renamed: Columns of text whose values are made new for each run, such as a device that nobody else may have.
        entry: (column, value) with which the first bout of a run begins; default: any.
        valued: Column of numbers; bouts are drawn the more often the more of it they hold, since whoever slips into
            another's name wants something. Default: all alike.
        most: Longest run of bouts in a row that go to the same actor; shorter ones are as likely.
        share: Of all bouts, roughly.
    """
    bouts = _bouts(log, actor, bout)
    order = np.lexsort((bouts.begin, keys_of(log[actor])[bouts.first]))
    odds = _odds(log, bouts, entry, valued)[order]
    place, run = _runs(odds, generator, most=most, share=share)
    moved = order[place]
    # The host is whoever acts in a bout drawn at random: the busy are taken over more often, and all are known.
    host = bouts.first[generator.integers(max(1, len(order)), size=int(run.max(initial=-1)) + 1)][run]
    into, name = np.full((2, len(order)), -1)
    into[moved], name[moved] = host, run
    into, name = (_spread(bouts, each + 1) - 1 for each in (into, name))
    touched = into >= 0
    log = _taken(log, [actor, *carried], np.where(touched, into, np.arange(log.num_rows)))
    for column in renamed:
        log = _renamed(log, column, name)
    return Corrupted(log, touched)


def _odds(log: pa.Table, bouts: "_Bouts", entry: tuple[str, str] | None, valued: str | None) -> NDArray[np.float64]:
    """Return how likely a run is to begin with each bout."""
    odds = np.ones(len(bouts.first))
    if valued is not None:
        value = np.nan_to_num(log[valued].cast(pa.float64()).to_numpy(zero_copy_only=False))
        inside = bouts.of >= 0
        held = np.bincount(bouts.of[inside], weights=np.abs(value[inside]), minlength=len(odds))
        odds += held / max(held.mean(), 1e-9)
    if entry is not None:
        first = log[entry[0]].take(pa.array(bouts.first)).cast(pa.string())
        odds *= np.asarray(pc.fill_null(pc.equal(first, entry[1]), False))
    return odds


def _renamed(log: pa.Table, column: str, run: NDArray[np.int64]) -> pa.Table:
    """Return the log with values of its own in each run (-1: none)."""
    plain = log[column].cast(pa.string()).combine_chunks()
    suffix = pa.array(run).cast(pa.string())
    fresh = pc.if_else(pa.array(run >= 0), pc.binary_join_element_wise(plain, suffix, "~"), plain)
    return log.set_column(log.column_names.index(column), column, fresh)


def shift_hours(
    log: pa.Table, generator: np.random.Generator, *, bout: str = "session", actor: str = "actor", share: float = 0.01
) -> Corrupted:
    """Let some bouts happen 3 to 21 hours later."""
    bouts = _bouts(log, actor, bout)
    chosen = generator.random(len(bouts.first)) < share
    by = np.where(chosen, generator.uniform(3 * _HOUR, 21 * _HOUR, len(chosen)), 0.0)
    touched = _spread(bouts, chosen)
    later = _spread(bouts, by.astype(np.int64))
    times = log["time"]
    zone = getattr(times.type, "tz", None)
    micros = seconds_of(times, unit="us") + later * 1_000_000
    moved = pa.array(micros).cast(pa.timestamp("us", zone)).cast(times.type)
    return Corrupted(log.set_column(log.column_names.index("time"), "time", moved), touched)


def foreign_values(
    log: pa.Table,
    generator: np.random.Generator,
    *,
    columns: Sequence[str],
    bout: str = "session",
    actor: str = "actor",
    share: float = 0.01,
) -> Corrupted:
    """Let the events of some bouts have these columns, together, as events of anybody have them.

    Args:
        log: A clean log.
        generator: Of the choice.
        columns: What is replaced, by the values of one other event per bout.
        bout: Column of what is touched whole.
        actor: Column of who acts.
        share: Of all bouts.
    """
    bouts = _bouts(log, actor, bout)
    chosen = generator.random(len(bouts.first)) < share
    touched = _spread(bouts, chosen)
    other = generator.integers(log.num_rows, size=len(bouts.first))
    source = np.where(touched, _spread(bouts, other), np.arange(log.num_rows))
    changed = np.zeros(log.num_rows, dtype=bool)
    for column in columns:
        codes = _codes(log[column])
        changed |= codes != codes[source]
    return Corrupted(_taken(log, columns, source), touched & changed)


def missing_values(
    log: pa.Table,
    generator: np.random.Generator,
    *,
    column: str,
    bout: str = "session",
    actor: str = "actor",
    share: float = 0.01,
) -> Corrupted:
    """Let a column that was filled be NULL in some bouts."""
    bouts = _bouts(log, actor, bout)
    touched = _spread(bouts, generator.random(len(bouts.first)) < share)
    touched &= np.asarray(log[column].is_valid())
    kept = pa.array(np.where(touched, -1, np.arange(log.num_rows)), mask=touched)
    place = log.column_names.index(column)
    return Corrupted(log.set_column(place, column, log[column].take(kept)), touched)


def subjects_in_order(
    log: pa.Table,
    generator: np.random.Generator,
    *,
    subject: str = "subject",
    bout: str = "session",
    actor: str = "actor",
    share: float = 0.01,
    fewest: int = 5,
) -> Corrupted:
    """Let the subjects of some bouts be known ones in the order of their numbers, with gaps: from none to wide ones.

    Args:
        log: A clean log.
        generator: Of the choice.
        subject: Column of whole numbers.
        bout: Column of what is touched whole.
        actor: Column of who acts.
        share: Of the bouts that are long enough.
        fewest: Events with a subject that a bout must have.

    Guarantees:
        - Of the known subjects one to 20 are gone forward at a time, each order of magnitude as likely.
    """
    bouts = _bouts(log, actor, bout)
    valid = np.asarray(log[subject].is_valid()) & (bouts.of >= 0)
    numbers = np.unique(log[subject].drop_null().to_numpy())
    length = np.bincount(bouts.of[valid], minlength=len(bouts.first))
    chosen = (length >= fewest) & (generator.random(len(length)) < share)
    touched = valid & _spread(bouts, chosen)
    rows = np.flatnonzero(touched)
    rows = rows[np.argsort(bouts.of[rows], kind="stable")]
    step = np.exp(generator.uniform(0.0, np.log(_WIDEST_STEP + 1), size=len(rows))).astype(np.int64)
    place = generator.integers(max(1, len(numbers)), size=len(length))[bouts.of[rows]] + np.cumsum(step)
    values = log[subject].to_numpy(zero_copy_only=False).copy()
    values[rows] = numbers[place % max(1, len(numbers))]
    column = pa.array(values, from_pandas=True).cast(log[subject].type)
    return Corrupted(log.set_column(log.column_names.index(subject), subject, column), touched)


@dataclass(frozen=True)
class _Bouts:
    """Rows in bouts: `of` each row (-1: none), and per bout its first row and when it begins."""

    of: NDArray[np.int64]
    first: NDArray[np.int64]
    begin: NDArray[np.int64]


def _bouts(log: pa.Table, actor: str, bout: str) -> _Bouts:
    seconds = seconds_of(log["time"])
    # A log without sessions has days.
    within = keys_of(log[bout]) if bout in log.column_names else seconds // _DAY
    keys = keys_of(log[actor], within)
    known, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    lacking = int(len(known) > 0 and known[0] < 0)
    return _Bouts(inverse - lacking, first[lacking:], seconds[first[lacking:]])


def _runs(
    odds: NDArray[np.float64], generator: np.random.Generator, *, most: int, share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return places of chosen bouts, and which run each belongs to."""
    possible = int((odds > 0).sum())
    count = min(possible, max(1, round(len(odds) * share / ((most + 1) / 2))))
    if not count:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    start = generator.choice(len(odds), size=count, replace=False, p=odds / odds.sum())
    length = generator.integers(1, most + 1, size=count)
    run = np.repeat(np.arange(count), length)
    places = np.repeat(start, length) + np.arange(len(run)) - np.repeat(np.cumsum(length) - length, length)
    inside = places < len(odds)
    return places[inside], run[inside]


def _spread(bouts: _Bouts, values: NDArray) -> NDArray:  # type: ignore[type-arg]
    """Return each row's value of its bout; 0 for rows without one."""
    if not len(values):
        return np.zeros(len(bouts.of), dtype=values.dtype)
    return np.where(bouts.of >= 0, values[bouts.of], np.zeros(1, dtype=values.dtype))


def _taken(log: pa.Table, columns: Sequence[str], source: NDArray[np.int64]) -> pa.Table:
    """Return the log with these columns as they stand in the rows `source`."""
    for column in columns:
        log = log.set_column(log.column_names.index(column), column, log[column].take(pa.array(source)))
    return log


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), " ")
    return keys_of(column)
