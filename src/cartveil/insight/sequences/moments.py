"""Times of events as one kind of number, by one rule wherever a column of times is read.

A timestamp and a date are what they say; whole numbers are seconds since 1970, never anything finer. Whatever else, a
text or a number with a fraction among it, is refused: it could be read in several ways.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError

_MICROSECONDS = 1_000_000


def moments_of(column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
    """Return microseconds since 1970 (rows,), UTC where there is a zone.

    Raises:
        ColumnError: A time is NULL, is none, or is too far away.
    """
    if column.null_count:
        raise ColumnError("a time is NULL", path=name, hint="clean the events before export")
    try:
        if pa.types.is_integer(column.type):
            return np.asarray(pc.multiply_checked(column.cast(pa.int64()), _MICROSECONDS).to_numpy())
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            return _ticks(column)
    except pa.ArrowException:
        pass
    hint = "give a timestamp, a date, or whole seconds since 1970"
    raise ColumnError(f"`{column.type}` cannot be read as a time", path=name, hint=hint)


def _ticks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    micros = pa.timestamp("us", getattr(column.type, "tz", None))
    cut = pc.CastOptions(micros, allow_time_truncate=True)  # what is finer is cut off, what does not fit is an error
    return np.asarray(pc.cast(column, options=cut).cast(pa.int64()).to_numpy())
