"""Columns of events as the plain numbers of a store: codes for words, microseconds for times, 32-bit floats."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.sequences.moments import moments_of
from cartveil.insight.sequences.partitions import SUBJECT, TIME
from cartveil.insight.sequences.store import MISSING, SequenceSpec


@dataclass(frozen=True)
class Coder:
    """Turn tables into plain numbers, one after another; words are numbered in the order in which they are met.

    Args:
        spec: Which columns are kept.
    """

    spec: SequenceSpec
    words: Mapping[str, dict[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", {name: {} for name in self.spec.fields})

    def coded(self, table: pa.Table) -> pa.Table:
        """Return names, times, codes and numbers of some events, without NULL.

        Raises:
            ColumnError: A column is missing, is not of its kind, or a subject or time is NULL.
        """
        spec = self.spec
        columns = {SUBJECT: subjects_of(*_column(table, spec.subject)), TIME: moments_of(*_column(table, spec.time))}
        columns |= {f"field.{name}": self._codes(name, table) for name in spec.fields}
        columns |= {f"numeric.{name}": numbers_of(*_column(table, name)) for name in spec.numeric}
        return pa.table(columns)

    def _codes(self, name: str, table: pa.Table) -> NDArray[np.int32]:
        encoded = pc.dictionary_encode(_text(*_column(table, name)))  # one dictionary for all chunks
        distinct, known = encoded.chunk(0).dictionary.to_pylist(), self.words[name]
        codes = np.array([known.setdefault(word, len(known)) for word in distinct] + [MISSING], np.int32)
        rows = [pc.fill_null(chunk.indices, len(distinct)).to_numpy() for chunk in encoded.chunks]
        found: NDArray[np.int32] = codes[np.concatenate(rows)]
        return found


def subjects_of(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return who acted, as text; `ColumnError` where nobody did."""
    if column.null_count:
        raise ColumnError("a subject is NULL", path=name, hint="clean the events before export")
    return _text(column, name)


def numbers_of(column: pa.ChunkedArray, name: str) -> NDArray[np.float32]:
    """Return 32-bit floats, NaN for NULL and for what is not finite; `ColumnError` where a value is no number."""
    try:
        values = column.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        hint = "choose another column"
        raise ColumnError(f"`{column.type}` cannot be read as a number", path=name, hint=hint) from None
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return np.where(np.isfinite(narrow), narrow, np.float32(np.nan))


def _column(table: pa.Table, name: str) -> tuple[pa.ChunkedArray, str]:
    if name not in table.column_names:
        raise ColumnError("the events lack this column", path=name, hint=f"they have: {', '.join(table.column_names)}")
    return table[name], name


def _text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        raise ColumnError(f"`{column.type}` cannot be read as words", path=name, hint="choose another column") from None
