"""Weekly demand per item, the period that a shop orders by.

>>> lines = pa.table({"time": [datetime(2024, 1, day) for day in (1, 8, 14)], "item": ["a", "b", "a"],
...                   "quantity": [2, 5, 1]})
>>> weekly_totals(lines).demand.tolist()
[[2.0, 1.0], [0.0, 5.0]]
"""

from datetime import date, datetime  # noqa: F401 - the example uses datetime

import pyarrow as pa

from cartveil.events.protected import ProtectedEvents
from cartveil.insight.sequences.series import DemandSeries
from cartveil.insight.sequences.totals import period_totals


def weekly_demand(events: ProtectedEvents, *, until: date | None = None) -> DemandSeries:
    """Sum a release to weekly demand per item.

    Args:
        events: Needs `time`, `item` and `quantity`; see `period_totals`.
        until: Last day that the data covers; default: the day of the last event that no wrong clock dated.

    Raises:
        ColumnError: A needed column is missing.
        ModelError: The release does not cover one whole week.
    """
    return weekly_totals(events.table, until=until)


def weekly_totals(lines: pa.Table, *, until: date | None = None) -> DemandSeries:
    """Sum order lines to weekly demand per item; see `period_totals`."""
    return period_totals(lines, period="week", until=until)
