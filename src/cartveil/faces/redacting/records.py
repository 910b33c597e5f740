"""An object per line: the fields that are redacted change, the others keep their values."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cartveil.errors import ReadError
from cartveil.events.reading.streams import Piece
from cartveil.faces.redacting.lines import Lines, batches
from cartveil.faces.redacting.redaction import Columns, Redaction, redacted, refuse_missing

_LONE = re.compile(r"[\ud800-\udfff]")


def redact_objects(lines: Lines, source: Path, columns: Columns, redaction: Redaction) -> Iterator[Piece]:
    """Yield lines of JSON objects with some fields redacted; see `redact_table_file`."""
    number = 0
    for some, encoding in batches(lines):
        records = [_record(line, f"{source}:{number + place}") for place, line in enumerate(some, start=1)]
        if not number:
            refuse_missing(columns, list(records[0]), source)
        number += len(some)
        for name in columns.texts:
            made = redacted([record.get(name) for record in records], records, columns, redaction)
            for record, text in zip(records, made, strict=True):
                record |= {} if text is None else {name: text}
        written = (_written(record, line) for record, line in zip(records, some, strict=True))
        yield Piece("".join(written), encoding)


def _record(line: str, path: str) -> dict[str, Any]:
    try:
        record = json.loads(line.removeprefix("\ufeff")) if line.strip() else {}
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise ReadError("is no JSON object", path=path, hint="write one object per line")
    return record


def _written(record: dict[str, Any], line: str) -> str:
    text = json.dumps(record, ensure_ascii=False) if record else line.rstrip("\r\n")
    # Half of a surrogate pair, which JSON can hold, goes out as it came in: spelled.
    spelled = json.dumps(record) if _LONE.search(text) else text
    return spelled + line[len(line.rstrip("\r\n")) :]
