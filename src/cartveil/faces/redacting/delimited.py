"""Delimited text: the columns that are redacted change, the others keep their values."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from cartveil.errors import ReadError
from cartveil.events.reading.delimited import LONGEST_FIELD, delimiter_of
from cartveil.events.reading.streams import Piece
from cartveil.faces.redacting.lines import Lines, batches
from cartveil.faces.redacting.redaction import Columns, Redaction, redacted, refuse_missing


def redact_delimited(lines: Lines, source: Path, columns: Columns, redaction: Redaction) -> Iterator[Piece]:
    """Yield the lines of delimited text with some columns redacted; see `redact_table_file`."""
    csv.field_size_limit(LONGEST_FIELD)
    first, encoding = next(lines, ("", ""))
    if not first.strip():
        raise ReadError("has no header", path=str(source), hint="write the names of the columns into the first line")
    mark = first[: first.startswith("\ufeff")]
    delimiter = delimiter_of(first[len(mark) :], source)
    names = [name.strip() for name in next(csv.reader([first[len(mark) :]], delimiter=delimiter))]
    refuse_missing(columns, names, source)
    yield Piece(first, encoding)
    ending = "\r\n" if first.endswith("\r\n") else "\n"
    for rows, encoding in batches(_rows(lines, delimiter, len(names), source)):
        full = [dict(zip(names, row, strict=False)) for row in rows]
        for name in columns.texts:
            made = redacted([row.get(name) for row in full], full, columns, redaction)
            for row, text in zip(rows, made, strict=True):
                if text is not None:
                    row[names.index(name)] = text
        yield Piece(_written(rows, delimiter, ending), encoding)


def _rows(lines: Lines, delimiter: str, width: int, source: Path) -> Iterator[tuple[list[str], str]]:
    """Yield rows with the encoding of the last line of each; a quoted value may hold line breaks."""
    encoding = ""

    def texts() -> Iterator[str]:
        nonlocal encoding
        for line, encoding in lines:  # noqa: B007 - read by the loop below
            yield line

    reader = csv.reader(texts(), delimiter=delimiter)
    try:
        for row in reader:
            if row and len(row) != width:
                message = f"row has {len(row)} values, the header has {width} columns"
                hint = "look for a missing or unquoted delimiter, or a quote left open"
                raise ReadError(message, path=f"{source}:{reader.line_num + 1}", hint=hint)
            yield row, encoding
    except csv.Error:
        raise ReadError("is not a well-formed table", path=str(source), hint="look for a quote left open") from None


def _written(rows: Sequence[Sequence[str]], delimiter: str, ending: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=ending).writerows(rows)
    return out.getvalue()
