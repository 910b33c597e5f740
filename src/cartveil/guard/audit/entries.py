"""One audit entry: its fields, its one way to be written, and its way back into a table.

An entry never holds a value of a consumer's record: fields by name, the consumer by pseudonym, counts.
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.json as pj

from cartveil.errors import IntegrityError

#: The log as an event table; `index` is the entry's place in the tree.
ENTRY_SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("time", pa.timestamp("us", "UTC")),
        ("actor", pa.string()),
        ("role", pa.string()),
        ("action", pa.string()),
        ("purpose", pa.string()),
        ("table", pa.string()),
        ("fields", pa.list_(pa.string())),
        ("view", pa.string()),
        ("subject", pa.string()),
        ("rows", pa.int64()),
        ("case", pa.string()),
        ("decision", pa.string()),
        ("rule", pa.string()),
        ("session", pa.string()),
    ]
)

_TEXTS = ("actor", "role", "action", "purpose", "table", "view", "subject", "case", "decision", "rule", "session")
_KNOWN = frozenset((*_TEXTS, "time", "fields", "rows"))
_STORED = pa.schema([field if field.name != "time" else ("time", pa.string()) for field in ENTRY_SCHEMA][1:])

# One encoder for all entries: sorted names, no spaces, text as it is.
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def write_entry(entry: Mapping[str, object]) -> bytes:
    """Return an entry in its canonical form: UTF-8 JSON, sorted names, every field present.

    Args:
        entry: Fields of `ENTRY_SCHEMA` without `index`; `time` is an aware datetime; missing texts are empty.

    Raises:
        ValueError: An unknown field, a wrong type, or no time.
    """
    if not entry.keys() <= _KNOWN:
        raise ValueError(f"unknown fields in an audit entry: {sorted(entry.keys() - _KNOWN)}")
    whole: dict[str, object] = {name: _text(entry.get(name, "")) for name in _TEXTS}
    whole["time"] = _time(entry.get("time"))
    whole["rows"] = int(entry.get("rows", 0))  # type: ignore[call-overload]
    whole["fields"] = [_text(name) for name in entry.get("fields", ())]  # type: ignore[attr-defined]
    return _ENCODE(whole).encode("utf-8")


def read_entries(entries: Iterable[bytes], *, indexes: Sequence[int]) -> pa.Table:
    """Return entries as a table of `ENTRY_SCHEMA`, in order of time.

    Raises:
        IntegrityError: What is stored is no entry.
    """
    lines = b"\n".join(entries)
    if not lines:
        return ENTRY_SCHEMA.empty_table()
    options = pj.ParseOptions(explicit_schema=_STORED, unexpected_field_behavior="error")
    try:
        table = pj.read_json(io.BytesIO(lines), parse_options=options)
        times = table["time"].cast(pa.timestamp("us", "UTC"))
        table = table.set_column(0, "time", times).add_column(0, "index", pa.array(indexes, pa.int64()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise IntegrityError("an audit entry cannot be read", path="audit") from None
    return table.sort_by([("time", "ascending"), ("index", "ascending")])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"an audit entry holds text, not {type(value).__name__}")
    return value


def _time(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("an audit entry needs an aware time")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
