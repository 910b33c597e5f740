"""How well a table hides a person: how many others look the same, and how much is known of all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.guard.protect.columns import Values, as_array, as_text

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Risk:
    """The sizes of groups of rows that cannot be told apart by some columns.

    Args:
        rows: Rows looked at.
        smallest: People of the smallest group: k of k-anonymity; 0 for an empty table.
        unique_share: Share of rows that are alone in their group, 0 to 1.
    """

    rows: int
    smallest: int
    unique_share: float


def risk(table: pa.Table, columns: Sequence[str], *, subjects: Values | None = None) -> Risk:
    """Measure how far these columns single rows out; NULL counts as a value.

    Args:
        table: Rows.
        columns: What somebody may know of a person. Without any, all rows look the same.
        subjects: (rows,) whose each row is; groups then count people, and rows without one count as one person. A
            hundred rows of one consumer hide nobody.

    Source: Sweeney, k-anonymity, 2002.
    """
    if not table.num_rows:
        return Risk(0, 0, 0.0)
    groups = groups_of(table, columns)
    rows = np.bincount(groups)
    people = rows if subjects is None else distinct_in(groups, codes_of(subjects))
    alone = float((rows == 1).sum() / table.num_rows) if columns else 0.0
    return Risk(table.num_rows, int(people.min()), alone)


def diversity(table: pa.Table, columns: Sequence[str], *, sensitive: str) -> int:
    """Return the least number of different sensitive values in a group of look-alikes: l; 0 for an empty table.

    Where all of a group share one diagnosis, one need not know which row is whose.

    Args:
        table: Rows.
        columns: What somebody may know of a person.
        sensitive: What they must not learn; NULL counts as a value.

    Source: Machanavajjhala et al., l-diversity, TKDD 2007, "distinct l-diversity".
    """
    if not table.num_rows:
        return 0
    return int(distinct_in(groups_of(table, columns), codes_of(table[sensitive])).min())


def groups_of(table: pa.Table, columns: Sequence[str]) -> Codes:
    """Return (rows,) the number of each row's group: equal in all these columns."""
    return joined([codes_of(table[name]) for name in columns], rows=table.num_rows)


def joined(columns: Sequence[Codes], *, rows: int) -> Codes:
    """Return (rows,) one number for each combination of codes, from 0 without a gap."""
    groups, width = np.zeros(rows, np.int64), 1
    for codes in columns:
        wide = int(codes.max(initial=0)) + 1
        if width * wide > 2**62:
            groups = _without_gaps(groups, width)
            width = int(groups.max(initial=0)) + 1
        groups, width = groups * wide + codes, width * wide
    return _without_gaps(groups, width)


def _without_gaps(numbers: Codes, width: int) -> Codes:
    """Return (rows,) numbers below `width` as numbers from 0 on of which none is left out, in the same order."""
    if width > 4 * len(numbers) + 4096:
        return np.unique(numbers, return_inverse=True)[1].astype(np.int64)
    # Counting is several times faster than sorting where the numbers are not spread too thinly.
    places: Codes = np.cumsum(np.bincount(numbers, minlength=width) > 0) - 1
    return places[numbers]


def codes_of(column: Values) -> Codes:
    """Return (rows,) a number for each distinct value, from 0; NULL is a value."""
    array = as_array(column)
    array = as_text(array) if types.is_nested(array.type) or types.is_floating(array.type) else array
    encoded = pc.dictionary_encode(array, null_encoding="encode")
    codes: Codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def distinct_in(groups: Codes, codes: Codes) -> Codes:
    """Return (groups,) how many different codes each group has."""
    width, count = int(codes.max(initial=0)) + 1, int(groups.max(initial=-1)) + 1
    if width == len(codes) and len(codes) and np.bincount(codes).max() == 1:
        return np.bincount(groups, minlength=count)  # everybody has one row
    pairs = np.unique(groups * width + codes)
    counted: Codes = np.bincount(pairs // width, minlength=count)
    return counted
