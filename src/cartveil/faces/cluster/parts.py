"""Parts of a table: which files and row groups there are, their common types, and one of them read.

What a text file's columns are is read from its values, part by part; so the types are agreed before the first part is
protected, or `00123` would be a number where all its neighbours are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as types

from cartveil.errors import ColumnError, ReadError
from cartveil.events.reading import read_table
from cartveil.events.reading.columns import tidy

_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Part:
    """A row group of a Parquet file, or a whole file of any other format."""

    file: Path
    group: int | None = None


def parts_of(source: str | Path) -> tuple[Part, ...]:
    """Return the parts of a file, or of a folder's files in the order of their names.

    Args:
        source: Files whose names start with `.` or `_`, and folders inside, are no parts.

    Raises:
        ReadError: Nothing there, or no row in it.
    """
    place = Path(source)
    files = [place] if not place.is_dir() else sorted(file for file in place.iterdir() if _is_part(file))
    parts = tuple(part for file in files for part in _parts_of(file))
    if not parts:
        raise ReadError("holds no rows", path=str(place), hint="name a folder of CSV or Parquet files, or one file")
    return parts


def read_part(part: Part) -> pa.Table:
    """Read one part; `ReadError` if it is damaged."""
    if part.group is None:
        return read_table(part.file)
    try:
        with pq.ParquetFile(part.file) as file:
            return _tidied(file.read_row_group(part.group), part.file)
    except (pa.ArrowException, OSError):
        raise _damaged(part.file) from None


def schema_of(part: Part) -> pa.Schema:
    """Return the names and types of one part, null where nothing shows a type; Parquet says them without being read."""
    if part.group is None:
        table = read_part(part)
        empty = {name for name in table.column_names if table[name].null_count == table.num_rows}
        return pa.schema([field.with_type(pa.null()) if field.name in empty else field for field in table.schema])
    try:
        with pq.ParquetFile(part.file) as file:
            return _tidied(file.schema_arrow.empty_table(), part.file).schema
    except (pa.ArrowException, OSError):
        raise _damaged(part.file) from None


def agreed(schemas: Iterable[tuple[Part, pa.Schema]]) -> pa.Schema:
    """Return the types that all parts can be read in without losing anything.

    Raises:
        ReadError: A part has other columns, or a type that goes with no other.
    """
    pairs = iter(schemas)
    part, first = next(pairs)
    common = reduce(lambda common, pair: _joined(common, *pair), pairs, first)
    if part.group is not None:
        return common
    # A text file's column without any value is text.
    return pa.schema([field.with_type(pa.string()) if types.is_null(field.type) else field for field in common])


def as_agreed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a part in the agreed order and types."""
    return table.select(schema.names).cast(schema)


def _joined(common: pa.Schema, part: Part, schema: pa.Schema) -> pa.Schema:
    if strange := sorted(set(common.names) ^ set(schema.names)):
        hint = "put parts of one table into one folder"
        raise ReadError(f"column `{strange[0]}` is not in every part", path=str(part.file), hint=hint)
    return pa.schema([field.with_type(_wider(field, schema.field(field.name).type, part)) for field in common])


def _wider(field: pa.Field, other: pa.DataType, part: Part) -> pa.DataType:
    kinds = {field.type, other}
    if len(kinds) == 1:
        return other
    if pa.null() in kinds:
        return (kinds - {pa.null()}).pop()
    # Only where reading the whole file at once would have given the same: `1` is `1`, but 2.5 may have been `2.50`.
    if kinds == {pa.int64(), pa.float64()} and part.group is None:
        return pa.float64()
    if (
        pa.string() in kinds
        and part.group is None
        and any(types.is_int64(kind) or types.is_boolean(kind) for kind in kinds)
    ):
        return pa.string()
    message = f"column `{field.name}` is {other} here and {field.type} in other parts"
    raise ReadError(message, path=str(part.file), hint="write all parts as Parquet with the same types")


def _is_part(file: Path) -> bool:
    return file.is_file() and not file.name.startswith((".", "_"))


def _parts_of(file: Path) -> list[Part]:
    if file.suffix.lower() not in _PARQUET or not file.exists():
        return [Part(file)]
    try:
        with pq.ParquetFile(file) as opened:
            return [
                Part(file, group) for group in range(opened.num_row_groups) if opened.metadata.row_group(group).num_rows
            ]
    except (pa.ArrowException, OSError):
        raise _damaged(file) from None


def _tidied(table: pa.Table, file: Path) -> pa.Table:
    try:
        return tidy(table)
    except ColumnError as error:
        raise ReadError(error.message, path=str(file), hint=error.hint) from None


def _damaged(file: Path) -> ReadError:
    return ReadError("is not a whole Parquet file", path=str(file), hint="copy or write it again")
