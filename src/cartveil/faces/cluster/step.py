"""The step that every part goes through, whoever calls it: this process, another one, or a task of Ray.

A `SecretKey` refuses to be pickled, and a step that runs elsewhere must still have its key. So there is one door, with
a name: pickling a `PartContext` writes the 32 bytes of the key of this one job, never a keyring. Whoever reads the
pickle can repeat the job's pseudonyms. Between processes it goes through a pipe and touches no disk; Ray holds it in
the memory of its own control store, on the machines of its cluster.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from cartveil.errors import InputError
from cartveil.events.kinds import COUNTABLE
from cartveil.events.schema import Column, Table
from cartveil.events.spans import Finder
from cartveil.faces.finding import text_finder
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import protect_table
from cartveil.guard.protect.deidentification import SCOPE, derive_from


@dataclass(frozen=True)
class PartContext:
    """What protects every part alike.

    Args:
        schema: What the columns are.
        key: Of this job alone: `SecretKey.generate()`, or one that a keyring derived where later jobs must give the
            same pseudonyms.
        finder: For redaction; a function of a module, so that another process finds it. Rules and the shipped model
            if not given; each process loads the model.
    """

    schema: Table
    key: SecretKey = field(repr=False)
    finder: Finder = field(default_factory=text_finder)

    def __reduce__(self) -> tuple[Callable[..., "PartContext"], tuple[Any, ...]]:
        # The door of the module's docstring: here, and nowhere else, key bytes leave the process.
        return _carried, (self.schema, self.key.expose(), self.finder)


def protect_part(part: pa.Table, context: PartContext) -> pa.Table:
    """Return one part as its schema lets it leave.

    Guarantees:
        - The parts' results, one after another, are what `deidentify` with this key makes of the whole table.
    """
    refuse_k(context)
    derive = derive_from(context.key)
    return protect_table(part, context.schema, derive=derive, scope=SCOPE, finder=context.finder)


def refuse_k(context: PartContext) -> None:
    """Refuse a table that asks for k people who look alike: no part knows those of the others."""
    if context.schema.k is not None:
        hint = "leave out `k` here, and protect the table in one piece where people must look alike"
        raise InputError("parts cannot be made k-anonymous one by one", path=context.schema.name, hint=hint)


def counted_tokens(schema: Table) -> tuple[str, ...]:
    """Return the token columns whose frequencies may not show; only the whole table tells whether they do."""
    return tuple(column.name for column in schema.columns if _is_counted(column))


def without_counting(context: PartContext) -> PartContext:
    """Return the context for a caller that counts the values of tokens itself, over all parts."""
    columns = tuple(
        replace(column, release=column.release.with_option("few_values", True)) if _is_counted(column) else column
        for column in context.schema.columns
    )
    return replace(context, schema=replace(context.schema, columns=columns))


def _is_counted(column: Column) -> bool:
    return column.release.method in COUNTABLE and not column.release.option("few_values", False)


def _carried(schema: Table, key: bytes, finder: Finder) -> PartContext:
    return PartContext(schema, SecretKey(key), finder)
