"""Demand per item and period: what a forecaster learns from, with every consumer summed away.

Items times periods is dense, because a period without a sale is a fact and not a gap. A period of which nothing is
known (a stock take, an item not yet listed, a file that was lost) is NaN instead, neither learnt from nor
scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import ColumnError, InputError, ModelError
from cartveil.insight.sequences.column_kinds import check_kinds

#: How long a period is.
Period = Literal["day", "week", "month"]


@dataclass(frozen=True)
class DemandSeries:
    """Demand of I items over W whole periods.

    Args:
        items: Item names, sorted.
        starts: First day of each period, rising, (W,) datetime64[D].
        demand: Units sold, (I, W) float32, never negative; NaN where nothing is known.
        lines: How many order lines sold them, (I, W) float32; None where nobody counted.
        descriptions: One description per item, empty where none is known.
        prices: Price of a unit, (I, W) float32, NaN where none is known; None without any.
        categories: One category per item; empty without any.
        period: How long a period is.
        set_aside: How many order lines were not summed because a wrong clock dated them.
    """

    items: tuple[str, ...]
    starts: NDArray[np.datetime64]
    demand: NDArray[np.float32]
    lines: NDArray[np.float32] | None = None
    descriptions: tuple[str, ...] = ()
    prices: NDArray[np.float32] | None = None
    categories: tuple[str, ...] = ()
    period: Period = "week"
    set_aside: int = 0

    def before(self, period: int) -> "DemandSeries":
        """Return what was known when so many periods had passed."""
        return self._cut(slice(0, period))

    def since(self, period: int) -> "DemandSeries":
        """Return the periods from this one on."""
        return self._cut(slice(period, None))

    def of(self, rows: NDArray[np.int64] | Sequence[int]) -> "DemandSeries":
        """Return the items at these positions."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            items=tuple(self.items[row] for row in chosen),
            demand=self.demand[chosen],
            lines=None if self.lines is None else self.lines[chosen],
            descriptions=tuple(self.descriptions[row] for row in chosen) if self.descriptions else (),
            prices=None if self.prices is None else self.prices[chosen],
            categories=tuple(self.categories[row] for row in chosen) if self.categories else (),
        )

    def coming(self, horizon: int) -> NDArray[np.datetime64]:
        """Return the first days of the periods that follow the last, (horizon,) datetime64[D]."""
        last, steps = self.starts[-1], np.arange(1, horizon + 1)
        if self.period == "month":
            return np.asarray((last.astype("datetime64[M]") + steps).astype("datetime64[D]"))
        return np.asarray(last + steps * np.timedelta64(7 if self.period == "week" else 1, "D"))

    def _cut(self, cut: slice) -> "DemandSeries":
        return replace(
            self,
            starts=self.starts[cut],
            demand=self.demand[:, cut],
            lines=None if self.lines is None else self.lines[:, cut],
            prices=None if self.prices is None else self.prices[:, cut],
        )


def wide_series(table: pa.Table, *, period: Period = "month") -> DemandSeries:
    """Read a table with a row per period and a column per item.

    Args:
        table: First the period (a date, or text such as `2024-01`), then a column of units per item; NULL is unknown.
        period: How long a period is.

    Raises:
        ModelError: The table is empty.
        ColumnError: A period is missing or cannot be read as a day, or demand is no number; no value is told.
        InputError: Periods do not rise without a gap, or demand is negative.
    """
    if table.num_rows == 0 or table.num_columns < 2:
        raise ModelError("no period and no item", hint="a row per period, a column per item after the first")
    check_kinds(table, dict.fromkeys(table.column_names[1:], "numbers"))
    days = _days(table[0], table.column_names[0])
    _check_steps(days, period, table.column_names[0])
    names = sorted(table.column_names[1:])
    columns = [table[name].cast(pa.float32(), safe=False).to_numpy() for name in names]
    demand = np.stack(columns).astype(np.float32)
    if (demand < 0).any():
        wrong = names[int((demand < 0).any(1).argmax())]
        raise InputError("demand is negative", path=wrong, hint="take returns out, or count them as zero")
    return DemandSeries(tuple(names), days, demand, period=period)


def _days(column: pa.ChunkedArray, name: str) -> NDArray[np.datetime64]:
    """Return the first day of each period.

    Raises:
        ColumnError: A period is missing, or cannot be read; it is not quoted.
    """
    days = np.empty(len(column), dtype="datetime64[D]")
    for row, each in enumerate(column.to_pylist()):
        try:
            days[row] = np.datetime64("NaT" if each is None else str(each), "D")
        except ValueError:  # its message quotes the value
            days[row] = np.datetime64("NaT")
    if np.isnat(days).any():
        row, hint = int(np.isnat(days).argmax()), "write a period as `2024-01-31`, a month as `2024-01`"
        raise ColumnError("is no period", path=f"{name}[{row}]", hint=hint)
    return days


def _check_steps(days: NDArray[np.datetime64], period: Period, name: str) -> None:
    if period == "month":
        steps = np.diff(days.astype("datetime64[M]").astype(np.int64))
    else:
        steps = np.diff(days.astype(np.int64)) / (7 if period == "week" else 1)
    if (steps != 1).any():
        row = int((steps != 1).argmax()) + 1
        message, hint = f"is not the {period} after the one before", "sort the rows, and fill gaps with empty ones"
        raise InputError(message, path=f"{name}[{row}]", hint=hint)
