"""A mark on each row, so that `verify` notices a changed value even where it rests in the clear.

Sealed cells notice by themselves; kept ones do not, and a row could be given to another consumer. The mark is an
AES-CMAC over the row's number, its consumer and all its cells as they rest.

What is authenticated, in order: row number, consumer, cells in the schema's order; of each four bytes little-endian
length and the cell's tagged bytes (see `protect.cells`), or four bytes `ff` for NULL.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.events.schema import Table
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import cells
from cartveil.guard.protect.columns import as_array
from cartveil.guard.protect.modes.blocks import cmac, cmac_one, subkey, texts_of
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.storage import to_sqlite


def mark_key(room: Room, table: Table) -> SecretKey:
    """Return the key of a table's marks."""
    return room.keyring.derive("row mark", table.name)


def row_marks(columns: Sequence[Any], key: SecretKey) -> list[bytes]:
    """Return the mark of each row.

    Args:
        columns: Row numbers, consumers, then the cells as they rest.
        key: Of this vault and table.

    Returns:
        16 bytes a row.
    """
    if not len(columns[0]):
        return []
    parts = [_prefixed(_plain(as_array(column))) for column in columns]
    joined = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    return [tag.tobytes() for tag in cmac(texts_of(joined), subkey(key, "row mark"))]


def few_marks(columns: Sequence[Sequence[Any]], kinds: Sequence[pa.DataType], key: SecretKey) -> list[bytes] | None:
    """Return the marks of a few rows as they come from the database: the scalar twin of `row_marks`.

    A batch of kernels takes milliseconds to set up, and most readings are of a row or two.

    Args:
        columns: Row numbers, consumers, then the cells as the database gives them.
        kinds: The type that each column rests in.
        key: Of this vault and table.

    Returns:
        16 bytes a row; None where a cell is not written plainly, or is no value of its type.
    """
    writers = [_writer(kind) for kind in kinds]
    if None in writers:
        return None
    secret = subkey(key, "row mark")
    try:
        written = [
            [_NULL if cell is None else _lengthy(write(cell)) for cell in column]  # type: ignore[misc]
            for column, write in zip(columns, writers, strict=True)
        ]
    except (struct.error, TypeError, AttributeError, ValueError):
        return None
    return [cmac_one(b"".join(row), secret) for row in zip(*written, strict=True)]


#: Instead of a length, where there is no value.
_NULL = b"\xff\xff\xff\xff"

_INTEGERS = {
    kind: struct.Struct(code)
    for kind, code in (
        (pa.int8(), "<b"),
        (pa.int16(), "<h"),
        (pa.int32(), "<i"),
        (pa.int64(), "<q"),
        (pa.uint8(), "<B"),
        (pa.uint16(), "<H"),
        (pa.uint32(), "<I"),
        (pa.bool_(), "<B"),
    )
}


def _lengthy(cell: bytes) -> bytes:
    return len(cell).to_bytes(4, "little") + cell


def _writer(kind: pa.DataType) -> Callable[[Any], bytes] | None:
    """Return what writes a value of the database as `cells.pack` writes it of Arrow's, for most types."""
    if types.is_null(kind):
        return lambda _: b""
    if types.is_list(kind):
        return _writer(pa.string())  # lists rest as text
    if types.is_decimal(kind) or kind in (pa.uint64(), pa.float16(), pa.float32()):
        return None
    tag = cells.tag_of(kind)
    if types.is_string(kind) or types.is_large_string(kind):
        return lambda cell: tag + cell.encode("utf-8")
    if types.is_binary(kind) or types.is_large_binary(kind):
        return lambda cell: tag + _whole(cell)
    if kind == pa.float64():
        return lambda cell: tag + struct.pack("<d", float("nan") if cell == "nan" else cell)
    ticks = _INTEGERS.get(kind) or (_INTEGERS[pa.int32() if kind.bit_width == 32 else pa.int64()])
    return lambda cell: tag + ticks.pack(cell)


def _whole(cell: object) -> bytes:
    if not isinstance(cell, bytes):
        raise TypeError
    return cell


def _plain(array: pa.Array) -> pa.Array:
    """Return values as they come back from the file: lists as text, one NaN for all; everything else as it is."""
    if pa.types.is_floating(array.type):
        return pc.if_else(pc.is_nan(array), pa.scalar(float("nan")).cast(array.type), array)
    return pa.array(to_sqlite(array), pa.string()) if pa.types.is_list(array.type) else array


def _prefixed(array: pa.Array) -> pa.Array:
    packed = cells.pack(array).cast(pa.large_binary())
    lengths = cells.to_bytes(pc.fill_null(pc.binary_length(packed).cast(pa.int32()), -1)).cast(pa.large_binary())
    empty = pa.scalar(b"", pa.large_binary())
    return pc.binary_join_element_wise(lengths, pc.fill_null(packed, empty), empty)
