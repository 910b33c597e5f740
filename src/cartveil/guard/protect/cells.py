"""Typed values as bytes and back, so that what was sealed as a date opens as a date.

A cell's bytes are a tag that says the type, then the value as Arrow stores it:
- one byte type number, the place in `_NAMES` plus one; new types are only ever added at the end
- for timestamps one byte length of the zone and the zone; for decimals two bytes, precision and scale
- the value: text and binary as they are, everything else fixed-width little endian
A padded cell hides how long the value is: one byte `_PADDED`, four bytes big-endian length, then a cell as above of so
many bytes, then zeros.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.errors import ColumnError, DecryptionError
from cartveil.guard.protect.columns import Values, as_array

# The order is part of the wire format.
_NAMES = (
    *("string", "large_string", "binary", "large_binary", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("halffloat", "float", "double", "date32[day]", "date64[ms]"),
    *("time32[s]", "time32[ms]", "time64[us]", "time64[ns]"),
    *("duration[s]", "duration[ms]", "duration[us]", "duration[ns]"),
    *("timestamp[s]", "timestamp[ms]", "timestamp[us]", "timestamp[ns]", "decimal128"),
)

#: Instead of a type number; no type ever gets it.
_PADDED = 255
_LENGTH_BYTES = 4

_PLAIN = {
    str(kind): kind
    for kind in (
        *(pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.bool_()),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64()),
        *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(pa.duration("s"), pa.duration("ms"), pa.duration("us"), pa.duration("ns")),
    )
}


def tag_of(kind: pa.DataType) -> bytes:
    """Return the bytes that say a type.

    Raises:
        ColumnError: A type that no cell can hold, such as a list.
    """
    if types.is_timestamp(kind):
        zone = (kind.tz or "").encode()
        return bytes([_number(f"timestamp[{kind.unit}]"), len(zone)]) + zone
    if types.is_decimal128(kind):
        return bytes([_number("decimal128"), kind.precision, kind.scale & 255])
    if str(kind) not in _PLAIN:
        hint = "give text, numbers, dates, times or bytes"
        raise ColumnError(f"a column of type {kind} cannot be sealed", hint=hint)
    return bytes([_number(str(kind))])


def type_of(cell: bytes) -> tuple[pa.DataType, int]:
    """Return the type that a cell's tag says, and where its value starts."""
    if not cell or not 0 < cell[0] <= len(_NAMES):
        raise DecryptionError("a value does not open")
    name = _NAMES[cell[0] - 1]
    if name.startswith("timestamp"):
        end = 2 + cell[1]
        return pa.timestamp(name[10:-1], cell[2:end].decode() or None), end
    if name == "decimal128":
        return pa.decimal128(cell[1], int.from_bytes(cell[2:3], signed=True)), 3
    return _PLAIN[name], 1


def to_bytes(array: pa.Array) -> pa.Array:
    """Return each value's bytes without tag as a binary array; NULL stays NULL."""
    kind = array.type
    if types.is_string(kind) or types.is_binary(kind):
        return array.cast(pa.binary())
    if types.is_large_string(kind) or types.is_large_binary(kind):
        return array.cast(pa.large_binary())
    if types.is_boolean(kind):
        return to_bytes(array.cast(pa.uint8()))
    array = pa.concat_arrays([array]) if array.offset else array
    fixed = pa.Array.from_buffers(pa.binary(kind.byte_width), len(array), array.buffers(), offset=array.offset)
    return fixed.cast(pa.binary())


def from_bytes(values: Sequence[bytes | None], kind: pa.DataType) -> pa.Array:
    """Return the array of this type whose values `to_bytes` wrote.

    Raises:
        DecryptionError: A value does not have the width of its type.
    """
    if types.is_boolean(kind):
        return from_bytes(values, pa.uint8()).cast(pa.bool_())
    if kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
        wide = kind in (pa.large_string(), pa.large_binary())
        return pa.array(values, pa.large_binary() if wide else pa.binary()).cast(kind)
    width = kind.byte_width
    empty = bytes(width)
    data = b"".join(empty if value is None else value for value in values)
    if len(data) != width * len(values):
        raise DecryptionError("a value does not open")
    present = np.fromiter((value is not None for value in values), bool, len(values))
    return pa.Array.from_buffers(kind, len(values), [_bitmap(present), pa.py_buffer(data)])


def pack(column: Values) -> pa.Array:
    """Return each value's tag and bytes as a binary array; NULL stays NULL."""
    array = as_array(column)
    tag, binary = tag_of(array.type), to_bytes(array)
    return pc.binary_join_element_wise(pa.scalar(tag, binary.type), binary, pa.scalar(b"", binary.type))


def unpack(cells: Sequence[bytes | None]) -> pa.Array:
    """Return the values of tagged cells, in their own type.

    Cells of several types, as when a column changed its type between two days, come back as double where all are
    numbers, else as text.
    """
    tags = _tags(cells)
    if not tags:
        return pa.nulls(len(cells), pa.string())
    parts = [_of_tag(cells, tag) for tag in sorted(tags)]
    if len(parts) == 1:
        return parts[0]
    numeric = all(types.is_integer(part.type) or types.is_floating(part.type) for part in parts)
    common = pa.float64() if numeric else pa.string()
    return pc.coalesce(*[part.cast(common) for part in parts])


def _tags(cells: Sequence[bytes | None]) -> set[bytes]:
    """Return the tags of all cells; a column has one, as a rule, and no tag begins with another."""
    tags: set[bytes] = set()
    left = [cell for cell in cells if cell is not None]
    while left:
        tag = left[0][: type_of(left[0])[1]]
        tags.add(tag)
        left = [cell for cell in left if not cell.startswith(tag)]
    return tags


def padded(cells: list[bytes | None], multiple: int) -> list[bytes | None]:
    """Return cells whose lengths are rounded up to a multiple of so many bytes; 0 leaves them as they are."""
    if not multiple:
        return cells
    return [None if cell is None else _padded(cell, multiple) for cell in cells]


def unpadded(cells: list[bytes | None]) -> list[bytes | None]:
    """Return the cells within padded ones; others stay as they are.

    Raises:
        ValueError: A cell says that it is longer than it is.
    """
    mark = bytes([_PADDED])
    return [_unpadded(cell) if cell is not None and cell.startswith(mark) else cell for cell in cells]


def _padded(cell: bytes, multiple: int) -> bytes:
    whole = bytes([_PADDED]) + len(cell).to_bytes(_LENGTH_BYTES) + cell
    return whole.ljust(-(-len(whole) // multiple) * multiple, b"\x00")


def _unpadded(cell: bytes) -> bytes:
    start = 1 + _LENGTH_BYTES
    end = start + int.from_bytes(cell[1:start])
    if end > len(cell):
        raise ValueError("a padded cell is cut short")
    return cell[start:end]


def _of_tag(cells: Sequence[bytes | None], tag: bytes) -> pa.Array:
    kind, start = type_of(tag)
    return from_bytes([c[start:] if c is not None and c.startswith(tag) else None for c in cells], kind)


def _number(name: str) -> int:
    return _NAMES.index(name) + 1


def _bitmap(present: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    return None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
