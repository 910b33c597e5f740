"""Event streams: what a detector watches, whoever acts in it.

A stream is a table with a row per event, and a `StreamSpec` that says who acts, when, and which columns describe the
event. Columns made of relations, such as how often somebody looked at the same subject before, carry most of what
there is to find; `audit_stream` and `order_stream` make them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.sequences.relations import keys_of, times_before

_HOUR, _DAY = 3600, 86400


@dataclass(frozen=True)
class StreamSpec:
    """Which column of a stream plays which part.

    Args:
        fields: Columns with one of a few words.
        numeric: Columns with a number; NULL where there is none.
        actor: Who acts.
        time: When.
        index: What an alert calls the event by.
        role: Peer group of the actor; None where all are alike.
        words: Column -> how a reason puts it, with `{value}` and `{usual}`.
        habits: Column -> the columns beside which its values are counted against the actor's habit; default: each
            described column alone.
        sizes: Numbers of which more is stranger; default: all.
        quiet: Column -> values that say nothing however often they come, such as `no`.
        slow: Columns of which a little every day adds up to a finding of its own.
        firm: Columns whose evidence counts twice: what they say is forbidden, not merely unusual.
        kin: Columns that tell of one thing: only the strangest of them counts.
        excused: Column that says `yes` where the amount of an event is another's doing.
        amounts: Columns that say nothing of the actor where it does; what else the event tells stays.
    """

    fields: tuple[str, ...]
    numeric: tuple[str, ...] = ()
    actor: str = "actor"
    time: str = "time"
    index: str = "index"
    role: str | None = None
    words: tuple[tuple[str, str], ...] = ()
    habits: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    sizes: tuple[str, ...] | None = None
    quiet: tuple[tuple[str, tuple[str, ...]], ...] = ()
    slow: tuple[str, ...] = ()
    firm: tuple[str, ...] = ()
    kin: tuple[tuple[str, ...], ...] = ()
    excused: str | None = None
    amounts: tuple[str, ...] = ()

    @property
    def described(self) -> tuple[str, ...]:
        """Return all columns that describe an event."""
        return (*self.fields, *self.numeric)

    @property
    def counted(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the columns whose values are counted, each with those beside which they are."""
        return tuple((name, ()) for name in self.described) if self.habits is None else self.habits

    @property
    def sized(self) -> tuple[str, ...]:
        """Return the numbers of which more is stranger."""
        return self.numeric if self.sizes is None else self.sizes

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Return the places of described columns, those that tell of one thing together."""
        places = {name: place for place, name in enumerate(self.described)}
        kin = [tuple(places[name] for name in group if name in places) for group in self.kin]
        related = {place for group in kin for place in group}
        alone = [(place,) for place in range(len(places)) if place not in related]
        return (*(group for group in kin if group), *alone)

    @property
    def slow_groups(self) -> tuple[tuple[int, ...], ...]:
        """Return the groups that hold a slow column."""
        slow = {self.described.index(name) for name in self.slow if name in self.described}
        return tuple(group for group in self.groups if slow & set(group))

    def sentence(self, field: str) -> str:
        """Return how a reason speaks of this column."""
        return dict(self.words).get(field, f"{field.replace('_', ' ')} is {{value}}; usual: {{usual}}")


def in_order(stream: pa.Table, spec: StreamSpec) -> pa.Table:
    """Return the events that have an actor and a time, each once, by time; what came first stays first at a time.

    Raises:
        ColumnError: A column that the spec names is missing.
    """
    beside = dict.fromkeys(name for _, names in spec.habits or () for name in names)
    optional = [name for name in (spec.role, spec.excused) if name]
    for name in (spec.actor, spec.time, spec.index, *optional, *spec.described, *beside):
        if name not in stream.column_names:
            raise ColumnError("the stream lacks this column", path=name, hint=f"it has: {_names(stream)}")
    known = once(stream.filter(pc.and_(pc.is_valid(stream[spec.actor]), pc.is_valid(stream[spec.time]))), spec)
    order = np.argsort(seconds_of(known[spec.time], unit="us"), kind="stable")
    return known.take(pa.array(order))


def once(stream: pa.Table, spec: StreamSpec) -> pa.Table:
    """Return the events without those that stand there again, as after a file was read in twice.

    The same event has the same index, actor and time: logs that were put together may number alike.
    """
    index = stream[spec.index]
    if pc.count_distinct(index, mode="only_valid").as_py() == len(index) - index.null_count:
        return stream
    keys = keys_of(index, stream[spec.actor], stream[spec.time])
    return stream.filter(pa.array(times_before(keys) == 0))


def seconds_of(times: pa.ChunkedArray, *, unit: str = "s") -> NDArray[np.int64]:
    """Return whole seconds (or another unit) since 1970, UTC."""
    zone = getattr(times.type, "tz", None)
    return np.asarray(times.cast(pa.timestamp(unit, zone), safe=False).cast(pa.int64()).to_numpy())


def clock_columns(seconds: NDArray[np.int64]) -> Mapping[str, pa.Array]:
    """Return `hour` (two hours wide, such as `08-10`) and `day` (`weekday` or `weekend`)."""
    hours = tuple(f"{hour:02d}-{hour + 2:02d}" for hour in range(0, 24, 2))
    weekend = (seconds // _DAY + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    return {
        "hour": named(seconds % _DAY // (2 * _HOUR), hours),
        "day": named(weekend.astype(np.int64), ("weekday", "weekend")),
    }


def numbers(values: NDArray[np.float64]) -> pa.Array:
    """Return an Arrow column in which NaN is NULL."""
    return pa.array(values.astype(np.float64), pa.float64(), from_pandas=True)


def named(codes: NDArray[np.int64], names: tuple[str, ...]) -> pa.Array:
    """Return the name of each code."""
    indices = pa.array(codes.astype(np.int32), pa.int32())
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string())).cast(pa.string())


def yes_no(values: NDArray[np.bool_]) -> pa.Array:
    """Return `yes` or `no`."""
    return named(values.astype(np.int64), ("no", "yes"))


def _names(table: pa.Table) -> str:
    return ", ".join(table.column_names)
