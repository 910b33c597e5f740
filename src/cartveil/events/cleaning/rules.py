"""The reasons for which a row is set aside, in order: a row that shows several has the first one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Role
from cartveil.events.schema import Table

Mask = np.ndarray  # (rows,) bool

_EARLIEST = datetime(1990, 1, 1)
_LATEST = datetime(2100, 1, 1)


@dataclass(frozen=True)
class Sheet:
    """One table on its way through the rules: as handed in, as cast, and what the schema says of it."""

    raw: pa.Table
    cast: pa.Table
    schema: Table

    def role(self, role: Role) -> pa.ChunkedArray | None:
        """Return the cast column that plays a part, or None."""
        column = self.schema.by_role(role)
        return self.cast[column.name] if column else None

    @property
    def has_events(self) -> bool:
        """Whether rows are events; a table of customers has no time of its own."""
        return self.schema.by_role(Role.TIME) is not None


@dataclass(frozen=True)
class Choices:
    """What the caller of `clean` chose; see there."""

    keep_duplicates: bool
    latest: datetime | None


def reasons(sheet: Sheet, choices: Choices) -> Iterator[tuple[str, Mask]]:
    """Yield each reason with the rows that show it, in the order in which they count."""
    yield from _wrong_types(sheet)
    if not choices.keep_duplicates and sheet.raw.num_rows:
        yield "duplicate", _duplicates(sheet.raw)
    if sheet.has_events:
        yield from _undone(sheet)
    yield from _missing(sheet)
    yield from _unlike(sheet)
    if sheet.has_events:
        yield from _impossible(sheet, choices)


def _wrong_types(sheet: Sheet) -> Iterator[tuple[str, Mask]]:
    for column in sheet.schema.columns:
        before, after = sheet.raw[column.name], sheet.cast[column.name]
        if before.type != after.type:
            lost = pc.and_(_filled(before), pc.is_null(after))
            yield f"wrong type: {column.name}", _mask(lost)


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type):
        return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False)
    return pc.invert(pc.is_null(column, nan_is_null=True))


def _duplicates(table: pa.Table) -> Mask:
    """Return the rows that equal an earlier row in every column, NULL being equal to NULL."""
    flat = [name for name in table.column_names if not pa.types.is_nested(table[name].type)]
    if len(flat) < table.num_columns:
        return np.zeros(table.num_rows, bool)  # lists and structs cannot be compared here
    # Few rows have a twin: hashes find the candidates, and only those are compared value by value.
    places = _alike(table)
    numbered = table.take(places).append_column("", pa.array(places))
    first = numbered.group_by(flat, use_threads=False).aggregate([("", "min")])["_min"].to_numpy()
    mask = np.zeros(table.num_rows, bool)
    mask[places] = True
    mask[first] = False
    return mask


def _alike(table: pa.Table) -> np.ndarray:
    """Return the places, in order, of rows that share a 64-bit hash with another row."""
    hashes = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        codes = column.combine_chunks().dictionary_encode(null_encoding="encode").indices
        # An odd factor keeps the codes of earlier columns apart while those of this one are mixed in.
        hashes = (hashes ^ codes.to_numpy().astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    order = np.argsort(hashes, kind="stable")
    same = np.diff(hashes[order]) == 0
    return np.sort(order[np.append(same, False) | np.insert(same, 0, False)])


def _undone(sheet: Sheet) -> Iterator[tuple[str, Mask]]:
    orders, quantities = sheet.role(Role.ORDER), sheet.role(Role.QUANTITY)
    if orders is not None and (cancelled := _cancellations(orders)) is not None:
        yield "cancellation", cancelled
    if quantities is not None:
        yield "return", _mask(pc.less(quantities, 0))


def _cancellations(orders: pa.ChunkedArray) -> Mask | None:
    """Return orders such as C536379, where at least as many are plain numbers; None where C is just a letter there."""
    if not pa.types.is_string(orders.type):
        return None
    marked = _mask(pc.match_substring_regex(orders, r"^[Cc][0-9]+$"))
    plain = _mask(pc.match_substring_regex(orders, r"^[0-9]+$"))
    return marked if plain.sum() >= marked.sum() else None


def _missing(sheet: Sheet) -> Iterator[tuple[str, Mask]]:
    asked = (Role.SUBJECT, Role.TIME, Role.ITEM) if sheet.has_events else (Role.SUBJECT,)
    for role in asked:
        if (column := sheet.role(role)) is not None:
            yield f"missing {role}", _mask(pc.is_null(column))


def _impossible(sheet: Sheet, choices: Choices) -> Iterator[tuple[str, Mask]]:
    tests: list[tuple[str, Role, Callable[[pa.ChunkedArray], pa.ChunkedArray]]] = [
        ("impossible quantity", Role.QUANTITY, lambda quantity: pc.equal(quantity, 0)),
        ("impossible price", Role.AMOUNT, lambda amount: pc.less_equal(amount, 0)),
        ("date out of range", Role.TIME, lambda time: _outside(time, choices.latest)),
    ]
    for reason, role, test in tests:
        if (column := sheet.role(role)) is not None:
            yield reason, _mask(test(column))


def _unlike(sheet: Sheet) -> Iterator[tuple[str, Mask]]:
    for column in sheet.schema.columns:
        if column.pattern is not None:
            reason = "not a product" if column.role is Role.ITEM else f"does not match: {column.name}"
            texts = sheet.cast[column.name].cast(pa.string())
            yield reason, _mask(pc.invert(pc.match_substring_regex(texts, f"^(?:{column.pattern})$")))


def _outside(times: pa.ChunkedArray, latest: datetime | None) -> pa.ChunkedArray:
    early = pc.less(times, pa.scalar(_EARLIEST, times.type))
    return pc.or_(early, pc.greater(times, pa.scalar(latest or _LATEST, times.type)))


def _mask(column: pa.ChunkedArray) -> Mask:
    """Return a boolean column as numpy; NULL, which is a reason of its own, as False."""
    return np.asarray(pc.fill_null(column, False).to_numpy(), bool)
