"""Intervals of rankings whose rows are not independent: what belongs to one owner is drawn together, or not at all."""

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.measures import Interval, bootstrap


def precision_interval(
    positive: NDArray[np.bool_], score: NDArray[np.float64], owner: NDArray[np.int64], *, rounds: int
) -> Interval:
    """Return average precision with an interval over resampled owners; samples without a positive row are left out.

    Args:
        positive: Which rows are what is looked for, (rows,).
        score: Higher is more suspicious, (rows,), no NaN.
        owner: Whose each row is, any numbers, (rows,).
        rounds: How many resamples.
    """
    known, of = np.unique(owner, return_inverse=True)
    order, units = np.argsort(-score, kind="stable"), len(known)
    ranked, hits, of = score[order], positive[order], of[order]
    last = np.append(ranked[1:] != ranked[:-1], True)

    def precision(sample: NDArray[np.int64]) -> float:
        weight = np.bincount(sample, minlength=units)[of]
        found, listed = np.cumsum(weight * hits)[last], np.cumsum(weight)[last]
        if not found[-1]:
            return float("nan")
        return float(np.sum(np.diff(found, prepend=0) * found / np.maximum(listed, 1)) / found[-1])

    return bootstrap(units, precision, rounds=rounds)
