"""Frames of other libraries, and plain records, as Arrow tables; none of those libraries is imported here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartveil.errors import ColumnError
from cartveil.events.reading.columns import check_names, from_columns, from_records, tidy
from cartveil.events.reading.files import read_table


def as_table(data: Any) -> pa.Table:
    """Return any tabular thing as an Arrow table; the thing itself is never changed.

    Args:
        data: An Arrow table or batch, a pandas or polars frame, a list of dicts, a dict of columns, or a path.

    Raises:
        ColumnError: A column has no name of its own, or values of types that do not go together.
        ReadError: A path that cannot be read.
    """
    if isinstance(data, str | Path):
        return read_table(data)
    return tidy(_arrow(data))


def _arrow(data: Any) -> pa.Table:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, Mapping):
        return from_columns(data.items())
    library = type(data).__module__.partition(".")[0]
    if library == "polars":
        return (data.collect() if hasattr(data, "collect") else data).to_arrow()
    if library == "pandas":
        # An index with a name is a column that pandas keeps elsewhere; one without is only a count of rows.
        data = data.reset_index() if any(name is not None for name in data.index.names) else data
        check_names([str(name) for name in data.columns])
        return from_columns((str(name), data[name]) for name in data.columns)
    if isinstance(data, Sequence) and all(isinstance(record, Mapping) for record in data):
        return from_records(data)
    hint = "hand in an Arrow table, a pandas or polars frame, a list of dicts, or a path"
    raise ColumnError(f"`{type(data).__name__}` is not a table", hint=hint)
