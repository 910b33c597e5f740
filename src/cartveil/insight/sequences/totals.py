"""Order lines summed to demand per item and period.

A period that the data covers only in part, the first or the last, is left out: half a week of sales looks like a
collapse. Weeks start on Monday. Lines dated far past nearly all others are set aside and counted: one of them would
make an empty period of every one until then.

    >>> lines = pa.table({"time": [datetime(2024, 1, 1), datetime(2024, 2, 29)], "item": ["a", "b"],
    ...                   "quantity": [2, 5], "price": [1.5, 3.0]})
    >>> series = period_totals(lines, period="month")
    >>> series.demand.tolist(), series.prices.tolist()
    ([[2.0, 0.0], [0.0, 5.0]], [[1.5, nan], [nan, 3.0]])
"""

from dataclasses import dataclass
from datetime import date, datetime  # noqa: F401 - the example uses datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError, ModelError
from cartveil.insight.sequences.clock import without_stray_times
from cartveil.insight.sequences.quantities import known_numbers, numbers_of
from cartveil.insight.sequences.series import DemandSeries, Period

#: 1970-01-01 was a Thursday, so day 4 was the first Monday.
_FIRST_MONDAY = 4


def period_totals(lines: pa.Table, *, period: Period = "week", until: date | None = None) -> DemandSeries:
    """Sum order lines to demand per item and period.

    Args:
        lines: `time`, `item` and `quantity`; of the price of a unit (`price`), `category` and `description` what there
            is. No other column is looked at.
        period: How long a period is.
        until: Last day that the data covers; default: the day of the last line that no wrong clock dated, see
            `without_stray_times`.

    Returns:
        Demand, never negative; prices are means over units.

    Raises:
        ColumnError: A needed column is missing, or `quantity` does not hold numbers.
        ModelError: The lines do not cover one whole period.
    """
    for name in ("time", "item", "quantity"):
        if name not in lines.column_names:
            raise ColumnError("forecasting needs this column", path=name, hint="export it, or name its role")
    lines = lines.filter(pc.and_(pc.is_valid(lines["item"]), pc.is_valid(lines["time"])))
    if lines.num_rows == 0:
        raise ModelError("no event with an item and a time", hint="nothing can be forecast from an empty release")
    lines, days, strays = _dated(lines, until)
    starts, columns = _periods(days, period, until)
    encoded = pc.dictionary_encode(lines["item"].cast(pa.string()).combine_chunks())
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names.astype(str), kind="stable")
    rows = np.argsort(order)[encoded.indices.to_numpy()]
    grid = _Grid(rows, columns, (len(names), len(starts)))
    quantity = np.maximum(numbers_of(lines, "quantity"), 0.0)
    return DemandSeries(
        items=tuple(str(names[row]) for row in order),
        starts=starts,
        demand=grid.total(quantity),
        lines=grid.total((quantity > 0).astype(np.float64)),
        descriptions=_texts(lines, "description", rows, len(names)),
        prices=_prices(lines, grid, quantity),
        categories=_texts(lines, "category", rows, len(names)) if "category" in lines.column_names else (),
        period=period,
        set_aside=strays,
    )


@dataclass(frozen=True)
class _Grid:
    """Where each line falls in the matrix of items and periods."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    shape: tuple[int, int]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        inside = (self.columns >= 0) & (self.columns < self.shape[1])
        place = self.rows[inside] * self.shape[1] + self.columns[inside]
        total = np.bincount(place, weights=values[inside], minlength=self.shape[0] * self.shape[1])
        return total.reshape(self.shape).astype(np.float32)  # (I, W)


def _dated(lines: pa.Table, until: date | None) -> tuple[pa.Table, NDArray[np.datetime64], int]:
    """Return lines with their days, and how many others a wrong clock dated; who says `until` knows what is now."""
    days = _days(lines["time"])
    kept = without_stray_times(days) if until is None else np.ones(len(days), dtype=bool)
    return lines.filter(pa.array(kept)), days[kept], int((~kept).sum())


def _days(times: pa.ChunkedArray) -> NDArray[np.datetime64]:
    local = times.cast(pa.timestamp("us")) if getattr(times.type, "tz", None) else times
    return np.asarray(local.cast(pa.timestamp("s"), safe=False).to_numpy().astype("datetime64[D]"))


def _periods(
    days: NDArray[np.datetime64], period: Period, until: date | None
) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """Return the first day of each whole period, and the number of that in which each day lies."""
    last = np.datetime64(until, "D") if until is not None else days.max()
    number = _numbered(np.concatenate([days, [days.min() - 1, last + 1]]), period)
    # Whole is a period after that of the day before the data, and before that of the day after it.
    first, end = int(number[-2]) + 1, int(number[-1])
    if end <= first:
        whole = {"week": "one week from Monday to Sunday", "month": "one month from its first day to its last"}
        raise ModelError(f"no whole {period}", hint=f"a forecast needs at least {whole.get(period, 'one day')}")
    return _start(np.arange(first, end), period), number[:-2] - first


def _numbered(days: NDArray[np.datetime64], period: Period) -> NDArray[np.int64]:
    if period == "month":
        return days.astype("datetime64[M]").astype(np.int64)
    count = days.astype("datetime64[D]").astype(np.int64)
    return (count - _FIRST_MONDAY) // 7 if period == "week" else count


def _start(numbers: NDArray[np.int64], period: Period) -> NDArray[np.datetime64]:
    if period == "month":
        return numbers.astype("datetime64[M]").astype("datetime64[D]")
    return (numbers * 7 + _FIRST_MONDAY if period == "week" else numbers).astype("datetime64[D]")


def _prices(lines: pa.Table, grid: _Grid, quantity: NDArray[np.float64]) -> NDArray[np.float32] | None:
    price = known_numbers(lines, "price")
    if price is None:
        return None
    units = np.where(price > 0, quantity, 0.0)
    paid, sold = grid.total(price * units), grid.total(units)
    return np.divide(paid, sold, out=np.full(grid.shape, np.nan, dtype=np.float32), where=sold > 0)


def _texts(lines: pa.Table, name: str, rows: NDArray[np.int64], count: int) -> tuple[str, ...]:
    """Return the first known text of each item, empty where there is none."""
    found = [""] * count
    if name not in lines.column_names:
        return tuple(found)
    texts = lines[name].cast(pa.string()).combine_chunks()
    known = np.flatnonzero(pc.is_valid(texts).to_numpy(zero_copy_only=False))
    items, places = np.unique(rows[known], return_index=True)
    for item, text in zip(items, texts.take(pa.array(known[places])).to_pylist(), strict=True):
        found[item] = text
    return tuple(found)
