"""Rows that a wrong clock dated: found before anything takes the latest time for now.

One order dated 2043 makes a week of every week until then, and a consumer of everybody who has not come for years. So
what takes the latest time of a table for now looks for such rows first, and says how many there were.

    >>> days = np.append(np.arange(1000.0), [1003.0, 8000.0])
    >>> without_stray_times(days)[-3:].tolist()
    [True, True, False]
"""

import numpy as np
from numpy.typing import NDArray

#: A row is a stray where it lies more than so many days past this quantile of times.
_DAYS, _QUANTILE = 30.0, 0.999
#: Never is a larger share of the rows taken for strays.
_MOST = 0.1

#: What is said of rows that were set aside, behind their number.
STRAYS = "rows dated more than 30 days past nearly all others were set aside"


def without_stray_times(times: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return which rows to keep: those not dated more than 30 days past the 99.9% quantile of times.

    The quantile is that of rows or of distinct times, whichever is the earlier, so that one order of many lines is one
    stray. It lies between two times where there are few: the fewer rows, the farther out a stray has to be.

    Args:
        times: Days since 1970, or datetime64 of any unit, (rows,). One that is NaN or NaT is kept.

    Returns:
        True for a row to keep, (rows,); never fewer than nine in ten.
    """
    days = _days(np.asarray(times))
    known = days[np.isfinite(days)]
    if not len(known):
        return np.ones(len(days), dtype=bool)
    last = min(float(np.quantile(each, _QUANTILE)) for each in (known, np.unique(known))) + _DAYS
    stray = days > last  # NaN is not
    return ~stray if stray.mean() <= _MOST else np.ones(len(days), dtype=bool)


def _days(times: NDArray[np.generic]) -> NDArray[np.float64]:
    if times.dtype.kind != "M":
        return times.astype(np.float64)
    seconds = times.astype("datetime64[s]")
    return np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64) / 86_400)
