"""Bounded contribution: nobody counts more than so often, however much they bought.

A wholesaler with ten thousand lines would otherwise weigh as much in popularity and item-item counts as a thousand
households, and would be the first whom a model remembers. The same bound is what consumer-level privacy accounting asks
for: the most that one consumer can change.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import InputError
from cartveil.events.protected import ProtectedEvents


def bound_contributions(events: ProtectedEvents, *, at_most: int) -> ProtectedEvents:
    """Keep each consumer's most recent events.

    Args:
        events: A release with `subject` and `time`.
        at_most: Events that one consumer may contribute, at least 1.

    Returns:
        The events kept, in the order in which they stood.

    Raises:
        InputError: `at_most` is below 1.

    Guarantees:
        - No consumer has more than `at_most` events.
        - Of one consumer's events of the same time, those that stand later in the table are kept.
        - The same release gives the same events.
    """
    if at_most < 1:
        raise InputError("`at_most` must be at least 1", hint="nobody could contribute anything")
    keep = _recency_rank(events.table) < at_most
    return ProtectedEvents(events.table.filter(pa.array(keep)), events.release, events.mark)


def _recency_rank(table: pa.Table) -> np.ndarray:
    """Return for each row how many of its consumer's events are more recent, (rows,)."""
    rows = pa.table({"subject": table["subject"], "time": table["time"], "row": np.arange(len(table))})
    order = rows.sort_by([("subject", "ascending"), ("time", "descending"), ("row", "descending")])
    subject = order["subject"].combine_chunks()
    starts = np.ones(len(subject), bool)
    if len(subject) > 1:
        differs = pc.not_equal(subject[1:], subject[:-1])
        starts[1:] = np.asarray(pc.fill_null(differs, True).to_numpy(zero_copy_only=False))
    begin = np.maximum.accumulate(np.where(starts, np.arange(len(subject)), 0))
    rank = np.empty(len(subject), np.int64)
    rank[order["row"].to_numpy()] = np.arange(len(subject)) - begin
    return rank
