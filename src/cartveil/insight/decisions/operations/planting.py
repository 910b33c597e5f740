"""Incidents planted in a clean audit log, each breaking one thing: what reasons must be able to name.

None is shaped after a known attack. Each takes the reads of one actor on one day and changes one aspect of them in the
raw log; what follows from it is derived anew.
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
#: Entries that an actor's day must have to be chosen.
_FEWEST = 6
Rows = NDArray[np.int64]
Plant = Callable[[pa.Table, Rows, np.random.Generator], pa.Table]

#: Kind of incident -> fields of the audit stream that tell of it.
CAUSES: Mapping[str, tuple[str, ...]] = {
    "other hours": ("hour", "day"),
    "other purpose": ("purpose", "new_to_role"),
    "other columns": ("table", "columns", "view", "new_columns", "new_to_role"),
    "no case": ("case_kind", "case_turn", "visits_without_case"),
    "case of another": ("case_of_another", "case_turn"),
    "other place": ("new_device", "new_network", "device_days", "network_days", "elsewhere"),
    "many records": ("rows", "rows_against_habit", "rows_today", "viewed_today", "exported_today"),
    "one consumer": ("visits", "visits_without_case", "subjects_among_last"),
    "consumers in order": ("step", "neighbour"),
    "many reads": ("reads_last_hour", "reads_today_against_habit", "viewed_today", "rows_today", "minutes_since_last"),
}


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
    actors, days, rows = _days_of(log, since)
    if len(rows) < each * len(kinds):
        hint = "give a longer log, or plant fewer"
        raise ModelError(f"{len(rows)} days of actors are too few for {each * len(kinds)} incidents", hint=hint)
    chosen = generator.permutation(len(rows))[: each * len(kinds)]
    planted = []
    for place, unit in enumerate(chosen):
        kind = kinds[place % len(kinds)]
        log = _PLANTS[kind](log, rows[unit], generator)
        planted.append((kind, actors[unit], days[unit]))
    return PlantedLog(log.take(pa.array(np.argsort(seconds_of(log["time"], unit="us"), kind="stable"))), tuple(planted))


def _possible(kind: str, log: pa.Table) -> bool:
    if kind == "other place":
        return bool({"device", "network"} & set(log.column_names))
    return kind != "consumers in order" or bool(pa.types.is_integer(log["subject"].type))


def _days_of(log: pa.Table, since: int) -> tuple[list[str], list[int], list[Rows]]:
    """Return the actors' days with enough reads of single consumers, and the rows of those reads."""
    day = seconds_of(log["time"]) // _DAY
    single = np.asarray(pc.is_valid(log["subject"])) & (day >= since)
    known = np.flatnonzero(single)
    unit = keys_of(log["actor"].take(pa.array(known)), day[known] - day.min())
    order = np.argsort(unit, kind="stable")
    groups = np.split(known[order], np.flatnonzero(np.diff(unit[order])) + 1)
    groups = [rows for rows in groups if len(rows) >= _FEWEST]
    actors = log["actor"].take(pa.array([int(rows[0]) for rows in groups], pa.int64())).cast(pa.string()).to_pylist()
    return actors, [int(day[rows[0]]) for rows in groups], groups


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


