"""How a clear table comes to rest: checked, sealed and written in chunks, so that any length takes the same memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError
from cartveil.events.kinds import COUNTABLE, Method
from cartveil.events.schema import Column
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import as_array, as_text
from cartveil.guard.protect.rest import LAST_FOUR, Sealing, at_rest, last_four_index, search_index
from cartveil.guard.protect.token import FEW_VALUES, MANY_ROWS, refuse_few
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows import consumers
from cartveil.guard.vault.rows.marks import mark_key, row_marks
from cartveil.guard.vault.rows.storage import storable_type, to_sqlite
from cartveil.guard.vault.rows.tables import NOT_STORED, Stored, write_meta

#: Rows that are sealed and written at a time.
CHUNK_ROWS = 20_000


@dataclass(frozen=True)
class Chunk:
    """Some rows on their way into the vault: their ids, and each row's consumer and key."""

    data: pa.Table
    rows: range
    numbers: npt.NDArray[np.int64] | None  # (rows,) consumer of each row
    sealing: Sealing


def insert(room: Room, stored: Stored, data: pa.Table) -> int:
    """Write all rows of a table, inside the caller's transaction; return the number of consumers.

    Raises:
        ColumnError: Columns are missing, unknown, of another type than before, or a row names no consumer.
        ErasedError: Some consumers were erased.
    """
    data = _fitted(stored, data)
    links = _links(room, stored, data)
    for start in range(0, data.num_rows, CHUNK_ROWS):
        chunk = _chunk(room, stored, data.slice(start, CHUNK_ROWS), (start, links))
        _write_rows(room, stored, chunk)
        _write_codes(room, stored, chunk)
    _refuse_few(room, stored)
    _remember(room, stored, data)
    return 0 if links is None else len(links.numbers)


@dataclass(frozen=True)
class _Links:
    """Which row belongs to whom."""

    indices: npt.NDArray[np.int64]  # (rows,) place in the lists below
    numbers: npt.NDArray[np.int64]  # (consumers,)
    keys: Sequence[SecretKey]


def _links(room: Room, stored: Stored, data: pa.Table) -> _Links | None:
    if stored.subject is None:
        return None
    subjects = as_text(data[stored.subject.name])
    empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(subjects), ""), True)
    if pc.any(empty).as_py():
        path = f"{stored.table.name}.{stored.subject.name}[{pc.index(empty, True).as_py()}]"
        hint = "clean the table first: what belongs to nobody is set aside"
        raise ColumnError(f"{pc.sum(empty).as_py()} rows name no consumer", path=path, hint=hint)
    encoded = subjects.dictionary_encode()
    known = consumers.known_ids(room, encoded.dictionary)
    if known is not encoded.dictionary:  # two ways to write one id are one consumer
        encoded = known.take(encoded.indices).dictionary_encode()
    numbers, keys = consumers.enrol(room, encoded.dictionary)
    indices = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return _Links(indices, np.array(numbers, np.int64), keys)


def _chunk(room: Room, stored: Stored, data: pa.Table, at: tuple[int, _Links | None]) -> Chunk:
    start, links = at
    rows = range(stored.next_row + start, stored.next_row + start + data.num_rows)
    ids = pa.array(rows, pa.int64())
    if links is None:
        key = room.keyring.derive("table rest", stored.table.name)
        return Chunk(data, rows, None, Sealing([key], ids, [0] * data.num_rows))
    of_rows = links.indices[start : start + data.num_rows]
    here, index = np.unique(of_rows, return_inverse=True)
    keys = [links.keys[place] for place in here]
    return Chunk(data, rows, links.numbers[of_rows], Sealing(keys, ids, index.tolist()))


def _write_rows(room: Room, stored: Stored, chunk: Chunk) -> None:
    columns = stored.columns()
    owners: Sequence[int | None] = [None] * len(chunk.rows) if chunk.numbers is None else chunk.numbers.tolist()
    resting: list[Any] = [chunk.sealing.rows, pa.array(owners, pa.int64())]
    for _, spec in columns:
        place = room.place(stored.table, spec.name)
        column = as_array(chunk.data[spec.name])
        if spec.protect.method in COUNTABLE:  # one chunk may hold few values of many; see `_refuse_few`
            spec = replace(spec, protect=spec.protect.with_option("few_values", True))
        resting.append(at_rest(column, spec, place=place, derive=room.keyring.derive, sealing=chunk.sealing))
    cells = [*(to_sqlite(as_array(column)) for column in resting), row_marks(resting, mark_key(room, stored.table))]
    names = ["row", "consumer", *(name for name, _ in columns), "mark"]
    room.store.insert(f"records_{stored.number}", names, zip(*cells, strict=True))


