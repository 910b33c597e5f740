"""Intervals by resampling: how far a figure might lie from what another sample of the same size would have given."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError


@dataclass(frozen=True)
class Interval:
    """Where a figure lies.

    Args:
        value: On the sample itself.
        low: 2.5% of the resampled figures lie below.
        high: 2.5% of them lie above.
    """

    value: float
    low: float
    high: float


def bootstrap(
    units: int, measure: Callable[[NDArray[np.int64]], float], *, rounds: int = 1000, seed: int = 0
) -> Interval:
    """Resample units with replacement and measure each time.

    Args:
        units: How many independent units there are (consumers, incidents, series), not rows.
        measure: Numbers of the units of a sample, repeats included -> the figure.
        rounds: How many resamples.
        seed: Of the resampling.

    Returns:
        The figure with the middle 95% of what the resamples gave; resamples without a figure (NaN) are left out.

    Raises:
        InputError: There is no unit.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3 (percentile interval).
    """
    if units < 1:
        raise InputError("nothing to resample", path="units", hint="an interval needs at least one unit")
    generator = np.random.default_rng(seed)
    found = np.array([measure(generator.integers(units, size=units)) for _ in range(rounds)], dtype=np.float64)
    found = found[~np.isnan(found)]
    value = float(measure(np.arange(units)))
    if not len(found):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(value, float(low), float(high))
