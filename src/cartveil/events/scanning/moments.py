"""Between which years the dates of a column lie, and whether they have a time of day: births have none."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.reading.times import parse_some_times

_DAY = r"^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}"
_YEAR = r"(?P<year>(?:18[89]|19[0-9]|20[0-9])[0-9])"
_FEW = 200
_NO_YEARS = (0, 0)


def written_times(texts: pa.Array) -> tuple[float, tuple[int, int]]:
    """Return the share of texts that are dates or times, and between which years they lie; both 0 where none is."""
    parsed = parse_some_times(pa.chunked_array([texts]))
    if parsed is None:
        # Days and months may not be told apart, and yet the column holds dates.
        return _mean(pc.match_substring_regex(texts.slice(0, _FEW), _DAY)), _written_years(texts)
    share = 1.0 - parsed.null_count / max(1, len(texts))
    return share, _outer(pc.year(parsed.drop_null()).to_numpy()) if share >= 0.5 else _NO_YEARS


def _written_years(texts: pa.Array) -> tuple[int, int]:
    """Return the years that stand at the beginning or at the end of each text."""
    found = [pc.extract_regex(texts, form) for form in (f"^{_YEAR}", f"{_YEAR}$")]
    years = pc.coalesce(*(pc.struct_field(each, "year") for each in found)).drop_null()
    is_most = len(years) and len(years) >= 0.5 * len(texts)
    return _outer(years.cast(pa.int64()).to_numpy()) if is_most else _NO_YEARS


def clocks_of(values: pa.Array) -> tuple[float, tuple[int, int]]:
    """Return the share of values with a time of day, and between which years they lie.

    Args:
        values: Dates, moments or numbers; the last have neither.
    """
    if pa.types.is_date(values.type):
        return 0.0, _outer(pc.year(values).to_numpy())
    if not pa.types.is_timestamp(values.type):
        return 0.0, _NO_YEARS
    timed = pc.not_equal(pc.floor_temporal(values, unit="day"), values)
    return _mean(timed), _outer(pc.year(values).to_numpy())


def _outer(years: Any) -> tuple[int, int]:
    """Return the first and the last year, without the outermost hundredth on either side."""
    low, high = np.quantile(years, [0.01, 0.99], method="nearest")
    return int(low), int(high)


def _mean(found: Any) -> float:
    return float(pc.mean(found.cast(pa.float64())).as_py() or 0.0)
