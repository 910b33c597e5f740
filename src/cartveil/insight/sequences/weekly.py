"""Weekly demand per item: what a forecaster learns from, with every consumer summed away.

Weeks start on Monday. A week that the data covers only in part, the first or the last, is left out: half a week of
sales looks like a collapse. Items times weeks is dense, because a week without a sale is a fact and not a gap.

    >>> lines = pa.table({"time": [datetime(2024, 1, day) for day in (1, 8, 14)], "item": ["a", "b", "a"],
    ...                   "quantity": [2, 5, 1]})
    >>> weekly_totals(lines).demand.tolist()
    [[2.0, 1.0], [0.0, 5.0]]
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime  # noqa: F401 - the example uses datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError, ModelError
from cartveil.events.protected import ProtectedEvents

_DAY = np.timedelta64(1, "D")
_WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True)
class WeeklyDemand:
    """Demand of I items over W whole weeks.

    Args:
        items: Item names, sorted.
        weeks: First day (Monday) of each week, (W,) datetime64[D].
        demand: Units sold, (I, W) float32, never negative.
        lines: How many order lines sold them, (I, W) float32.
        descriptions: One description per item, empty where none is known.
    """

    items: tuple[str, ...]
    weeks: NDArray[np.datetime64]
    demand: NDArray[np.float32]
    lines: NDArray[np.float32]
    descriptions: tuple[str, ...]

    def before(self, week: int) -> "WeeklyDemand":
        """Return what was known when `week` weeks had passed."""
        return self._cut(slice(0, week))

    def since(self, week: int) -> "WeeklyDemand":
        """Return the weeks from this one on."""
        return self._cut(slice(week, None))

    def _cut(self, cut: slice) -> "WeeklyDemand":
        return replace(self, weeks=self.weeks[cut], demand=self.demand[:, cut], lines=self.lines[:, cut])

    def of(self, rows: NDArray[np.int64] | Sequence[int]) -> "WeeklyDemand":
        """Return the items at these positions."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            items=tuple(self.items[row] for row in chosen),
            demand=self.demand[chosen],
            lines=self.lines[chosen],
            descriptions=tuple(self.descriptions[row] for row in chosen),
        )


def weekly_demand(events: ProtectedEvents, *, until: date | None = None) -> WeeklyDemand:
    """Sum a release to weekly demand per item.

    Args:
        events: Needs `time`, `item` and `quantity`; `description` is used where it stands.
        until: Last day that the data covers; default: the day of the last event.

    Raises:
        ColumnError: A needed column is missing.
        ModelError: The release does not cover one whole week.
    """
    return weekly_totals(events.table, until=until)


def weekly_totals(lines: pa.Table, *, until: date | None = None) -> WeeklyDemand:
    """Sum order lines to weekly demand per item; no other column than those of `weekly_demand` is looked at."""
    for name in ("time", "item", "quantity"):
        if name not in lines.column_names:
            raise ColumnError("forecasting needs this column", path=name, hint="export it, or name its role")
    lines = lines.filter(pc.and_(pc.is_valid(lines["item"]), pc.is_valid(lines["time"])))
    if lines.num_rows == 0:
        raise ModelError("no event with an item and a time", hint="nothing can be forecast from an empty release")
    days = _days(lines["time"])
    first, weeks = _whole_weeks(days, until)
    encoded = pc.dictionary_encode(lines["item"].cast(pa.string()).combine_chunks())
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names.astype(str), kind="stable")
    rows = np.argsort(order)[encoded.indices.to_numpy()]
    grid = _Grid(rows, (days - first) // _WEEK, (len(names), weeks))
    quantity = np.maximum(_numbers(lines["quantity"]), 0.0)
    return WeeklyDemand(
        items=tuple(str(names[row]) for row in order),
        weeks=first + np.arange(weeks) * _WEEK,
        demand=grid.total(quantity),
        lines=grid.total((quantity > 0).astype(np.float64)),
        descriptions=_descriptions(lines, rows, len(names)),
    )


@dataclass(frozen=True)
class _Grid:
    """Where each line falls in the matrix of items and weeks."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    shape: tuple[int, int]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        inside = (self.columns >= 0) & (self.columns < self.shape[1])
        place = self.rows[inside] * self.shape[1] + self.columns[inside]
        total = np.bincount(place, weights=values[inside], minlength=self.shape[0] * self.shape[1])
        return total.reshape(self.shape).astype(np.float32)  # (I, W)


def _days(times: pa.ChunkedArray) -> NDArray[np.datetime64]:
    local = times.cast(pa.timestamp("us")) if getattr(times.type, "tz", None) else times
    return np.asarray(local.cast(pa.timestamp("s"), safe=False).to_numpy().astype("datetime64[D]"))


def _whole_weeks(days: NDArray[np.datetime64], until: date | None) -> tuple[np.datetime64, int]:
    last = np.datetime64(until, "D") if until is not None else days.max()
    # 1970-01-01 was a Thursday, so day 4 was the first Monday: round the first day up, the day after the last down.
    first = np.datetime64(int(-(-(days.min().astype(int) - 4) // 7) * 7 + 4), "D")
    weeks = int((last + _DAY - first) // _WEEK)
    if weeks < 1:
        raise ModelError("no whole week", hint="a forecast needs at least one week from Monday to Sunday")
    return first, weeks


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values = column.cast(pa.float64()).to_numpy()
    return np.asarray(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))


def _descriptions(lines: pa.Table, rows: NDArray[np.int64], count: int) -> tuple[str, ...]:
    found = [""] * count
    if "description" not in lines.column_names:
        return tuple(found)
    texts = lines["description"].cast(pa.string()).combine_chunks()
    known = np.flatnonzero(pc.is_valid(texts).to_numpy(zero_copy_only=False))
    items, places = np.unique(rows[known], return_index=True)
    for item, text in zip(items, texts.take(pa.array(known[places])).to_pylist(), strict=True):
        found[item] = text
    return tuple(found)
