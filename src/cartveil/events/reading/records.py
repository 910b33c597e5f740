"""JSON: an object per line, or one list of objects."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json as arrow_json

from cartveil.errors import ColumnError, ReadError
from cartveil.events.reading.columns import from_records


def read_records(text: str, file: Path) -> pa.Table:
    """Read JSON; see `read_table`.

    Guarantees:
        - Text stays text: a time or a number in quotes is not converted.
    """
    if text.lstrip().startswith("["):
        return _table(_list(text, file), file)
    try:
        return _without_guesses(text)
    except pa.ArrowInvalid:
        # Arrow's message may repeat a value; the slow reader names the line, or reads what Arrow cannot.
        return _table(_lines(text, file), file)


def _without_guesses(text: str) -> pa.Table:
    buffer = pa.py_buffer(text.encode())
    options = arrow_json.ReadOptions(block_size=min(max(1 << 20, len(text) // 8), 1 << 26))
    table = arrow_json.read_json(buffer, read_options=options)
    guessed = [field for field in table.schema if pa.types.is_timestamp(field.type)]
    if not guessed:
        return table
    # Arrow takes text of the form of a time for a time; reread those columns as the text they are.
    schema = pa.schema([pa.field(field.name, pa.string()) for field in guessed])
    return arrow_json.read_json(
        buffer, read_options=options, parse_options=arrow_json.ParseOptions(explicit_schema=schema)
    ).select(table.column_names)


def _list(text: str, file: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReadError(f"not valid JSON, column {error.colno}", path=f"{file}:{error.lineno}") from None
    for place, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise ReadError(f"entry {place} is not an object", path=str(file), hint="write a list of objects")
    return list(records)


def _lines(text: str, file: Path) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ReadError(f"not valid JSON, column {error.colno}", path=f"{file}:{number}") from None
        if not isinstance(record, dict):
            raise ReadError("is not an object", path=f"{file}:{number}", hint="write one object per line")
        records.append(record)
    return records


def _table(records: list[dict[str, Any]], file: Path) -> pa.Table:
    try:
        return from_records(records)
    except ColumnError as error:
        raise ReadError(error.message, path=str(file), hint=error.hint) from None
