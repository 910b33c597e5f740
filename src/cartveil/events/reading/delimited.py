"""Delimited text: find the delimiter, check the header, refuse ragged rows, keep what would be lost as text."""

import csv
import io
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from cartveil.errors import ReadError
from cartveil.events.reading.types import narrow

_DELIMITERS = (",", "\t", ";", "|")
NULLS = ["", "NULL", "null", "\\N", "NaN", "nan", "N/A", "#N/A"]
#: Characters of one value; the module `csv` refuses long texts unless told.
LONGEST_FIELD = 2**31 - 1


def read_delimited(text: str, file: Path) -> pa.Table:
    """Read delimited text; see `read_table`.

    Args:
        text: The decoded file, not empty.
        file: Where it came from, for errors.
    """
    delimiter = delimiter_of(text, file)
    names = header_of(text, delimiter, file)
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(text.encode()),
            read_options=arrow_csv.ReadOptions(block_size=_block_size(text)),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=NULLS
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        # Arrow's message repeats the row, which may name a person.
        raise _ragged(text, delimiter, names, file) from None
    return narrow(table.rename_columns([name.strip() for name in names]))


def _block_size(text: str) -> int:
    # A quoted value with line breaks must fit into one block.
    return min(max(1 << 20, len(text) // 8), 1 << 26)


def delimiter_of(text: str, file: Path) -> str:
    """Return the delimiter that cuts the first lines into the same number of parts, and into the most of them."""
    if ".tsv" in file.suffixes:
        return "\t"
    head = text[: 1 << 16].splitlines()[:20]
    scores = {}
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(head, delimiter=delimiter) if row)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        scores[delimiter] = (count / max(1, widths.total()) if width > 1 else 0.0, width)
    best = max(_DELIMITERS, key=lambda delimiter: scores[delimiter])
    return best if scores[best][0] else ","


def header_of(text: str, delimiter: str, file: Path) -> list[str]:
    """Return the names in the first line as they stand there; refuse a line that is no header."""
    csv.field_size_limit(LONGEST_FIELD)
    names = next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row), [])
    clean = [name.strip() for name in names]
    if all(_is_number(name) for name in clean):
        hint = "write the names of the columns into the first line"
        raise ReadError("the first line is not a header: it holds numbers only", path=f"{file}:1", hint=hint)
    empty = [str(place) for place, name in enumerate(clean, start=1) if not name]
    if empty:
        raise ReadError(f"column {', '.join(empty)} has no name", path=f"{file}:1", hint="give every column a name")
    twice = [f"`{name}`" for name, count in Counter(clean).items() if count > 1]
    if twice:
        raise ReadError(f"duplicate column {', '.join(twice)}", path=f"{file}:1", hint="give every column its own name")
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ragged(text: str, delimiter: str, names: list[str], file: Path) -> ReadError:
    """Return the error for the first row that has not as many values as the header has names."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    for row in rows:
        if row and len(row) != len(names):
            message = f"row has {len(row)} values, the header has {len(names)} columns"
            hint = (
                f"look for a missing or unquoted `{'tab' if delimiter == chr(9) else delimiter}`, or a quote left open"
            )
            return ReadError(message, path=f"{file}:{line}", hint=hint)
        line = rows.line_num + 1
    return ReadError("is not a well-formed table", path=str(file), hint="look for a quote left open")
