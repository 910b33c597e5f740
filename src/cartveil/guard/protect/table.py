"""A whole table under one key of the caller: `cartveil.encrypt` and its inverse.

Each value becomes a binary cell of its own; what the columns were stands in the schema's metadata. Rows may be
filtered and sorted while encrypted; a cell does not open in another column, nor beside cells of another row.

Wire format, pinned by a test:
- schema metadata `cartveil.encrypted`: one byte format version, 2; one byte cipher suite, 1 = AES-256-GCM;
  16 bytes random salt; ciphertext and 16 bytes tag of: 8 bytes big-endian count of rows; 4 bytes count of encrypted
  columns; for each of them its number in 4 bytes and the count of its values that are not NULL in 8; the original
  schema as Arrow IPC message
- the table's key: HKDF-SHA256 of the caller's key with that salt and the info `cartveil table 1`
- a cell: 8 bytes big-endian number of the row, then ciphertext and 16 bytes tag of the value as Arrow stores it,
  or as Arrow IPC where it has no fixed form, such as a list
- nonce of a cell: the row's number, then 4 bytes big-endian number of the column; the schema's has all bits set
- associated data of a cell: the column's name and its type as text, each as four bytes big-endian length and UTF-8
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as types
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cartveil.errors import ColumnError, DecryptionError, KeyringError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import cells
from cartveil.guard.protect.columns import as_array

METADATA = b"cartveil.encrypted"
_HEADER = bytes([2, 1])
_SALT_BYTES = 16
_SCHEMA_NONCE = b"\xff" * 12
_ROW_BYTES = 8


@dataclass(frozen=True)
class _Where:
    """One column of one table: where a cell belongs."""

    number: int
    name: str
    kind: pa.DataType

    def context(self) -> bytes:
        parts = [self.name.encode(), str(self.kind).encode()]
        return b"".join(len(part).to_bytes(4) + part for part in parts)


@dataclass(frozen=True)
class _Original:
    """What the table was: its schema, how many rows it had, and how many values each encrypted column had."""

    schema: pa.Schema
    rows: int
    sealed: Mapping[int, int]


def encrypt(table: pa.Table, key: SecretKey | bytes, *, columns: Iterable[str] | None = None) -> pa.Table:
    """Encrypt each value of a table.

    Args:
        table: Any table; it is not changed.
        key: 32 bytes.
        columns: Names of the columns to encrypt; all if not given.

    Returns:
        The table with binary columns in place of these; NULL stays NULL.

    Raises:
        KeyringError: The key has not 32 bytes.
        ColumnError: No such column, or the table is encrypted already.

    Guarantees:
        - `decrypt` gives back the same table: values, types, NULLs, field and schema metadata.
        - Two encryptions of the same table share no cell: the key of each is fresh.
        - Which rows there are, in which order they stood, which values are NULL and how long a text is, is not hidden.
        - A dictionary column comes back with the same values; its dictionary is built anew.
    """
    secret = _checked(key)
    if METADATA in (table.schema.metadata or {}):
        raise ColumnError("the table is encrypted already", hint="decrypt it first")
    chosen = _chosen(table, columns)
    salt = os.urandom(_SALT_BYTES)
    cipher = AESGCM(_table_key(secret, salt))
    rows, counts, schema = _row_numbers(table.num_rows), {}, table.schema
    for number in sorted(chosen):
        field = schema.field(number)
        sealed = _sealed(cipher, table.column(number), rows, _Where(number, field.name, field.type))
        counts[number] = len(sealed) - sealed.null_count
        table = table.set_column(number, pa.field(field.name, pa.binary(), metadata=field.metadata), sealed)
    # Arrow forgets how many rows a table without columns had.
    written = _written(_Original(schema, table.num_rows if table.num_columns else 0, counts))
    sealed_schema = cipher.encrypt(_SCHEMA_NONCE, written, _HEADER)
    return table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: _HEADER + salt + sealed_schema})


def decrypt(table: pa.Table, key: SecretKey | bytes, *, whole: bool = False) -> pa.Table:
    """Decrypt what `encrypt` made.

    Args:
        table: As `encrypt` gave it, or some of its rows or columns, in any order, even several times.
        key: The same 32 bytes.
        whole: Open only the whole table: each row once, in any order, and no value gone.

    Raises:
        KeyringError: The key has not 32 bytes.
        DecryptionError: Another key, a changed or moved cell, or no encrypted table; with `whole` also a row or column
            left out, a row repeated, a value replaced by NULL. Which, is not told.
    """
    secret = _checked(key)
    written = (table.schema.metadata or {}).get(METADATA, b"")
    try:
        cipher, original = _opened_schema(written, secret)
        return _opened_table(cipher, original, table, whole=whole)
    except (InvalidTag, ValueError, TypeError, pa.ArrowException):
        hint = "check the key, and that each row's cells came from one row of one encrypted table"
        raise DecryptionError("the table does not open", hint=hint) from None


def _sealed(cipher: AESGCM, column: pa.ChunkedArray, rows: Sequence[bytes], where: _Where) -> pa.Array:
    values, context, number = _as_bytes(column), where.context(), where.number.to_bytes(4)
    encrypt_one = cipher.encrypt
    return pa.array(
        [
            None if value is None else row + encrypt_one(row + number, value, context)
            for row, value in zip(rows, values, strict=True)
        ],
        pa.binary(),
    )


def _written(original: _Original) -> bytes:
    counts = (number.to_bytes(4) + count.to_bytes(8) for number, count in sorted(original.sealed.items()))
    sizes = original.rows.to_bytes(8) + len(original.sealed).to_bytes(4)
    return sizes + b"".join(counts) + bytes(original.schema.serialize().to_pybytes())


def _opened_schema(written: bytes, secret: bytes) -> tuple[AESGCM, _Original]:
    start = len(_HEADER) + _SALT_BYTES
    if not written.startswith(_HEADER) or len(written) < start:
        raise ValueError("not an encrypted table")
    cipher = AESGCM(_table_key(secret, written[len(_HEADER) : start]))
    message = cipher.decrypt(_SCHEMA_NONCE, written[start:], _HEADER)
    end = 12 + 12 * int.from_bytes(message[8:12])
    pairs = [message[at : at + 12] for at in range(12, end, 12)]
    counts = {int.from_bytes(pair[:4]): int.from_bytes(pair[4:]) for pair in pairs}
    schema = pa.ipc.read_schema(pa.py_buffer(message[end:]))
    return cipher, _Original(schema, int.from_bytes(message[:8]), counts)


def _opened_table(cipher: AESGCM, original: _Original, table: pa.Table, *, whole: bool) -> pa.Table:
    columns, fields, schema = [], [], original.schema
    rows: list[bytes | None] = [None] * table.num_rows
    places = _places(schema, table.column_names)
    for at, place in enumerate(places):
        column, field = table.column(at), schema.field(place)
        if place in original.sealed:
            if whole and len(column) - column.null_count != original.sealed[place]:
                raise InvalidTag
            column = _unsealed(cipher, column, rows, _Where(place, field.name, field.type))
        columns.append(column)
        fields.append(field)
    if whole:
        _check_whole(original, places, rows)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=schema.metadata))


def _check_whole(original: _Original, places: Sequence[int], rows: Sequence[bytes | None]) -> None:
    """Refuse rows or columns left out, and rows repeated; the count of values is checked column by column.

    A row without any encrypted value bears no number. The counts of rows and of values leave no room for one too many.
    """
    numbers = [row for row in rows if row is not None]
    if sorted(places) != list(range(len(original.schema))) or len(rows) != original.rows:
        raise InvalidTag
    if len(set(numbers)) != len(numbers):
        raise InvalidTag


def _places(schema: pa.Schema, names: Sequence[str]) -> list[int]:
    """Return each column's place in the original schema; equal names in their order."""
    left: dict[str, list[int]] = {}
    for place, name in enumerate(schema.names):
        left.setdefault(name, []).append(place)
    try:
        return [left[name].pop(0) for name in names]
    except (KeyError, IndexError):
        raise ValueError("an unknown column") from None


