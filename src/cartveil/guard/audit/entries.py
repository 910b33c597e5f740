"""One audit entry: its fields, its one way to be written, and its way back into a table.

An entry never holds a value of a consumer's record: fields by name, the consumer by pseudonym, counts.
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
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
        ("reason", pa.string()),  # why the glass was broken; empty otherwise
    ]
)

_TEXTS = (
    *("actor", "role", "action", "purpose", "table", "view", "subject", "case", "decision", "rule", "session"),
    "reason",
)
_KNOWN = frozenset((*_TEXTS, "time", "fields", "rows"))
_STORED = pa.schema([field if field.name != "time" else ("time", pa.string()) for field in ENTRY_SCHEMA][1:])

# JSON of one shape, its names sorted, no spaces, text as it is: to fill it in takes half the time of an encoder.
_NAMES = sorted(_KNOWN)
_SHAPE = "{" + ",".join(f'"{name}":%s' for name in _NAMES) + "}"
_SORTED_TEXTS = sorted(_TEXTS)
_FIELDS, _ROWS, _TIME = (_NAMES.index(name) for name in ("fields", "rows", "time"))
_quoted = json.encoder.encode_basestring

#: Bytes of JSON that are read at a time.
_BLOCK_BYTES = 1 << 20


def write_entry(entry: Mapping[str, object]) -> bytes:
    """Return an entry in its canonical form: UTF-8 JSON, sorted names, every field present.

    Args:
        entry: Fields of `ENTRY_SCHEMA` without `index`; `time` is an aware datetime; missing texts are empty.

    Raises:
        ValueError: An unknown field, a wrong type, or no time.
    """
    if not entry.keys() <= _KNOWN:
        raise ValueError(f"unknown fields in an audit entry: {sorted(entry.keys() - _KNOWN)}")
    try:
        whole = [_quoted(entry.get(name, "")) for name in _SORTED_TEXTS]  # type: ignore[arg-type]
        fields = ",".join([_quoted(name) for name in entry.get("fields", ())])  # type: ignore[attr-defined]
    except TypeError:
        raise ValueError("an audit entry holds text and lists of text") from None
    # From left to right, so that each finds its place among the names.
    whole.insert(_FIELDS, f"[{fields}]")
    whole.insert(_ROWS, str(int(entry.get("rows", 0))))  # type: ignore[call-overload]
    whole.insert(_TIME, _time(entry.get("time")))
    return (_SHAPE % tuple(whole)).encode("utf-8")


def read_entries(entries: Iterable[bytes], *, indexes: Sequence[int]) -> pa.Table:
    """Return entries as a table of `ENTRY_SCHEMA`, in order of time.

    Raises:
        IntegrityError: What is stored is no entry.
    """
    written = list(entries)
    if not written:
        return ENTRY_SCHEMA.empty_table()
    lines = io.BytesIO(b"\n".join(written))
    options = pj.ParseOptions(explicit_schema=_STORED, unexpected_field_behavior="error")
    # A line that is longer than a block cannot be read, and one such line would close the whole log.
    blocks = pj.ReadOptions(block_size=max(_BLOCK_BYTES, max(map(len, written)) + 1))
    try:
        table = pj.read_json(lines, read_options=blocks, parse_options=options)
        times = table["time"].cast(pa.timestamp("us", "UTC"))
        table = table.set_column(0, "time", times).add_column(0, "index", pa.array(indexes, pa.int64()))
        table = _without_gaps(table)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise IntegrityError("an audit entry cannot be read", path="audit") from None
    return table.sort_by([("time", "ascending"), ("index", "ascending")])


def _without_gaps(table: pa.Table) -> pa.Table:
    """Fill what an entry of an earlier version does not say: such a text is empty, as one that is not given."""
    for place, name in enumerate(table.column_names):
        if name in _TEXTS and table[name].null_count:
            table = table.set_column(place, table.schema.field(name), pc.fill_null(table[name], ""))
    return table


def _time(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("an audit entry needs an aware time")
    return f'"{value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")}Z"'
