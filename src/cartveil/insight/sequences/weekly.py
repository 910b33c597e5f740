"""Weekly demand per item, the period that a shop orders by.

>>> lines = pa.table({"time": [datetime(2024, 1, day) for day in (1, 8, 14)], "item": ["a", "b", "a"],
...                   "quantity": [2, 5, 1]})
>>> weekly_totals(lines).demand.tolist()
[[2.0, 1.0], [0.0, 5.0]]
"""

from datetime import date, datetime  # noqa: F401 - the example uses datetime

import numpy as np
import pyarrow as pa

from cartveil.events.protected import ProtectedEvents
from cartveil.insight.sequences.purchases import is_price_per_unit
from cartveil.insight.sequences.quantities import known_numbers
from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.series import DemandSeries
from cartveil.insight.sequences.totals import period_totals


def weekly_demand(events: ProtectedEvents, *, until: date | None = None) -> DemandSeries:
    """Sum a release to weekly demand per item.

    Args:
        events: Needs `time`, `item` and `quantity`; see `period_totals`. The price of a unit is taken from `amount`
            where there is no `price`: what a unit cost, or what a line did by its units (`is_price_per_unit`).
        until: Last day that the data covers; default: the day of the last event that no wrong clock dated.

    Raises:
        ColumnError: A needed column is missing.
        ModelError: The release does not cover one whole week.
    """
    return weekly_totals(_priced(events.table), until=until)


def _priced(lines: pa.Table) -> pa.Table:
    """Return order lines with the price of a unit, where what was paid is known."""
    amount, quantity = known_numbers(lines, "amount"), known_numbers(lines, "quantity")
    if "price" in lines.column_names or "item" not in lines.column_names or amount is None or quantity is None:
        return lines
    if not is_price_per_unit(amount, quantity, keys_of(lines["item"])):
        amount = np.divide(amount, quantity, out=np.zeros(len(amount)), where=quantity > 0)
    return lines.append_column("price", pa.array(amount))


def weekly_totals(lines: pa.Table, *, until: date | None = None) -> DemandSeries:
    """Sum order lines to weekly demand per item; see `period_totals`."""
    return period_totals(lines, period="week", until=until)