def _unsealed(cipher: AESGCM, column: pa.ChunkedArray, rows: list[bytes | None], where: _Where) -> pa.Array:
    context, number = where.context(), where.number.to_bytes(4)
    opened: list[bytes | None] = []
    for at, cell in enumerate(column.to_pylist()):
        if cell is None:
            opened.append(None)
            continue
        row = cell[:_ROW_BYTES]
        if rows[at] is None:
            rows[at] = row
        elif rows[at] != row:
            raise InvalidTag
        opened.append(cipher.decrypt(row + number, cell[_ROW_BYTES:], context))
    return _from_bytes(opened, where.kind)


def _as_bytes(column: pa.ChunkedArray) -> list[bytes | None]:
    kind = _stored_type(column.type)
    if kind is None:
        return [_message(column.slice(at, 1)) for at in range(len(column))]
    result: list[bytes | None] = cells.to_bytes(as_array(column.cast(kind))).to_pylist()
    return result


def _from_bytes(values: list[bytes | None], kind: pa.DataType) -> Any:
    stored = _stored_type(kind)
    if stored is None:
        parts = [pa.nulls(1, kind) if value is None else _of_message(value) for value in values]
        return pa.chunked_array([pa.concat_arrays(parts)] if parts else [], kind)
    array = cells.from_bytes(values, stored)
    return array if stored.equals(kind) else array.cast(kind)


def _stored_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type whose bytes are stored for this one, or None where whole messages are."""
    if types.is_dictionary(kind):
        return _stored_type(kind.value_type)
    try:
        cells.tag_of(kind)
    except ColumnError:
        return None
    return kind


def _message(one: pa.ChunkedArray) -> bytes | None:
    if one.null_count:
        return None
    array = pa.concat_arrays([as_array(one)])
    batch = pa.record_batch([array], names=["value"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _of_message(message: bytes) -> pa.Array:
    with pa.ipc.open_stream(message) as reader:
        return as_array(reader.read_all().column(0))


def _checked(key: SecretKey | bytes) -> bytes:
    secret = key.expose() if isinstance(key, SecretKey) else key
    if not isinstance(secret, bytes | bytearray) or len(secret) != 32:
        raise KeyringError("the key must have 32 bytes", hint="make one with `secrets.token_bytes(32)` and keep it")
    return bytes(secret)


def _chosen(table: pa.Table, columns: Iterable[str] | None) -> set[int]:
    if columns is None:
        return set(range(table.num_columns))
    wanted = set(columns)
    unknown = sorted(wanted - set(table.column_names))
    if unknown:
        raise ColumnError(f"unknown column `{unknown[0]}`", hint=f"known: {', '.join(table.column_names)}")
    return {number for number, name in enumerate(table.column_names) if name in wanted}


def _table_key(secret: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, b"cartveil table 1").derive(secret)


def _row_numbers(count: int) -> list[bytes]:
    numbers = np.arange(count, dtype=">u8").tobytes()
    return [numbers[at : at + _ROW_BYTES] for at in range(0, len(numbers), _ROW_BYTES)]
