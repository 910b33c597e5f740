"""Rows written anew in their place: other cells, a new mark, the old bytes gone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from cartveil.events.kinds import COUNTABLE, Method
from cartveil.guard.protect.columns import as_array
from cartveil.guard.protect.rest import Sealing, at_rest
from cartveil.guard.vault.rights.deleting import delete_codes, delete_rows
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.marks import mark_key, row_marks
from cartveil.guard.vault.rows.records import write_codes
from cartveil.guard.vault.rows.resting import Resting, columns_at_rest
from cartveil.guard.vault.rows.storage import to_sqlite


def rewrite(room: Room, resting: Resting, fresh: Mapping[str, pa.Array]) -> None:
    """Write rows with other cells, inside the caller's transaction.

    Args:
        room: The vault.
        resting: Whole rows, every stored column of them.
        fresh: Columns as they are to rest, by name; the others stay.
    """
    stored = resting.stored
    specs = {spec.name: column for spec, column in zip(resting.specs, columns_at_rest(resting), strict=True)}
    owners = pa.array(resting.owners, pa.int64())
    columns: list[Any] = [pa.array(resting.rows, pa.int64()), owners]
    columns += [fresh.get(name, column) for name, column in specs.items()]
    cells = [*(to_sqlite(as_array(column)) for column in columns), row_marks(columns, mark_key(room, stored.table))]
    names = ["row", "consumer", *(name for name, _ in stored.columns()), "mark"]
    delete_rows(room, stored.number, resting.rows)
    room.store.insert(f"records_{stored.number}", names, zip(*cells, strict=True))


def seal_anew(room: Room, resting: Resting, name: str, clear: pa.Array, *, sealing: Sealing) -> pa.Array:
    """Return a column's new clear values as they are to rest, and renew their search codes.

    Args:
        room: The vault, inside a transaction.
        resting: The rows.
        name: The column.
        clear: New values, one a row.
        sealing: The consumers' keys.
    """
    stored = resting.stored
    spec = stored.table.column(name)
    if spec.index and spec.protect.method is Method.SEAL:
        delete_codes(room, stored, resting.rows, columns=[spec])
        write_codes(room, stored, spec, clear, owned=(resting.rows, resting.owners))
    if spec.protect.method in COUNTABLE:  # a correction is of few values by its nature
        spec = replace(spec, protect=spec.protect.with_option("few_values", True))
    place = room.place(stored.table, name)
    return as_array(at_rest(clear, spec, place=place, derive=room.keyring.derive, sealing=sealing))


def chosen(resting: Resting, places: Sequence[int]) -> Resting:
    """Return some of the rows, by their places among them."""
    cells = tuple(tuple(column[place] for place in places) for column in resting.cells)
    rows, owners = tuple(resting.rows[place] for place in places), tuple(resting.owners[place] for place in places)
    return Resting(resting.stored, resting.specs, rows, owners, cells)
