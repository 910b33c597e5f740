"""Incidents planted in a clean audit log, each breaking one thing: what reasons must be able to name.

None is shaped after a known attack. Each takes one actor's day and changes one aspect of it in the raw log; what
follows from it is derived anew. What is not the aspect stays: a foreign case is of the same kind, a moved day keeps its
order, and who works more does so with consumers and cases of their own. A day is chosen only if the aspect can be
changed there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.streams import seconds_of

_DAY, _HOUR = 86400, 3600
#: Reads of single consumers that an actor's day must have to be chosen.
_FEWEST = 6
#: How far a day must be moved to be in other hours, and over how long it must stretch to come back to one consumer.
_APART, _STRETCH = 6 * _HOUR, 4 * _HOUR
#: How many times the day's own work many reads are, and among how many cases alike a foreign one is drawn.
_TIMES, _ALIKE = 9, 20
Rows = NDArray[np.int64]

#: Kind of incident -> fields of the audit stream, and rules, that tell of it.
CAUSES: Mapping[str, tuple[str, ...]] = {
    "other hours": ("hour", "day", "rule off_hours"),
    "other purpose": ("purpose", "new_to_role"),
    "other columns": ("table", "columns", "view", "new_columns", "new_to_role"),
    "no case": ("case_kind", "case_turn", "visits_without_case"),
    "case of another": ("case_of_another", "case_turn", "rule case_of_another"),
    "other place": ("new_device", "new_network", "device_days", "network_days", "elsewhere"),
    "many records": ("rows", "rows_against_habit", "rows_today", "viewed_today", "exported_today", "rule bulk"),
    "one consumer": ("visits", "visits_without_case", "subjects_among_last"),
    "consumers in order": ("step", "neighbour"),
    "many reads": (
        *("reads_last_hour", "reads_today_against_habit", "viewed_today", "rows_today", "minutes_since_last"),
        *("rule burst", "rule bulk"),
    ),
}


@dataclass(frozen=True)
class _Day:
    """One actor's day: rows of reads of single consumers, and of all entries, each in order of time."""

    actor: str
    day: int
    reads: Rows
    every: Rows


Plant = Callable[[pa.Table, _Day, np.random.Generator], pa.Table]


@dataclass(frozen=True)
class PlantedLog:
    """A log with incidents.

    Args:
        log: In order of time.
        planted: Kind, actor and day since 1970 of each incident.
    """

    log: pa.Table
    planted: tuple[tuple[str, str, int], ...]


def plant_incidents(
    log: pa.Table, *, since: int, each: int, generator: np.random.Generator, kinds: Sequence[str] = tuple(CAUSES)
) -> PlantedLog:
    """Plant so many incidents of each kind, every one under another actor or on another day.

    Args:
        log: A clean audit log.
        since: Day since 1970 from which on incidents are planted.
        each: How many of each kind.
        generator: Draws actors, days and what is planted.
        kinds: Which; those that the log's columns do not allow are left out.

    Raises:
        ModelError: The log has too few days of actors who work with consumers.
    """
    kinds = [kind for kind in kinds if _possible(kind, log)]
    days, count = _days_of(log, since), each * len(kinds)
    hint = "give a longer log, or plant fewer"
    if len(days) < count:
        raise ModelError(f"{len(days)} days of actors are too few for {count} incidents", hint=hint)
    left = [days[place] for place in generator.permutation(len(days))]
    chosen: list[tuple[str, _Day]] = []
    for kind in (kinds[place % len(kinds)] for place in range(count)):
        place = next((place for place, unit in enumerate(left) if _suits(kind, log, unit)), None)
        if place is None:
            raise ModelError(f"too few days of actors to plant {each} incidents of `{kind}`", hint=hint)
        chosen.append((kind, left.pop(place)))
    for kind, unit in chosen:
        log = _PLANTS[kind](log, unit, generator)
    order = np.argsort(seconds_of(log["time"], unit="us"), kind="stable")
    return PlantedLog(log.take(pa.array(order)), tuple((kind, unit.actor, unit.day) for kind, unit in chosen))


def _possible(kind: str, log: pa.Table) -> bool:
    if kind == "other place":
        return bool({"device", "network"} & set(log.column_names))
    return kind != "consumers in order" or bool(pa.types.is_integer(log["subject"].type))


def _suits(kind: str, log: pa.Table, unit: _Day) -> bool:
    """Return whether a day has what the kind of incident changes."""
    if kind in ("no case", "case of another"):
        return len(_with_case(log, unit)) >= _FEWEST
    if kind == "other hours":
        return max(_room(log, unit)) >= _APART
    seconds = seconds_of(log["time"].take(pa.array(unit.every)))
    return kind not in ("one consumer", "many reads") or int(seconds.max() - seconds.min()) >= _STRETCH