def _other_hours(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    seconds = seconds_of(log["time"].take(pa.array(rows)))
    # Within the same day, half a day away.
    return _at(log, rows, seconds - seconds % _DAY + (seconds % _DAY + 12 * _HOUR) % _DAY)


def _other_purpose(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    actor, purpose = log["actor"].cast(pa.string()), log["purpose"].cast(pa.string())
    used = set(purpose.filter(pc.equal(actor, actor[int(rows[0])])).to_pylist())
    every = sorted(set(pc.unique(purpose).to_pylist()) - used - {None})
    return _with(log, "purpose", rows, [str(generator.choice(every)) if every else "audit of stock"] * len(rows))


def _other_columns(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    mine = {str(value) for value in log["fields"].take(pa.array(rows)).to_pylist()}
    others = [int(row) for row in generator.integers(log.num_rows, size=200)]
    foreign = [row for row in others if log["fields"][row].as_py() and str(log["fields"][row].as_py()) not in mine]
    if not foreign:
        return _with(log, "fields", rows, [["secret", "id_number"]] * len(rows))
    for column in ("table", "fields", "view"):
        log = _with(log, column, rows, [log[column][foreign[0]].as_py()] * len(rows))
    return log


def _no_case(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    return _with(log, "case", rows, [None] * len(rows))


def _case_of_another(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    both = np.asarray(pc.and_(pc.is_valid(log["case"]), pc.is_valid(log["subject"])))
    earlier = np.flatnonzero(both[: int(rows.min())])
    if not len(earlier):
        return _no_case(log, rows, generator)
    source = generator.choice(earlier[-2000:], len(rows))
    return _with(log, "case", rows, log["case"].take(pa.array(source)).to_pylist())


def _other_place(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    for column in ("device", "network"):
        if column in log.column_names:
            log = _with(log, column, rows, [f"{column} {generator.integers(10**9)}"] * len(rows))
    return log


def _many_records(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    highest = pc.max(log["rows"]).as_py()
    return _with(log, "rows", rows[:3], [int(generator.integers(highest // 2 + 500, highest + 1000))] * len(rows[:3]))


def _one_consumer(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    seconds = seconds_of(log["time"].take(pa.array(rows[:1])))[0]
    spread = seconds - seconds % _DAY + np.linspace(9 * _HOUR, 17 * _HOUR, len(rows)).astype(np.int64)
    log = _with(_at(log, rows, spread), "subject", rows, [log["subject"][int(rows[0])].as_py()] * len(rows))
    return _no_case(log, rows, generator)


def _in_order(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    begin = log["subject"][int(rows[0])].as_py()
    order = np.argsort(seconds_of(log["time"].take(pa.array(rows))), kind="stable")
    return _with(log, "subject", rows[order], [begin + turn for turn in range(len(rows))])


def _many_reads(log: pa.Table, rows: Rows, generator: np.random.Generator) -> pa.Table:
    # The day's own reads again, between the first and the last of them, of consumers whom anybody reads and under cases
    # of their own: nothing but how many they are is out of place.
    source = np.tile(rows, 8)
    seconds = seconds_of(log["time"].take(pa.array(rows)))
    more = _at(log.take(pa.array(source)), np.arange(len(source)), generator.integers(*_span(seconds), len(source)))
    anybody = np.flatnonzero(np.asarray(pc.is_valid(log["subject"])))
    first = pc.max(log["index"]).as_py() + 1
    columns = {
        "subject": log["subject"].take(pa.array(generator.choice(anybody, len(source)))),
        "case": _fresh_cases(more["case"], log["case"], generator),
        "index": pa.array(np.arange(first, first + len(source)), log["index"].type),
    }
    for column, values in columns.items():
        more = more.set_column(more.column_names.index(column), column, values)
    return pa.concat_tables([log, more]).combine_chunks()


def _fresh_cases(cases: pa.ChunkedArray, known: pa.ChunkedArray, generator: np.random.Generator) -> pa.Array:
    """Return cases with numbers close by that no case had yet; a case without a number stays as it is."""
    taken = set(known.cast(pa.string()).to_pylist())
    return pa.array([_fresh_case(case, taken, generator) for case in cases.cast(pa.string()).to_pylist()], cases.type)


def _fresh_case(case: str | None, taken: set[str | None], generator: np.random.Generator) -> str | None:
    digits = re.search(r"[0-9]+$", case or "")
    if case is None or digits is None:
        return case
    while case in taken:
        case = f"{case[: digits.start()]}{int(digits.group()) + int(generator.integers(1, 10**5))}"
    taken.add(case)
    return case


def _span(seconds: NDArray[np.int64]) -> tuple[int, int]:
    return int(seconds.min()), int(max(seconds.max(), seconds.min() + _HOUR))


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
