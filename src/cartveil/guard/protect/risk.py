"""How well a table hides a person: how many others look the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.guard.protect.columns import as_text


@dataclass(frozen=True)
class Risk:
    """The sizes of groups of rows that cannot be told apart by some columns.

    Args:
        rows: Rows looked at.
        smallest: Rows of the smallest group: k of k-anonymity; 0 for an empty table.
        unique_share: Share of rows that are alone in their group, 0 to 1.
    """

    rows: int
    smallest: int
    unique_share: float


def risk(table: pa.Table, columns: Sequence[str]) -> Risk:
    """Measure how far these columns single rows out; NULL counts as a value.

    Args:
        table: Rows, one per person for k-anonymity in its strict sense.
        columns: What somebody may know of a person. Without any, all rows look the same.

    Source: Sweeney, k-anonymity, 2002.
    """
    if not table.num_rows or not columns:
        return Risk(table.num_rows, table.num_rows, 0.0)
    keys = pa.table({name: as_text(table[name]).cast(pa.large_string()) for name in columns})
    sizes = keys.group_by(list(columns)).aggregate([([], "count_all")])["count_all"]
    alone = pc.sum(pc.cast(pc.equal(sizes, 1), pa.int64())).as_py()
    return Risk(table.num_rows, pc.min(sizes).as_py(), alone / table.num_rows)