def _with_case(log: pa.Table, unit: _Day) -> Rows:
    known = np.asarray(pc.is_valid(log["case"].take(pa.array(unit.reads))), dtype=bool)
    return np.asarray(unit.reads[known], dtype=np.int64)


def _room(log: pa.Table, unit: _Day) -> tuple[int, int]:
    """Return the seconds between midnight and the first entry, and between the last one and midnight."""
    clock = seconds_of(log["time"].take(pa.array(unit.every))) % _DAY
    return int(clock.min()), int(_DAY - 1 - clock.max())


def _days_of(log: pa.Table, since: int) -> list[_Day]:
    """Return the actors' days with enough reads of single consumers."""
    seconds = seconds_of(log["time"])
    later = np.flatnonzero(seconds // _DAY >= since)
    if not len(later):
        return []
    single = np.asarray(pc.is_valid(log["subject"]))
    unit = keys_of(log["actor"].take(pa.array(later)), seconds[later] // _DAY - since)
    order = np.lexsort((seconds[later], unit))
    groups = np.split(later[order], np.flatnonzero(np.diff(unit[order])) + 1)
    groups = [rows for rows in groups if single[rows].sum() >= _FEWEST]
    actors = log["actor"].take(pa.array([int(rows[0]) for rows in groups], pa.int64())).cast(pa.string()).to_pylist()
    return [
        _Day(actor, int(seconds[rows[0]] // _DAY), rows[single[rows]], rows)
        for actor, rows in zip(actors, groups, strict=True)
    ]


def _with(log: pa.Table, column: str, rows: Rows, values: Sequence[object]) -> pa.Table:
    """Return the log with these values in these rows of a column."""
    plain = log[column]
    kind = plain.type.value_type if pa.types.is_dictionary(plain.type) else plain.type
    mask = np.zeros(log.num_rows, dtype=bool)
    mask[rows] = True
    ordered = pa.array([values[place] for place in np.argsort(rows, kind="stable")], kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        every = pa.concat_arrays([plain.cast(kind).combine_chunks(), ordered])
        source = np.arange(log.num_rows)
        source[np.sort(rows)] = log.num_rows + np.arange(len(rows))
        changed = every.take(pa.array(source))
    else:
        changed = pc.replace_with_mask(plain.cast(kind).combine_chunks(), pa.array(mask), ordered)
    return log.set_column(log.column_names.index(column), column, changed)


def _at(log: pa.Table, rows: Rows, seconds: NDArray[np.int64]) -> pa.Table:
    times = log["time"]
    micros = seconds_of(times, unit="us").copy()
    micros[rows] = seconds * 1_000_000
    zone = getattr(times.type, "tz", None)
    moved = pa.array(micros).cast(pa.timestamp("us", zone)).cast(times.type)
    return log.set_column(log.column_names.index("time"), "time", moved)


def _other_hours(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    # The whole day, in its order, to where there is more room: to midnight.
    before, after = _room(log, unit)
    seconds = seconds_of(log["time"].take(pa.array(unit.every)))
    return _at(log, unit.every, seconds + (after if after > before else -before))


def _other_purpose(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    actor, purpose = log["actor"].cast(pa.string()), log["purpose"].cast(pa.string())
    used = set(purpose.filter(pc.equal(actor, unit.actor)).to_pylist())
    every = sorted(set(pc.unique(purpose).to_pylist()) - used - {None})
    other = str(generator.choice(every)) if every else "audit of stock"
    return _with(log, "purpose", unit.reads, [other] * len(unit.reads))


def _other_columns(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    rows, actor = unit.reads, log["actor"].cast(pa.string())
    mine = {str(value) for value in log["fields"].filter(pc.equal(actor, unit.actor)).to_pylist()}
    others = [int(row) for row in generator.integers(log.num_rows, size=200)]
    foreign = [row for row in others if log["fields"][row].as_py() and str(log["fields"][row].as_py()) not in mine]
    if not foreign:
        return _with(log, "fields", rows, [["secret", "id_number"]] * len(rows))
    for column in ("table", "fields", "view"):
        log = _with(log, column, rows, [log[column][foreign[0]].as_py()] * len(rows))
    return log


def _no_case(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    return _with(log, "case", unit.reads, [None] * len(unit.reads))


def _case_of_another(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    rows = _with_case(log, unit)
    cases = log["case"].take(pa.array(rows)).cast(pa.string()).to_pylist()
    # One foreign case for each of the day's own: turns from one case to the next stay what they were.
    known = _earlier_cases(log, unit)
    foreign = {case: _foreign_case(case, known, generator) for case in dict.fromkeys(cases)}
    return _with(log, "case", rows, [foreign[case] for case in cases])


def _earlier_cases(log: pa.Table, unit: _Day) -> list[str]:
    """Return the cases that were used for other consumers before, the latest last."""
    before = log.slice(0, int(unit.every.min())).select(["case", "subject"])
    own = pc.unique(log["subject"].take(pa.array(unit.reads)))
    other = pc.and_(pc.is_valid(before["subject"]), pc.invert(pc.is_in(before["subject"], value_set=own)))
    return list(dict.fromkeys(before["case"].filter(other).drop_null().cast(pa.string()).to_pylist()))


def _foreign_case(case: str, known: Sequence[str], generator: np.random.Generator) -> str:
    """Return a known case of the same kind and as old, as far as numbers tell; the case itself where there is none."""
    same = [each for each in known if each[:1] == case[:1] and each != case]
    number = _number(case)
    alike = same[-_ALIKE:] if number is None else sorted(same, key=lambda each: abs((_number(each) or 0) - number))
    return str(generator.choice(alike[:_ALIKE])) if alike else case


def _number(case: str) -> int | None:
    digits = re.search(r"[0-9]+$", case)
    return int(digits.group()) if digits else None


def _other_place(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    for column in ("device", "network"):
        if column in log.column_names:
            log = _with(log, column, unit.every, [f"{column} {generator.integers(10**9)}"] * len(unit.every))
    return log


def _many_records(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    highest, rows = pc.max(log["rows"]).as_py(), unit.reads[:3]
    return _with(log, "rows", rows, [int(generator.integers(highest // 2 + 500, highest + 1000))] * len(rows))


def _one_consumer(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    # Within the actor's own hours, but far enough apart to be visits.
    seconds, rows = seconds_of(log["time"].take(pa.array(unit.every))), unit.reads
    spread = np.linspace(int(seconds.min()), int(seconds.max()), len(rows)).astype(np.int64)
    log = _with(_at(log, rows, spread), "subject", rows, [log["subject"][int(rows[0])].as_py()] * len(rows))
    return _no_case(log, unit, generator)


def _in_order(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    begin = log["subject"][int(unit.reads[0])].as_py()
    return _with(log, "subject", unit.reads, [begin + turn for turn in range(len(unit.reads))])


def _many_reads(log: pa.Table, unit: _Day, generator: np.random.Generator) -> pa.Table:
    # The day's own work, in its order, several times over in the time of one: nothing but how much it is is out of
    # place. Exports stay as they are, since each has an approval and a gateway that carries it out.
    actions = log["action"].take(pa.array(unit.every)).cast(pa.string())
    rows = unit.every[np.asarray(pc.fill_null(pc.not_equal(actions, "export"), True))]
    seconds = seconds_of(log["time"].take(pa.array(rows)))
    part, span = (seconds - seconds[0]) // _TIMES, int(seconds[-1] - seconds[0])
    anybody = log["subject"].drop_null()
    taken = set(log["case"].cast(pa.string()).to_pylist())
    parts = [_at(log, rows, seconds[0] + part)]
    for turn in range(1, _TIMES):
        again = _at(log.take(pa.array(rows)), np.arange(len(rows)), seconds[0] + part + turn * span // _TIMES)
        parts.append(_of_others(again, anybody, taken, generator))
    first = pc.max(log["index"]).as_py() + 1
    both = pa.concat_tables(parts).combine_chunks()
    more = np.arange(log.num_rows, both.num_rows)
    return _with(both, "index", more, (first + more - log.num_rows).tolist())


def _of_others(
    day: pa.Table, anybody: pa.ChunkedArray, taken: set[str | None], generator: np.random.Generator
) -> pa.Table:
    """Return a day with other consumers and with cases that nobody had yet, the same for the same."""
    every = np.arange(day.num_rows)
    subjects, cases = day["subject"].to_pylist(), day["case"].cast(pa.string()).to_pylist()
    drawn = {one: anybody[int(generator.integers(len(anybody)))].as_py() for one in dict.fromkeys(subjects)}
    fresh = {case: _fresh_case(case, taken, generator) for case in dict.fromkeys(cases)}
    day = _with(day, "subject", every, [None if one is None else drawn[one] for one in subjects])
    return _with(day, "case", every, [fresh[case] for case in cases])


def _fresh_case(case: str | None, taken: set[str | None], generator: np.random.Generator) -> str | None:
    """Return a case with a number close by that no case had yet; a case without a number stays as it is."""
    digits = re.search(r"[0-9]+$", case or "")
    if case is None or digits is None:
        return case
    number, reach = digits.group(), 16
    while case in taken:
        other = abs(int(number) + int(generator.integers(-reach, reach + 1)))
        case, reach = f"{case[: digits.start()]}{other:0{len(number)}d}", 2 * reach
    taken.add(case)
    return case


_PLANTS: Mapping[str, Plant] = {
    "other hours": _other_hours,
    "other purpose": _other_purpose,
    "other columns": _other_columns,
    "no case": _no_case,
    "case of another": _case_of_another,
    "other place": _other_place,
    "many records": _many_records,
    "one consumer": _one_consumer,
    "consumers in order": _in_order,
    "many reads": _many_reads,
}
