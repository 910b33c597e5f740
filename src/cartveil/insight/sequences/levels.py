"""What is known of an item's demand at the end of each week: the features of the forecaster.

Everything at week t is made of weeks up to t alone, and measured in the item's own scale at t, so that one model
serves an item that sells three a week and one that sells three thousand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.sequences.weekly import WeeklyDemand

Matrix = NDArray[np.float32]

#: Weeks over which the item's scale is measured.
SCALE_WEEKS = 13
#: Weeks whose sorted demand stands among the features.
RECENT_WEEKS = 8
#: With less history the time of the year is left out: a season seen once cannot be told from a trend, and a
#: network carries what it learnt of one into weeks that it never saw.
SEASON_WEEKS = 104


@dataclass(frozen=True)
class Levels:
    """Features of I items at the end of each of W weeks.

    Args:
        features: (I, W, F) float32.
        scale: Typical weekly units so far, at least 1, (I, W).
        started: First week with a sale; W for an item that never sold, (I,).
    """

    features: Matrix
    scale: Matrix
    started: NDArray[np.int64]


def levels_of(series: WeeklyDemand) -> Levels:
    """Describe each item at the end of each week."""
    demand = series.demand
    started = np.where((demand > 0).any(1), (demand > 0).argmax(1), demand.shape[1])
    scale = trailing_mean(demand, SCALE_WEEKS, started=started) + 1.0  # (I, W)
    parts = [
        np.log1p(demand / scale),
        (demand > 0).astype(np.float32),
        np.log(scale) / 3,
        *(np.log1p(trailing_mean(demand, weeks, started=started) / scale) for weeks in (4, 8, 26)),
        *np.moveaxis(np.log1p(_recent(demand) / scale[..., None]), -1, 0),
        *_ordering(series, started),
        *(np.broadcast_to(values, demand.shape) for values in _season(series)),
        np.log1p(np.maximum(np.arange(demand.shape[1]) - started[:, None], 0)) / 4,
    ]
    return Levels(np.stack(parts, axis=-1).astype(np.float32), scale.astype(np.float32), started)


def trailing_mean(values: Matrix, weeks: int, *, started: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the last `weeks` weeks at each week, not counting weeks before an item's first sale."""
    width = values.shape[1]
    total = np.concatenate([np.zeros((len(values), 1)), values.cumsum(1, dtype=np.float64)], axis=1)  # (I, W + 1)
    ends = np.arange(1, width + 1)
    begins = np.minimum(np.maximum(ends[None] - weeks, started[:, None]), ends[None])  # (I, W)
    sums = total[:, 1:] - np.take_along_axis(total, begins, axis=1)  # (I, W)
    return np.asarray(sums / np.maximum(ends[None] - begins, 1))


def _recent(demand: Matrix) -> Matrix:
    padded = np.pad(demand, ((0, 0), (RECENT_WEEKS - 1, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, RECENT_WEEKS, axis=1)  # (I, W, RECENT_WEEKS)
    return np.sort(windows, axis=-1)


def _ordering(series: WeeklyDemand, started: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    # Units are heavy-tailed, order lines are not: how many ordered says more of next week than how much one took.
    lines = series.lines
    usual = trailing_mean(lines, SCALE_WEEKS, started=started)
    return (
        np.log1p(lines) - np.log1p(usual),
        np.log1p(trailing_mean(lines, 4, started=started)) - np.log1p(usual),
        np.log1p(usual) / 3,
    )


def _season(series: WeeklyDemand) -> tuple[NDArray[np.float64], ...]:
    if len(series.weeks) < SEASON_WEEKS:
        return (np.zeros(len(series.weeks)),) * 2
    year = series.weeks.astype("datetime64[Y]").astype("datetime64[D]")
    angle = 2 * np.pi * (series.weeks - year).astype(np.float64) / 365.25
    return np.sin(angle), np.cos(angle)
