"""Rows that a wrong clock dated: found before anything takes the latest time for now.

One order dated 2043 makes a week of every week until then, and a consumer of everybody who has not come for years; one
dated 1970 makes a week of every week since. So what takes the first time of a table for the beginning, or the latest
for now, looks for such rows first, and says how many there were.

    >>> days = np.append(np.arange(1000.0), [1003.0, 8000.0])
    >>> without_stray_times(days)[-3:].tolist()
    [True, True, False]
"""

import numpy as np
from numpy.typing import NDArray

#: A row is a stray where it lies more than so many days past this quantile of times, or before the opposite one.
_DAYS, _DAYS_BEFORE, _QUANTILE = 30.0, 365.0, 0.999
#: Never is a larger share of the rows taken for strays.
_MOST = 0.1

#: What is said of rows that were set aside, behind their number.
STRAYS = "rows dated more than 30 days past, or a year before, nearly all others were set aside"


def without_stray_times(times: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return which rows to keep: none 30 days past the 99.9% quantile of times, nor a year before the 0.1% one.

    A quantile is that of rows or of distinct times, whichever is the nearer, so that one order of many lines is one
    stray. It lies between two times where there are few: the fewer rows, the farther out a stray has to be. Before the
    beginning there is more room, since shops begin small.

    Args:
        times: Days since 1970, or datetime64 of any unit, (rows,). One that is NaN or NaT is kept.

    Returns:
        True for a row to keep, (rows,); never fewer than nine in ten.
    """
    days = _days(np.asarray(times))
    known = days[np.isfinite(days)]
    if not len(known):
        return np.ones(len(days), dtype=bool)
    each = (known, np.unique(known))
    last = min(float(np.quantile(some, _QUANTILE)) for some in each) + _DAYS
    first = max(float(np.quantile(some, 1 - _QUANTILE)) for some in each) - _DAYS_BEFORE
    stray = (days > last) | (days < first)  # NaN is neither
    return ~stray if stray.mean() <= _MOST else np.ones(len(days), dtype=bool)


def _days(times: NDArray[np.generic]) -> NDArray[np.float64]:
    if times.dtype.kind != "M":
        return times.astype(np.float64)
    seconds = times.astype("datetime64[s]")
    return np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64) / 86_400)
