"""Drift: whether what the detector sees now is still what it learnt from.

A detector is as good as its idea of the usual. Two measures say how far a column or the score has moved: the population
stability index over words or quantile bins, and the Kolmogorov-Smirnov distance of numbers. Events of one actor are
alike, so a fixed limit would cry wolf: how far the reference period moved by itself is measured beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError

#: Customary limits of the index: below the first nothing has moved, from the second on the change is large.
MOVED, SHIFTED = 0.1, 0.25
#: How many times what the reference period moved by itself counts as a move.
_TIMES_USUAL = 3.0
_BINS, _MOST_WORDS = 10, 64
#: Share that an empty bin is given.
_LEAST = 1e-4


@dataclass(frozen=True)
class Drift:
    """How far one column moved.

    Args:
        column: Its name; `score` for the detector's own.
        psi: Population stability index between the reference and now; 0 is no change.
        usual: The same between the two halves of the reference.
        ks: Largest distance of the two distribution functions; NaN for words.
        unseen: Share of the rows whose word the reference did not hold.
        missing: Share of NULL now, less that in the reference.
        state: `steady`, `moved` or `shifted`.
    """

    column: str
    psi: float
    usual: float
    ks: float
    unseen: float
    missing: float
    state: str

    def to_dict(self) -> dict[str, object]:
        """Return what a program may read; words of the column are not in it."""
        figures = {name: getattr(self, name) for name in ("psi", "usual", "ks", "unseen", "missing")}
        rounded = {name: None if np.isnan(value) else round(value, 4) for name, value in figures.items()}
        return {"column": self.column, "state": self.state, **rounded}


def measure_drift(reference: pa.Table, now: pa.Table, *, columns: Sequence[str]) -> tuple[Drift, ...]:
    """Compare two periods column by column, the one that moved most first.

    Args:
        reference: What the detector learnt from, in order of time.
        now: What it sees.
        columns: Which; numbers are binned by the reference's deciles, all else is taken as words.

    Returns:
        One entry per column; with an empty period nothing is said to have moved.

    Raises:
        ColumnError: A column is missing.
    """
    for name in columns:
        if name not in reference.column_names or name not in now.column_names:
            raise ColumnError("cannot be compared: this column is missing", path=name)
    found = [_one(name, reference[name], now[name]) for name in columns]
    return tuple(sorted(found, key=lambda drift: -drift.psi))


def population_stability(reference: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the population stability index of two histograms over the same bins; 0 where one is empty.

    Args:
        reference: Rows per bin, (bins,).
        now: Rows per bin, (bins,).

    Source: Siddiqi, Credit Risk Scorecards, 2006: the sum of (q - p) ln(q / p), which is the symmetrised
        Kullback-Leibler divergence.
    """
    if not reference.sum() or not now.sum():
        return 0.0
    p, q = (np.maximum(counts / counts.sum(), _LEAST) for counts in (reference, now))
    return float(np.sum((q - p) * np.log(q / p)))


def distance(reference: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples, 0 to 1; NaN where one is empty."""
    if not len(reference) or not len(now):
        return float("nan")
    points = np.concatenate([reference, now])
    below = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (reference, now)]
    return float(np.abs(below[0] - below[1]).max())


def _one(name: str, reference: pa.ChunkedArray, now: pa.ChunkedArray) -> Drift:
    ks, unseen = float("nan"), 0.0
    if pa.types.is_floating(reference.type) or pa.types.is_integer(reference.type):
        old, new = _numbers(reference), _numbers(now)
        edges = _deciles(old[~np.isnan(old)])
        codes = [np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values)) for values in (old, new)]
        size = len(edges) + 2
        ks = distance(old[~np.isnan(old)], new[~np.isnan(new)])
    else:
        words = _words(reference)
        codes = [_codes(column, words) for column in (reference, now)]
        size = len(words) + 2
        unseen = float(np.mean(~_known(now, reference))) if len(now) else 0.0
    halves = np.array_split(codes[0], 2)
    psi, usual = (
        population_stability(*(np.bincount(part, minlength=size).astype(np.float64) for part in pair))
        for pair in (codes, halves)
    )
    missing = (now.null_count / max(len(now), 1)) - (reference.null_count / max(len(reference), 1))
    return Drift(name, psi, usual, ks, unseen, missing, _state(psi, usual))


def _deciles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.unique(np.quantile(values, np.arange(1, _BINS) / _BINS)) if len(values) else values


def _state(psi: float, usual: float) -> str:
    if psi < max(MOVED, _TIMES_USUAL * usual):
        return "steady"
    return "shifted" if psi >= max(SHIFTED, 2 * _TIMES_USUAL * usual) else "moved"


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _words(column: pa.ChunkedArray) -> pa.Array:
    """Return the most frequent words of the reference; all others fall into one bin."""
    counts = pc.value_counts(column.cast(pa.string()).drop_null().combine_chunks())
    order = np.argsort(-counts.field("counts").to_numpy(), kind="stable")[:_MOST_WORDS]
    return counts.field("values").take(pa.array(order))


def _codes(column: pa.ChunkedArray, words: pa.Array) -> NDArray[np.int64]:
    """Return 0 for NULL, 1 for a word that is not listed, 2 and more for those that are."""
    text = column.cast(pa.string()).combine_chunks()
    place = pc.index_in(text, value_set=words)
    codes = pc.if_else(pc.is_valid(text), pc.fill_null(pc.add(place, 2), 1), 0)
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)


def _known(column: pa.ChunkedArray, reference: pa.ChunkedArray) -> NDArray[np.bool_]:
    words = pc.unique(reference.cast(pa.string()).combine_chunks())
    text = column.cast(pa.string()).combine_chunks()
    return np.asarray(pc.or_(pc.is_null(text), pc.is_in(text, value_set=words)).to_numpy(zero_copy_only=False))
