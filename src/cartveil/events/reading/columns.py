"""Named columns as an Arrow table, and the few checks that every table passes on its way in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from cartveil.errors import ColumnError

_ARROW = (pa.Array, pa.ChunkedArray)


def from_records(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return records as a table with the columns of all of them, in the order in which they first appear."""
    names = dict.fromkeys(name for record in records for name in record)
    return from_columns((name, [record.get(name) for record in records]) for name in names)


def from_columns(pairs: Iterable[tuple[str, Any]]) -> pa.Table:
    """Return named columns as a table; `ColumnError` names the column whose values do not go together."""
    columns = {}
    for name, values in pairs:
        try:
            # From pandas, NaN is how NULL is written; in a plain list it is a number like others.
            pandas = type(values).__module__.startswith("pandas.")
            columns[name] = values if isinstance(values, _ARROW) else pa.array(values, from_pandas=pandas or None)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            # Arrow's message repeats the value.
            hint = "give every value of the column one type, or NULL"
            raise ColumnError("values of types that do not go together", path=str(name), hint=hint) from None
    return pa.table(columns)


def tidy(table: pa.Table) -> pa.Table:
    """Check the names, and turn dictionary and large types into the plain ones that all parts expect."""
    check_names(table.column_names)
    fields = [field.with_type(_plain(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields)) if fields != list(table.schema) else table.replace_schema_metadata()


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def check_names(names: Sequence[str]) -> None:
    """Refuse a table without columns, without a name for one, or with one name for two."""
    if not names:
        raise ColumnError("there is no column", hint="a table needs at least one")
    if empty := [str(place) for place, name in enumerate(names, start=1) if not name.strip()]:
        raise ColumnError(f"column {', '.join(empty)} has no name", hint="give every column a name")
    if twice := [f"`{name}`" for name, count in Counter(names).items() if count > 1]:
        raise ColumnError(f"duplicate column {', '.join(twice)}", hint="give every column its own name")
