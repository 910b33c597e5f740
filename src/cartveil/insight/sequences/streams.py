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
    """

    fields: tuple[str, ...]
    numeric: tuple[str, ...] = ()
    actor: str = "actor"
    time: str = "time"
    index: str = "index"
    role: str | None = None
    words: tuple[tuple[str, str], ...] = ()

    @property
    def described(self) -> tuple[str, ...]:
        """Return all columns that describe an event."""
        return (*self.fields, *self.numeric)

    def sentence(self, field: str) -> str:
        """Return how a reason speaks of this column."""
        return dict(self.words).get(field, f"{field.replace('_', ' ')} is {{value}}; usual: {{usual}}")


def in_order(stream: pa.Table, spec: StreamSpec) -> pa.Table:
    """Return the events that have an actor and a time, by time; what came first stays first at the same time.

    Raises:
        ColumnError: A column that the spec names is missing.
    """
    for name in (spec.actor, spec.time, spec.index, *([spec.role] if spec.role else []), *spec.described):
        if name not in stream.column_names:
            raise ColumnError("the stream lacks this column", path=name, hint=f"it has: {_names(stream)}")
    known = stream.filter(pc.and_(pc.is_valid(stream[spec.actor]), pc.is_valid(stream[spec.time])))
    order = np.argsort(seconds_of(known[spec.time], unit="us"), kind="stable")
    return known.take(pa.array(order))


def seconds_of(times: pa.ChunkedArray, *, unit: str = "s") -> NDArray[np.int64]:
    """Return whole seconds (or another unit) since 1970, UTC."""
    zone = getattr(times.type, "tz", None)
    return np.asarray(times.cast(pa.timestamp(unit, zone), safe=False).cast(pa.int64()).to_numpy())


def clock_columns(seconds: NDArray[np.int64]) -> Mapping[str, pa.Array]:
    """Return `hour` (two hours wide, such as `08-10`) and `day` (`weekday` or `weekend`)."""
    even = seconds % _DAY // (2 * _HOUR) * 2
    hours = np.array([f"{hour:02d}-{hour + 2:02d}" for hour in range(0, 24, 2)], dtype=object)
    weekend = (seconds // _DAY + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    return {
        "hour": pa.array(hours[even // 2], pa.string()),
        "day": pa.array(np.where(weekend, "weekend", "weekday").astype(object), pa.string()),
    }


def numbers(values: NDArray[np.float64]) -> pa.Array:
    """Return an Arrow column in which NaN is NULL."""
    return pa.array(values.astype(np.float64), pa.float64(), from_pandas=True)


def yes_no(values: NDArray[np.bool_]) -> pa.Array:
    """Return `yes` or `no`."""
    return pa.array(np.where(values, "yes", "no").astype(object), pa.string())


def _names(table: pa.Table) -> str:
    return ", ".join(table.column_names)
