"""Columns of numbers: quantities, amounts and prices, which a release may tell as ranges such as `1-5` instead."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import ColumnError


def numbers_of(table: pa.Table, name: str) -> NDArray[np.float64]:
    """Return a column that is needed, 0 where nothing finite is known, (rows,).

    Raises:
        ColumnError: It is missing, or does not hold numbers; no value is told.
    """
    found = known_numbers(table, name)
    if found is None:
        hint = "name its role, and release it as numbers, not as ranges"
        raise ColumnError("numbers are needed", path=name, hint=hint)
    return found


def known_numbers(table: pa.Table, name: str) -> NDArray[np.float64] | None:
    """Return a column that helps, 0 where nothing finite is known, (rows,); None where it stands for no numbers."""
    if name not in table.column_names:
        return None
    try:
        values = table[name].cast(pa.float64()).to_numpy()
    except pa.ArrowException:  # its message quotes the value
        return None
    return np.asarray(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
