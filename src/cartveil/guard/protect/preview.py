"""What a plan would do, before anything is changed."""

from dataclasses import replace

import pyarrow as pa

from cartveil.events.patterns import find_patterns
from cartveil.events.schema import Table
from cartveil.events.spans import Finder
from cartveil.guard.protect.columns import as_text
from cartveil.guard.protect.plan import in_words, protect_table
from cartveil.guard.protect.steps import Derive, Scope


def preview(
    table: pa.Table, schema: Table, *, derive: Derive, finder: Finder = find_patterns, rows: int = 3
) -> pa.Table:
    """Return the first rows of each column before and after its release step.

    Args:
        table: Clear rows.
        schema: What the columns are.
        derive: Keys; a throw-away one will do.
        finder: For redaction.
        rows: How many of the first rows.

    Returns:
        Text columns `column`, `kind`, `method`, `before`, `after`; one line per column and row. `after` is NULL
        where nothing leaves.
    """
    head, schema = table.slice(0, rows), replace(schema, k=None)  # a few rows hide nobody, whatever is done to them
    after = protect_table(head, schema, derive=derive, scope=Scope("preview", "caller"), finder=finder)
    lines = []
    for spec in schema.columns:
        if spec.name not in head.column_names:
            continue
        left = as_text(after[spec.name]).to_pylist() if spec.name in after.column_names else [None] * head.num_rows
        said = {"column": spec.name, "kind": str(spec.kind), "method": in_words(spec.release)}
        before = as_text(head[spec.name]).to_pylist()
        lines += [{**said, "before": old, "after": new} for old, new in zip(before, left, strict=True)]
    names = ("column", "kind", "method", "before", "after")
    return pa.Table.from_pylist(lines, schema=pa.schema([(name, pa.string()) for name in names]))