def _refuse_few(room: Room, stored: Stored) -> None:
    """Refuse token columns that can be told by their frequency: over all rows, however they were put."""
    for name, spec in stored.columns():
        if spec.protect.method not in COUNTABLE or spec.protect.option("few_values", False):
            continue
        some = f"FROM records_{stored.number} WHERE {name} IS NOT NULL LIMIT"
        values, all_rows = f"(SELECT DISTINCT {name} {some} ?) AS a", f"(SELECT 1 {some} ?) AS b"
        query = f"SELECT (SELECT count(*) FROM {values}), (SELECT count(*) FROM {all_rows})"  # noqa: S608
        distinct, rows = room.store.execute(query, (FEW_VALUES, MANY_ROWS)).fetchone()
        try:
            refuse_few(distinct, rows=rows)
        except ColumnError as error:
            raise ColumnError(error.message, path=f"{stored.table.name}.{spec.name}", hint=error.hint) from None


def _write_codes(room: Room, stored: Stored, chunk: Chunk) -> None:
    for _, spec in stored.columns():
        if not spec.index or spec.protect.method is not Method.SEAL:
            continue
        owners = [None] * len(chunk.rows) if chunk.numbers is None else chunk.numbers.tolist()
        write_codes(room, stored, spec, chunk.data[spec.name], owned=(chunk.rows, owners))


def write_codes(
    room: Room, stored: Stored, spec: Column, clear: Any, *, owned: tuple[Sequence[int], Sequence[int | None]]
) -> None:
    """Write the search codes of a column's clear values, inside the caller's transaction.

    Args:
        room: The vault.
        stored: The table.
        spec: The column, sealed and with an index.
        clear: Its values.
        owned: The rows that they stand in, and whose each is.
    """
    derive = room.keyring.derive
    coded = [(stored.search_place(spec), search_index(clear, spec.kind, derive=derive))]
    if spec.kind in LAST_FOUR:
        coded.append((stored.last_four_place(spec), last_four_index(clear, spec.kind, derive=derive)))
    for place, column in coded:
        found = zip(as_array(column).to_pylist(), *owned, strict=True)
        lines = ((place, code, row, owner) for code, row, owner in found if code is not None)
        room.store.insert("search_codes", ("place", "code", "row", "consumer"), lines)


def _fitted(stored: Stored, data: pa.Table) -> pa.Table:
    """Return the schema's columns of a table in the types that they are stored in."""
    name = stored.table.name
    specs = {column.name: column for column in stored.table.columns}
    _check_names(stored, data)
    columns: dict[str, Any] = {}
    for column in data.column_names:
        spec, path = specs[column], f"{name}.{column}"
        if spec.protect.method is Method.REFUSE:
            _refuse_values(data[column], spec, path)
        elif spec.protect.method is not Method.DROP:
            columns[column] = check_type(data[column], stored.types.get(column), path)
    return pa.table(columns)


def _refuse_values(column: Any, spec: Column, path: str) -> None:
    if as_array(column).null_count < len(column):
        hint = "drop the column before the data is put"
        raise ColumnError(f"values of kind `{spec.kind}` must not be stored", path=path, hint=hint)


def _check_names(stored: Stored, data: pa.Table) -> None:
    name, given = stored.table.name, data.column_names
    twice = sorted({column for column in given if given.count(column) > 1})
    if twice:
        raise ColumnError(f"column `{twice[0]}` stands twice", path=name, hint="rename or drop one of them")
    for column in given:
        stored.table.column(column)
    needed = [spec.name for spec in stored.table.columns if spec.protect.method not in NOT_STORED]
    missing = [column for column in needed if column not in given]
    if missing:
        hint = "put tables with the columns that the schema names"
        raise ColumnError(
            f"columns are missing: {', '.join(f'`{column}`' for column in missing)}", path=name, hint=hint
        )


def check_type(column: Any, before: pa.DataType | None, path: str) -> Any:
    """Return a column in the type that is stored, or that it may be stored in where nothing was put before.

    Raises:
        ColumnError: It does not fit, or is of a type that the vault does not hold.
    """
    kind = storable_type(column.type, path=path)
    if before is not None and not pa.types.is_null(before):
        kind = before
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        hint = "give the type that was put first; `cartveil scan` shows types"
        raise ColumnError(f"type {column.type} does not fit the stored {kind}", path=path, hint=hint) from None


def _remember(room: Room, stored: Stored, data: pa.Table) -> None:
    types = data.schema.remove_metadata().serialize().to_pybytes()
    write_meta(room, (stored.table.name, stored.number, types, stored.next_row + data.num_rows))
