"""Clean a table by what its schema says of the columns.

>>> from cartveil.events.kinds import Kind, Role
>>> from cartveil.events.schema import Table, column_of
>>> schema = Table("orders", "orders.csv", (column_of("paid", Kind.AMOUNT, role=Role.AMOUNT),
...     column_of("at", Kind.EVENT_TIME, role=Role.TIME)))
>>> raw = pa.table({"paid": ["2.50", "much", "0"], "at": ["2010-12-01"] * 3})
>>> clean(Events(raw, schema)).report.counts
{'wrong type: paid': 1, 'impossible price': 1}
"""

import difflib
from collections import Counter
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError
from cartveil.events.cleaning.casts import cast_of, trim
from cartveil.events.cleaning.report import BECAUSE, Cleaned, QualityReport
from cartveil.events.cleaning.rules import Choices, Mask, Sheet, reasons
from cartveil.events.kinds import Role
from cartveil.events.protected import Events
from cartveil.events.schema import Table


def clean(
    events: Events,
    *,
    keep_duplicates: bool = False,
    latest: datetime | None = None,
) -> Cleaned:
    """Part the rows that can be used from those that cannot, and say why.

    Args:
        events: A table with the schema of its columns. Where a column has a `pattern`, values that do not match it
            are set aside, such as postage and bank charges among items.
        keep_duplicates: Keep a row that equals an earlier one in every column.
        latest: No event can be later than this, in UTC; without it the year 2100 is the limit.

    Returns:
        Rows kept, rows set aside, and the report.

    Raises:
        ColumnError: The table lacks a column of the schema, or has one that the schema does not know.

    Guarantees:
        - Every row is kept or set aside, never both, never neither; order stays.
        - A row set aside stands there as it was handed in.
        - No value of a kept row is changed but by its type, spaces at its ends, and capitals in an item's code.
    """
    names = [column.name for column in events.schema.columns]
    _check_columns(events.table.column_names, events.schema)
    raw = events.table
    known = raw.select(names)
    cast, trimmed = _cast(known, events.schema)
    because, counts, found = _judge(Sheet(known, cast, events.schema), Choices(keep_duplicates, latest))
    kept = cast.filter(pc.is_null(because))
    aside = pc.is_valid(because)
    report = QualityReport(
        rows_in=raw.num_rows,
        rows_kept=kept.num_rows,
        counts=counts,
        found=found,
        nulls={name: cast[name].null_count for name in names},
        trimmed=trimmed,
        warnings=tuple(_warnings(known, cast, events.schema, found)),
    )
    set_aside = raw.filter(aside).append_column(BECAUSE, because.filter(aside))
    return Cleaned(Events(kept, events.schema), set_aside, report)


def _check_columns(present: list[str], schema: Table) -> None:
    wanted = [column.name for column in schema.columns]
    twice = [name for name, count in Counter(present).items() if count > 1]
    if twice:
        raise ColumnError("duplicate column", path=f"{schema.name}.{twice[0]}", hint="give every column its own name")
    for name in wanted:
        if name not in present:
            near = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else f"the table has: {', '.join(present)}"
            raise ColumnError("the table lacks this column", path=f"{schema.name}.{name}", hint=hint)
    for name in present:
        if name not in wanted:
            hint = 'add it to `cartveil.toml`, with kind `other` and `protect = "drop"` if nobody needs it'
            raise ColumnError("the schema does not know this column", path=f"{schema.name}.{name}", hint=hint)


def _cast(table: pa.Table, schema: Table) -> tuple[pa.Table, dict[str, int]]:
    columns, trimmed = {}, {}
    for column in schema.columns:
        before = table[column.name]
        after = trim(before, capitals=column.role is Role.ITEM)
        if after is not before and (changed := _changed(before, after)):
            trimmed[column.name] = changed
        cast = cast_of(column)
        columns[column.name] = cast(after) if cast else after
    return pa.table(columns), trimmed


def _changed(before: pa.ChunkedArray, after: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.not_equal(before, pc.fill_null(after, "")), min_count=0).as_py())


def _judge(sheet: Sheet, choices: Choices) -> tuple[pa.Array, dict[str, int], dict[str, int]]:
    """Return each row's first reason, NULL for a row to keep, and the counts of first and of all reasons."""
    first = np.full(sheet.raw.num_rows, -1, np.int32)  # (rows,) place of the reason in `words`
    words: list[str] = []
    found: dict[str, int] = {}
    for reason, mask in reasons(sheet, choices):
        if total := int(mask.sum()):
            found[reason] = total
            first[_unjudged(first) & mask] = len(words)
            words.append(reason)
    counts = {word: int((first == place).sum()) for place, word in enumerate(words)}
    indices = pa.array(first, mask=_unjudged(first))
    because = pc.take(pa.array(words, pa.string()), indices)
    return because, {word: count for word, count in counts.items() if count}, found


def _unjudged(first: np.ndarray) -> Mask:
    return np.asarray(first < 0, bool)


def _warnings(raw: pa.Table, cast: pa.Table, schema: Table, found: dict[str, int]) -> list[str]:
    said = [f"`{name}` holds only NULL" for name in raw.column_names if len(raw) and raw[name].null_count == len(raw)]
    for column in schema.columns:
        wrong = found.get(f"wrong type: {column.name}", 0)
        if wrong and cast[column.name].null_count == len(cast) and column.role is Role.TIME:
            said.append(
                f"`{column.name}` cannot be read as a time: write it as 2010-12-31 08:26 (is 3/4/2010 in March?)"
            )
    subject = schema.by_role(Role.SUBJECT)
    if subject and schema.by_role(Role.TIME) is None:
        column = cast[subject.name]
        again = len(column) - column.null_count - pc.count_distinct(column).as_py()
        if again:
            said.append(f"`{subject.name}` names the same subject in {again} rows more than once")
    return said
