"""Robust scaling of numbers: centred by the median, divided by the spread of the middle half, bounded.

One order of a million moves a mean and a standard deviation, and neither a median nor quartiles.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError

#: Scaled values beyond this are cut: an outlier shall be large, not everything.
LIMIT = 10.0

_HALF = 1 << 16


@dataclass(frozen=True)
class Scale:
    """Centre and width of one feature.

    Args:
        centre: Median of the training data.
        width: Distance of the quartiles; above 0.

    Raises:
        InputError: Not finite, or a width that is not above 0.
    """

    centre: float
    width: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.centre) and np.isfinite(self.width) and self.width > 0):
            raise InputError("a scale needs a finite centre and a width above 0", hint="say 0 and 1 to leave it be")

    def of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values scaled, between minus and plus `LIMIT`; 0, the median, where a value is missing."""
        scaled = (values - np.float32(self.centre)) / np.float32(self.width)
        return np.where(np.isnan(scaled), np.float32(0), np.clip(scaled, -LIMIT, LIMIT))


def learn_scale(blocks: Callable[[], Iterable[NDArray[np.float32]]]) -> Scale:
    """Measure a feature's median and quartiles.

    Args:
        blocks: Gives the training data's values, in blocks; called twice. Missing values (NaN) do not count.

    Returns:
        Centre 0 where there is no value. Where the quartiles are one, the width is the distance of the 1st and the 99th
        percentile, and 1 where these are one too.
    """
    low, lower, middle, upper, high = quantiles(blocks, (0.01, 0.25, 0.5, 0.75, 0.99))
    width = next((width for width in (upper - lower, high - low) if width > 0), 1.0)
    return Scale(middle, width)


def quantiles(blocks: Callable[[], Iterable[NDArray[np.float32]]], shares: tuple[float, ...]) -> tuple[float, ...]:
    """Return exact quantiles of any number of 32-bit floats in one and a half megabytes of memory.

    Args:
        blocks: Gives the values, in blocks; called twice. NaN does not count.
        shares: Of the values, 0 to 1.

    Returns:
        For each share the smallest value that at least this share of the values does not exceed (numpy's
        `inverted_cdf`); 0 where there is no value.
    """
    # Floats sort as whole numbers of 32 bits: count the upper half of the bits, then the lower among those that matter.
    counts = np.zeros(_HALF, np.int64)
    for block in blocks():
        counts += np.bincount(_keys(block) >> 16, minlength=_HALF)
    total = int(counts.sum())
    if not total:
        return (0.0,) * len(shares)
    ends = np.cumsum(counts)
    ranks = [min(max(int(np.ceil(share * total)) - 1, 0), total - 1) for share in shares]
    upper = np.searchsorted(ends, ranks, side="right")
    inside = {int(half): np.zeros(_HALF, np.int64) for half in upper}
    for block in blocks():
        keys = _keys(block)
        for half, found in inside.items():
            found += np.bincount(keys[keys >> 16 == half] & 0xFFFF, minlength=_HALF)
    before = ends - counts
    lower = [
        np.searchsorted(np.cumsum(inside[int(half)]), rank - before[half], side="right")
        for half, rank in zip(upper, ranks, strict=True)
    ]
    return tuple(_value(int(half) << 16 | int(low)) for half, low in zip(upper, lower, strict=True))


def _keys(values: NDArray[np.float32]) -> NDArray[np.int64]:
    bits = np.ascontiguousarray(values[~np.isnan(values)], np.float32).view(np.uint32).astype(np.int64)
    return np.where(bits >> 31 == 1, 0xFFFFFFFF - bits, bits + 0x80000000)


def _value(key: int) -> float:
    bits = key - 0x80000000 if key >= 0x80000000 else 0xFFFFFFFF - key
    return float(np.array(bits, np.uint32).view(np.float32))
