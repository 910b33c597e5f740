"""Dates moved by one offset per consumer: the intervals stay, the calendar does not.

The offset is a whole number of days drawn from a keyed function of the consumer's id, so that hours of the day and the
days between two purchases stay exact. Whoever knows when one purchase was made learns the offset of that consumer, and
of nobody else.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.errors import ColumnError, SchemaError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import Values, as_measure, as_text, shaped_like
from cartveil.guard.protect.modes.blocks import cmac, subkey, texts_of

#: Days to either side, where the schema does not say.
DAYS = 14

#: Above ten years a shifted date says nothing that a random one would not.
_MOST_DAYS = 3650

_DAY_TICKS = {"s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}


def shift(column: Values, key: SecretKey, *, subjects: Values, days: int = DAYS) -> Values:
    """Move each consumer's dates and times by that consumer's own offset.

    Args:
        column: Dates or timestamps, or text that holds them.
        key: The scope's key.
        subjects: (rows,) the consumer of each row.
        days: Offsets are whole days from `-days` to `days`, never 0.

    Returns:
        A column of the same type, or timestamps where it was text. NULL stays NULL; a row without consumer becomes
        NULL, for an offset that many strangers share is told by any one of them.

    Raises:
        SchemaError: `days` is nonsense.
        ColumnError: No dates or times, lengths disagree, or a time too far away to be moved.

    Guarantees:
        - One consumer and key: one offset, in every row, column, table and release.
        - Differences between two times of one consumer, and the hour of the day in UTC, stay exact.
        - No time of a consumer stays where it was.
    """
    if len(subjects) != len(column):
        raise ColumnError(f"{len(subjects)} consumers for {len(column)} values")
    array = as_measure(column)
    if not (types.is_timestamp(array.type) or types.is_date(array.type)):
        hint = "use `jitter` or `bucket` for numbers"
        raise ColumnError("a column of numbers cannot be shifted", hint=hint)
    moved = _moved(array, offsets(subjects, key, days=_checked(days)))
    known = pc.is_valid(as_text(subjects))
    return shaped_like(pc.if_else(known, moved, pa.scalar(None, moved.type)), column)


def offsets(subjects: Values, key: SecretKey, *, days: int = DAYS) -> npt.NDArray[np.int64]:
    """Return (rows,) each consumer's offset in days: not 0, evenly from `-days` to `days`; NULL counts as no text."""
    encoded = pc.fill_null(as_text(subjects), "").dictionary_encode()
    tags = cmac(texts_of(encoded.dictionary), subkey(key, "shift"))
    # 64 bits over at most 7,300 offsets: no offset is likelier than another by more than one in 10^15.
    drawn = np.ascontiguousarray(tags[:, :8]).view(">u8")[:, 0].astype(np.uint64) % np.uint64(2 * days)
    below = drawn.astype(np.int64) - days  # from -days to days - 1
    without_zero = np.where(below >= 0, below + 1, below)
    chosen: npt.NDArray[np.int64] = without_zero[encoded.indices.to_numpy()]
    return chosen


def _checked(days: object) -> int:
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _MOST_DAYS:
        hint = f"write whole days from 1 to {_MOST_DAYS}, such as `days = 14`"
        raise SchemaError(f"`{days}` is no number of days", hint=hint)
    return days


def _moved(array: pa.Array, by: npt.NDArray[np.int64]) -> pa.Array:
    kind = array.type
    try:
        if types.is_timestamp(kind):
            ticks = pa.array(by * _DAY_TICKS[kind.unit], pa.int64())
            return pc.add_checked(array.cast(pa.int64()), ticks).cast(kind)
        days = array.cast(pa.date32()).cast(pa.int32())
        return pc.add_checked(days, pa.array(by, pa.int32())).cast(pa.date32()).cast(kind)
    except pa.ArrowInvalid:
        raise ColumnError("a time lies too far away to be shifted", hint="clean the table first") from None
