"""Values of any type in one column of PostgreSQL, and rows as its binary COPY takes them.

SQLite has columns of type ANY; PostgreSQL has none, so such a cell is written as bytes with a tag before them. The
column's type is `bit varying`: nothing else in a vault has it, so every answer says by itself which of its columns are
cells, also through DISTINCT and joins.

A cell's bytes, in order:
- one byte tag: 1 integer, 2 double, 3 text, 4 bytes
- the value: eight bytes big endian, UTF-8, or the bytes
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import Any

from cartveil.errors import IntegrityError

#: Type numbers of PostgreSQL, from its catalogue.
BYTEA, BIGINT, TEXT, DOUBLE, CELL = 17, 20, 25, 701, 1562

#: Before the first row of a binary COPY, and after the last.
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END = struct.pack(">h", -1)

#: Rows that are encoded at a time.
_AT_ONCE = 5000

_NULL = struct.pack(">i", -1)
_INTEGER, _DOUBLE, _LENGTH = struct.Struct(">q"), struct.Struct(">d"), struct.Struct(">i")
_FIELD_INTEGER, _FIELD_DOUBLE = struct.Struct(">iq"), struct.Struct(">id")


def pack_cell(value: object) -> bytes:
    """Return a value's tag and bytes; NULL is no cell."""
    match value:
        case bytes():
            return b"\x04" + value
        case str():
            return b"\x03" + value.encode("utf-8")
        case float():
            return b"\x02" + _DOUBLE.pack(value)
    return b"\x01" + _INTEGER.pack(value)


def unpack_cell(cell: bytes) -> int | float | str | bytes:
    """Return the value of a cell.

    Raises:
        IntegrityError: It is no cell: someone changed the table.
    """
    try:
        match cell[:1]:
            case b"\x04":
                return cell[1:]
            case b"\x03":
                return cell[1:].decode("utf-8")
            case b"\x02":
                return float(_DOUBLE.unpack(cell[1:])[0])
            case b"\x01":
                return int(_INTEGER.unpack(cell[1:])[0])
    except (struct.error, UnicodeDecodeError):
        pass
    raise IntegrityError("a stored value was changed", hint="restore the vault from a backup")


def as_bits(data: bytes) -> bytes:
    """Return bytes as PostgreSQL sends a `bit varying`: the number of bits before them."""
    return _LENGTH.pack(8 * len(data)) + data


def copied(types: Sequence[int], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield rows as a binary COPY takes them, some at a time.

    Args:
        types: The type number of each column.
        rows: Values in the same order; None is NULL.
    """
    encoders = [_ENCODERS[kind] for kind in types]
    head = struct.pack(">h", len(types))
    waiting = iter(rows)
    while some := list(islice(waiting, _AT_ONCE)):
        columns = [encode(column) for encode, column in zip(encoders, zip(*some, strict=True), strict=True)]
        yield b"".join(chain.from_iterable(zip(repeat(head, len(some)), *columns, strict=True)))


def _integers(column: Sequence[Any]) -> list[bytes]:
    pack = _FIELD_INTEGER.pack
    return [_NULL if value is None else pack(8, value) for value in column]


def _doubles(column: Sequence[Any]) -> list[bytes]:
    pack = _FIELD_DOUBLE.pack
    return [_NULL if value is None else pack(8, value) for value in column]


def _texts(column: Sequence[Any]) -> list[bytes]:
    return _bytes([None if value is None else value.encode("utf-8") for value in column])


def _bytes(column: Sequence[Any]) -> list[bytes]:
    pack = _LENGTH.pack
    return [_NULL if value is None else pack(len(value)) + value for value in column]


def _cells(column: Sequence[Any]) -> list[bytes]:
    return _bytes([None if value is None else as_bits(pack_cell(value)) for value in column])


_ENCODERS: dict[int, Callable[[Sequence[Any]], list[bytes]]] = {
    BYTEA: _bytes,
    BIGINT: _integers,
    TEXT: _texts,
    DOUBLE: _doubles,
    CELL: _cells,
}
