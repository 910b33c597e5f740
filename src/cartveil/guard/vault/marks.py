"""A mark on each row, so that `verify` notices a changed value even where it rests in the clear.

Sealed cells notice by themselves; kept ones do not, and a row could be given to another consumer. The mark is an
AES-CMAC over the row's number, its consumer and all its cells as they rest.

What is authenticated, in order: row number, consumer, cells in the schema's order; of each four bytes little-endian
length and the cell's tagged bytes (see `protect.cells`), or four bytes `ff` for NULL.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.schema import Table
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import cells
from cartveil.guard.protect.blocks import cmac, subkey, texts_of
from cartveil.guard.protect.columns import as_array
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.storage import to_sqlite


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
