"""Between and beyond the forecast quantiles: one reading of them for orders, sums and means.

Between levels demand is interpolated. Above the highest the tail is taken as exponential through the two highest, and
below the lowest alike through the two lowest, down to zero: assumptions, not forecasts.
"""

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.forecast.horizon import LEVELS

Reals = NDArray[np.float64]

#: Middles of equal parts of probability, over which means are taken.
_PARTS = (np.arange(100) + 0.5) / 100


def at_levels(quantiles: NDArray[np.floating], levels: NDArray[np.floating] | float) -> Reals:
    """Read forecasts at any level.

    Args:
        quantiles: At `LEVELS`, rising, (..., levels).
        levels: Above 0 and below 1: one, or one per forecast (...).

    Returns:
        Demand (...), never below zero.
    """
    known = np.asarray(quantiles, dtype=np.float64)
    grid = np.array(LEVELS)
    wanted = np.broadcast_to(np.asarray(levels, dtype=np.float64), known.shape[:-1])
    right = np.clip(np.searchsorted(grid, wanted, side="left"), 1, len(grid) - 1)
    low, high = (np.take_along_axis(known, place[..., None], -1)[..., 0] for place in (right - 1, right))
    share = np.clip((wanted - grid[right - 1]) / (grid[right] - grid[right - 1]), 0.0, 1.0)
    above = (known[..., -1] - known[..., -2]) / np.log((1 - grid[-2]) / (1 - grid[-1]))
    below = (known[..., 1] - known[..., 0]) / np.log(grid[1] / grid[0])
    beyond = above * np.log((1 - grid[-1]) / np.minimum(1 - wanted, 1 - grid[-1]))
    beyond -= below * np.log(grid[0] / np.minimum(wanted, grid[0]))
    return np.asarray(np.maximum(low * (1 - share) + high * share + beyond, 0.0))


def mean_and_spread(quantiles: NDArray[np.floating]) -> tuple[Reals, Reals]:
    """Return mean and standard deviation of forecasts, (...) each."""
    first, second = np.zeros(quantiles.shape[:-1]), np.zeros(quantiles.shape[:-1])
    for level in _PARTS:
        value = at_levels(quantiles, float(level))
        first += value / len(_PARTS)
        second += value**2 / len(_PARTS)
    return first, np.sqrt(np.maximum(second - first**2, 0.0))
