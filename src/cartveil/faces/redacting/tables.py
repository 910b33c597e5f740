"""Columns of a table: into a file of the same format, a few thousand rows at a time."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cartveil.errors import InputError, ReadError
from cartveil.events.reading.streams import Piece, encoded
from cartveil.events.writing import replace_file
from cartveil.faces.redacting.delimited import redact_delimited
from cartveil.faces.redacting.lines import Lines, each_line
from cartveil.faces.redacting.records import redact_objects
from cartveil.faces.redacting.redaction import ROWS, Columns, Redaction, as_text, redacted, refuse_missing
from cartveil.faces.redacting.texts import open_bytes

_DELIMITED, _RECORDS, _PARQUET = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson"), (".parquet", ".pq")


def refuse_tables(files: Iterable[Path]) -> None:
    """Refuse tables as plain text: their header and every separator would be read as part of a text."""
    for file in files:
        if file.suffix.lower() in (*_DELIMITED[:2], *_RECORDS, *_PARQUET):
            hint = f"name the columns of text with --column, or pass the file as text: `cartveil redact < {file.name}`"
            raise InputError("is a table", path=str(file), hint=hint)


def redact_table_file(source: Path, target: Path, columns: Columns, redaction: Redaction) -> None:
    """Redact columns of a table into a file of the same format, which appears whole or not at all.

    Args:
        source: Delimited text, an object per line, or Parquet, by the ending.
        target: Where; nothing is changed in place.
        columns: Which, and what is known beside them.
        redaction: How.

    Raises:
        ReadError: The file cannot be read, or a row has more or fewer values than the header has names.
        InputError: A column is not there, or the ending is none of these.

    Guarantees:
        - Other columns keep their values. No more than a few thousand rows are held.
    """
    ending = source.suffix.lower()
    open_bytes(source).close()
    if ending in _PARQUET:
        replace_file(target, lambda new: _parquet(source, new, columns, redaction))
    elif ending in _RECORDS or ending in _DELIMITED:
        change = redact_objects if ending in _RECORDS else redact_delimited
        replace_file(target, lambda new: _lines(source, new, lambda lines: change(lines, source, columns, redaction)))
    else:
        known = " ".join((*_DELIMITED, *_RECORDS, *_PARQUET))
        raise InputError(f"unknown ending `{ending}`", path=str(source), hint=f"known endings: {known}")


def _lines(source: Path, target: Path, change: Callable[[Lines], Iterable[Piece]]) -> None:
    """Rewrite a text file line by line, each line in the encoding that it came in."""
    with open_bytes(source) as read, target.open("wb") as written:
        for piece in change(each_line(read)):
            written.write(encoded(piece))


def _parquet(source: Path, target: Path, columns: Columns, redaction: Redaction) -> None:
    try:
        file = pq.ParquetFile(source)
    except (pa.ArrowException, OSError):
        raise ReadError("is not a whole Parquet file", path=str(source), hint="copy or write it again") from None
    with file, pq.ParquetWriter(target, _as_strings(file.schema_arrow, columns), compression="zstd") as writer:
        refuse_missing(columns, file.schema_arrow.names, source)
        for batch in file.iter_batches(batch_size=ROWS):
            rows = batch.select(list(dict.fromkeys(columns.all()))).to_pylist()
            for name in columns.texts:
                made = redacted([as_text(row[name]) for row in rows], rows, columns, redaction)
                place = batch.schema.get_field_index(name)
                batch = batch.set_column(place, pa.field(name, pa.string()), pa.array(made, pa.string()))
            writer.write_batch(batch)


def _as_strings(schema: pa.Schema, columns: Columns) -> pa.Schema:
    for name in columns.texts:
        if name in schema.names:
            schema = schema.set(schema.get_field_index(name), pa.field(name, pa.string()))
    return schema
