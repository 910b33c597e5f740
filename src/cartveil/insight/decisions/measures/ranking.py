"""Measures of a ranking: what stands above what, whatever the scores are worth. Tied scores are one step."""

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError


def average_precision(positive: NDArray[np.bool_], score: NDArray[np.floating]) -> float:
    """Return the area under precision over recall, step by step; 0 where nothing is positive.

    Args:
        positive: Which rows are what is looked for, (rows,).
        score: Higher is more suspicious, (rows,), no NaN.

    Raises:
        InputError: Another number of scores than of rows, or a score that is no number.

    Source: Davis and Goadrich, The Relationship Between Precision-Recall and ROC Curves, ICML 2006; not interpolated.
    """
    found, listed = _steps(positive, score)
    if not found[-1:].sum():
        return 0.0
    return float(np.sum(np.diff(np.append(0, found)) * found / listed) / found[-1])


def auc_roc(positive: NDArray[np.bool_], score: NDArray[np.floating]) -> float:
    """Return the chance that a positive row stands above a negative one, ties counted half; NaN with one class only.

    Args:
        positive: Which rows are what is looked for, (rows,).
        score: Higher is more suspicious, (rows,), no NaN.

    Raises:
        InputError: Another number of scores than of rows, or a score that is no number.
    """
    found, listed = _steps(positive, score)
    total = int(found[-1]) if len(found) else 0
    others = len(score) - total
    if not total or not others:
        return float("nan")
    wrong = np.append(0, listed - found)
    right = np.append(0, found)
    return float(np.sum(np.diff(wrong) * (right[1:] + right[:-1]) / 2) / (total * others))


def recall_at(positive: NDArray[np.bool_], score: NDArray[np.floating], *, false_positives: float) -> float:
    """Return which share of the positive rows is found while at most this share of the others is.

    Args:
        positive: Which rows are what is looked for, (rows,).
        score: Higher is more suspicious, (rows,), no NaN.
        false_positives: Share of the negative rows, 0 to 1.

    Returns:
        0 to 1; NaN where nothing is positive.

    Raises:
        InputError: Another number of scores than of rows, or a score that is no number.
    """
    found, listed = _steps(positive, score)
    total = int(found[-1]) if len(found) else 0
    if not total:
        return float("nan")
    wrong = listed - found
    allowed = wrong <= false_positives * (len(score) - total) + 1e-9
    return float(found[allowed].max(initial=0) / total)


def _steps(positive: NDArray[np.bool_], score: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return after each distinct score, from the highest, how many positive rows and how many rows stand there."""
    if len(positive) != len(score):
        raise InputError(f"{len(score)} scores for {len(positive)} rows", path="score")
    if np.isnan(score).any():
        raise InputError("a score is no number", path="score", hint="give what cannot be scored the lowest score")
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
    return np.cumsum(positive[order].astype(np.int64))[last], (np.arange(len(ranked)) + 1)[last]
