"""How an event stands to those before it: counts and gaps within a group, for a whole table at once.

Every function takes rows in order of time and looks back only. Keys are whole numbers, -1 where there is none; a row
without a key stands to nothing.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Keys are counted rather than sorted up to so many possible keys per row.
_WIDEST = 16

Keys = NDArray[np.int64]
Times = NDArray[np.int64]


def keys_of(*columns: pa.ChunkedArray | Keys) -> Keys:
    """Return one number per distinct combination of values; -1 where any of them is NULL."""
    combined: Keys | None = None
    for column in columns:
        codes = column if isinstance(column, np.ndarray) else _codes(column)
        if combined is None:
            combined = codes
            continue
        width = int(codes.max(initial=0)) + 1
        joined = np.where((combined < 0) | (codes < 0), -1, combined * width + codes)
        combined = grouped(joined + 1).of - int((joined < 0).any())
    return combined if combined is not None else np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Grouped:
    """Rows by key: the distinct keys, rising, and for each its first row and how many it has; `of` leads back."""

    keys: Keys
    first: NDArray[np.int64]
    of: NDArray[np.int64]
    count: NDArray[np.int64]


def grouped(keys: Keys) -> Grouped:
    """Return what `np.unique` does, without a sort where the keys lie close enough to be counted.

    Args:
        keys: At least 0, (rows,).
    """
    width = int(keys.max(initial=-1)) + 1
    if width > _WIDEST * len(keys) + 1000:
        return Grouped(*np.unique(keys, return_index=True, return_inverse=True, return_counts=True))
    total = np.bincount(keys, minlength=width)
    known = np.flatnonzero(total)
    place = np.zeros(width, dtype=np.int64)
    place[known] = np.arange(len(known))
    of = place[keys]
    first = np.empty(len(known), dtype=np.int64)
    # Of several rows the last one written stays, so that is to be the first.
    first[of[::-1]] = np.arange(len(keys) - 1, -1, -1)
    return Grouped(known, first, of, total[known])


def _codes(column: pa.ChunkedArray) -> Keys:
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    indices = pc.dictionary_encode(plain.combine_chunks()).indices
    return np.asarray(pc.fill_null(indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False))


def times_before(keys: Keys) -> NDArray[np.int64]:
    """Return how many earlier rows have the same key."""
    order = np.argsort(keys, kind="stable")
    place = np.arange(len(keys)) - starts_of(keys[order])
    answer = np.empty(len(keys), dtype=np.int64)
    answer[order] = place
    return np.where(keys < 0, 0, answer)


def since_before(keys: Keys, times: Times) -> NDArray[np.float64]:
    """Return seconds since the row before with the same key; NaN where there is none."""
    order = np.argsort(keys, kind="stable")
    gap = np.diff(times[order], prepend=times[:1]).astype(np.float64)
    first = starts_of(keys[order]) == np.arange(len(keys))
    answer = np.empty(len(keys))
    answer[order] = np.where(first, np.nan, gap)
    return np.where(keys < 0, np.nan, answer)


def within(keys: Keys, times: Times, *, seconds: int, counted: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Return how many earlier rows with the same key are at most so many seconds older.

    Args:
        keys: Group of each row.
        times: Seconds, rising.
        seconds: Length of the window.
        counted: Which rows count; default: all.
    """
    if len(keys) == 0:
        return np.empty(0, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    # Groups are laid end to end on one axis, a window apart, so that one binary search serves all of them.
    span = int(times.max() - times.min()) + seconds + 1
    axis = np.unique(keys[order], return_inverse=True)[1] * span + (times[order] - times.min())
    weight = np.ones(len(keys)) if counted is None else counted[order].astype(np.float64)
    total = np.concatenate([[0.0], np.cumsum(weight)])
    # A window may not reach into the group before.
    begin = np.maximum(np.searchsorted(axis, axis - seconds, side="left"), starts_of(keys[order]))
    answer = np.empty(len(keys), dtype=np.int64)
    answer[order] = (total[np.arange(len(keys))] - total[begin]).astype(np.int64)
    return np.where(keys < 0, 0, answer)


def latest_before(
    keys: Keys, values: NDArray[np.float64], valid: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return the value of the latest earlier valid row with the same key; NaN where there is none.

    Args:
        keys: Group of each row.
        values: Value of each row.
        valid: Which rows may be the one; default: all.
    """
    if len(keys) == 0:
        return np.empty(0)
    order = np.argsort(keys, kind="stable")
    places = np.where(True if valid is None else valid[order], np.arange(len(keys)), -1)
    last = np.concatenate([[-1], np.maximum.accumulate(places)[:-1]])
    answer = np.empty(len(keys))
    answer[order] = np.where(last >= starts_of(keys[order]), values[order][np.maximum(last, 0)], np.nan)
    return np.where(keys < 0, np.nan, answer)


def days_before(keys: Keys, days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return on how many earlier days a row had the same key.

    Args:
        keys: Group of each row.
        days: Day of each row, rising.
    """
    if len(keys) == 0:
        return np.empty(0, dtype=np.int64)
    span = int(days[-1] - days[0]) + 1
    cells = grouped((keys + 1) * span + days - days[0])
    rank = np.arange(len(cells.keys)) - starts_of(cells.keys // span)
    return np.where(keys < 0, 0, rank[cells.of])


def total_before(keys: Keys, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the values of earlier rows with the same key."""
    order = np.argsort(keys, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(values[order])])
    answer = np.empty(len(keys))
    answer[order] = total[:-1] - total[starts_of(keys[order])]
    return np.where(keys < 0, 0.0, answer)


def mean_before(keys: Keys, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean value of earlier rows with the same key; NaN where there is none."""
    order = np.argsort(keys, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values[order]))])
    begin, here = starts_of(keys[order]), np.arange(len(keys))
    count = here - begin
    answer = np.empty(len(keys))
    answer[order] = np.where(count > 0, (total[here] - total[begin]) / np.maximum(count, 1), np.nan)
    return np.where(keys < 0, np.nan, answer)


def starts_of(ordered: Keys) -> NDArray[np.int64]:
    """Return, for each row of sorted keys, where its group begins."""
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return np.maximum.accumulate(np.where(new, np.arange(len(ordered)), 0))
