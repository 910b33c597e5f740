"""What a release lost on its way: links between rows, the shape of its columns, what can be learned from it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.guard.protect.columns import Values, as_array, as_measure, as_text

Floats = npt.NDArray[np.float64]

#: A table with columns `subject`, `time` and `item` to how well the next item can be guessed from it, 0 to 1; None
#: where it cannot be said.
Score = Callable[[pa.Table], float | None]


@dataclass(frozen=True)
class Change:
    """How far a column's distribution moved.

    Args:
        measure: `KS` (Kolmogorov-Smirnov: numbers and times), `TV` (total variation: the same words) or `detail`
            (coarser or other words).
        value: KS and TV: 0 where nothing moved, 1 where nothing is left. Detail: the share of the entropy that is left.
    """

    measure: str
    value: float


def change(before: Values, after: Values) -> Change:
    """Compare a column before and after; gaps are left out, and rows need not stand in the same order."""
    old, new = as_array(before).drop_null(), as_array(after).drop_null()
    if not len(old) or not len(new):
        return Change("TV", 0.0 if len(old) == len(new) else 1.0)
    if _is_measure(new.type):
        return Change("KS", _kolmogorov_smirnov(_numbers(old, like=new.type), _numbers(new, like=new.type)))
    old, new = as_text(old), as_text(new)
    left, right = _shares(old), _shares(new)
    if right.keys() <= left.keys():
        return Change("TV", sum(abs(left.get(word, 0) - right.get(word, 0)) for word in left) / 2)
    whole = _entropy(left)
    return Change("detail", min(1.0, _entropy(right) / whole) if whole else 1.0)


def links_kept(before: tuple[Values, Values], after: tuple[Values, Values]) -> float | None:
    """Return the share of the joined pairs of rows that still join, 0 to 1; None where nothing joined before.

    Args:
        before: A key column of each of two tables; the same one twice for the links within one table.
        after: The same columns as they leave.

    Guarantees:
        - Protection never makes two keys one, so a count of pairs says how many of the old ones are left.
    """
    old = _pairs(*before)
    return _pairs(*after) / old if old else None


def _pairs(left: Values, right: Values) -> int:
    """Return how many pairs of rows have equal keys."""
    first, second = (_counts(column) for column in (left, right))
    return sum(count * second.get(key, 0) for key, count in first.items())


def _counts(column: Values) -> dict[str, int]:
    counts = pc.value_counts(as_text(column).drop_null())
    return dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def _shares(words: pa.Array) -> dict[str, float]:
    return {word: count / len(words) for word, count in _counts(words).items()}


def _entropy(shares: dict[str, float]) -> float:
    share = np.fromiter(shares.values(), np.float64, len(shares))
    return float(-(share * np.log2(share)).sum())


def _is_measure(kind: pa.DataType) -> bool:
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return bool(number or types.is_timestamp(kind) or types.is_date(kind))


def _numbers(column: pa.Array, *, like: pa.DataType) -> Floats:
    column = as_measure(column)
    if types.is_timestamp(like) and types.is_timestamp(column.type):
        column = column.cast(pa.timestamp(like.unit, column.type.tz))
    if types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _kolmogorov_smirnov(old: Floats, new: Floats) -> float:
    """Return the greatest distance between the two distribution functions."""
    old, new = np.sort(old), np.sort(new)
    at = np.concatenate([old, new])
    first = np.searchsorted(old, at, side="right") / len(old)
    second = np.searchsorted(new, at, side="right") / len(new)
    return float(np.abs(first - second).max())
