"""What is known of an item's demand at the end of each period: the features of the forecaster.

Everything at period t is made of periods up to t alone, and measured in the item's own scale at t, so that one model
serves an item that sells three a week and one that sells three thousand. A period of which nothing is known adds
nothing to a mean, and a feature says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.sequences.series import DemandSeries, Period

Matrix = NDArray[np.float32]
Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Rhythm:
    """Over how many periods an item is described.

    Args:
        scale: The item's scale is its mean over so many.
        means: Over which its means, and the share of periods with a sale, stand among the features.
        recent: How many periods stand there sorted.
        year: Periods of a year.
    """

    scale: int
    means: tuple[int, ...]
    recent: int
    year: float


RHYTHMS: Mapping[Period, Rhythm] = {
    "day": Rhythm(scale=28, means=(7, 28, 91), recent=14, year=365.25),
    "week": Rhythm(scale=13, means=(4, 8, 26), recent=8, year=365.25 / 7),
    "month": Rhythm(scale=12, means=(3, 6, 24), recent=12, year=12),
}

#: With less history the time of the year is left out: a season seen once cannot be told from a trend, and a
#: network carries what it learnt of one into periods that it never saw.
SEASONS = 1.9


@dataclass(frozen=True)
class Levels:
    """Features of I items at the end of each of W periods.

    Args:
        features: (I, W, F) float32.
        scale: Typical units of a period so far, at least 1, (I, W).
        started: First period with a sale; W for an item that never sold, (I,).
        seasonal: Whether the time of the year is told.
    """

    features: Matrix
    scale: Matrix
    started: NDArray[np.int64]
    seasonal: bool


def levels_of(series: DemandSeries, *, seasonal: bool | None = None) -> Levels:
    """Describe each item at the end of each period.

    Args:
        series: What is known.
        seasonal: Tell the time of the year; None to tell it where `SEASONS` years are known. A model is asked with what
            it was trained with: inputs that were never on have weights that were never learnt.
    """
    rhythm, known = RHYTHMS[series.period], np.isfinite(series.demand)
    seasonal = len(series.starts) >= SEASONS * rhythm.year if seasonal is None else seasonal
    demand = np.where(known, series.demand, 0).astype(np.float32)
    started = np.where((demand > 0).any(1), (demand > 0).argmax(1), demand.shape[1])
    past = _Past(known, started)
    scale = past.mean(demand, rhythm.scale) + 1.0  # (I, W)
    parts = [
        np.log1p(demand / scale),
        (demand > 0).astype(np.float32),
        np.log(scale) / 3,
        *(np.log1p(past.mean(demand, periods) / scale) for periods in rhythm.means),
        *np.moveaxis(np.log1p(_recent(demand, rhythm.recent) / scale[..., None]), -1, 0),
        *_ordering(series, past, rhythm),
        *_intermittence(demand, past, rhythm),
        *(np.broadcast_to(values, demand.shape) for values in _season(series, seasonal=seasonal)),
        *_pricing(series, past, rhythm),
        known.astype(np.float32),
        np.log1p(np.maximum(np.arange(demand.shape[1]) - started[:, None], 0)) / 4,
    ]
    return Levels(np.stack(parts, axis=-1).astype(np.float32), scale.astype(np.float32), started, seasonal)


@dataclass(frozen=True)
class _Past:
    """Which periods count: those that are known, from an item's first sale on."""

    known: NDArray[np.bool_]
    started: NDArray[np.int64]

    def mean(self, values: Matrix, periods: int) -> Wide:
        """Return the mean of the last `periods` periods at each period, (I, W); 0 where none counts."""
        counts = self.known & (np.arange(values.shape[1]) >= self.started[:, None])
        total = _trailing_sum(np.where(counts, values, 0), periods)
        return np.asarray(total / np.maximum(_trailing_sum(counts, periods), 1))


def _trailing_sum(values: NDArray[np.generic], periods: int) -> Wide:
    total = np.cumsum(values, axis=1, dtype=np.float64)  # (I, W)
    total[:, periods:] -= total[:, :-periods].copy()
    return total


def _recent(demand: Matrix, periods: int) -> Matrix:
    padded = np.pad(demand, ((0, 0), (periods - 1, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, periods, axis=1)  # (I, W, periods)
    return np.sort(windows, axis=-1)


def _ordering(series: DemandSeries, past: _Past, rhythm: Rhythm) -> tuple[Wide, ...]:
    # Units are heavy-tailed, order lines are not: how many ordered says more of the next period than how much one took.
    if series.lines is None:
        return ()
    lines = series.lines
    usual = past.mean(lines, rhythm.scale)
    return (
        np.log1p(lines) - np.log1p(usual),
        np.log1p(past.mean(lines, rhythm.means[0])) - np.log1p(usual),
        np.log1p(usual) / 3,
    )


def _intermittence(demand: Matrix, past: _Past, rhythm: Rhythm) -> tuple[Wide, ...]:
    """Return how often there is a sale, how large one is, and how long ago the last one was.

    Source: Croston, Forecasting and Stock Control for Intermittent Demands, 1972: size and interval, apart.
    """
    sold = (demand > 0).astype(np.float32)
    often = [past.mean(sold, periods) for periods in (*rhythm.means, rhythm.scale)]
    size = past.mean(demand, rhythm.scale) / np.maximum(often[-1], 1e-9)
    place = np.arange(demand.shape[1])
    last = np.maximum.accumulate(np.where(demand > 0, place, -1), axis=1)
    return (*often, np.log1p(size) / 3, np.log1p(place - last) / 3)


def _season(series: DemandSeries, *, seasonal: bool) -> tuple[Wide, ...]:
    if not seasonal:
        return (np.zeros(len(series.starts)),) * 2
    year = series.starts.astype("datetime64[Y]").astype("datetime64[D]")
    angle = 2 * np.pi * (series.starts - year).astype(np.float64) / 365.25
    return np.sin(angle), np.cos(angle)


def _pricing(series: DemandSeries, past: _Past, rhythm: Rhythm) -> tuple[Wide, ...]:
    """Return the price, and how far it lies from the usual one; zeros where none is known."""
    if series.prices is None:
        return ()
    priced = np.isfinite(series.prices) & (series.prices > 0)
    price = np.log(np.where(priced, series.prices, 1)).astype(np.float32)
    usual = _Past(priced, past.started).mean(price, rhythm.scale)
    return usual / 3, np.where(priced, price - usual, 0)
