"""A table larger than memory, protected part by part: in this process or in several, whole or not at all.

context = PartContext(schema.table("orders"), SecretKey.generate())
protect_parts("orders/", "protected/", context, workers=2)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError, InputError, StorageError
from cartveil.events.writing import new_folder
from cartveil.faces.cluster.parts import Part, agreed, as_agreed, parts_of, read_part, schema_of
from cartveil.faces.cluster.step import PartContext, counted_tokens, protect_part, refuse_k, without_counting
from cartveil.faces.files import write_parquet
from cartveil.guard.protect.plan import plan
from cartveil.guard.protect.token import FEW_VALUES, refuse_few

#: `map`, in this process or in others.
Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


@dataclass(frozen=True)
class Written:
    """What was written."""

    parts: int
    rows: int


@dataclass(frozen=True)
class _Outcome:
    """What one part tells of itself: no value of it, but tokens of few of its values."""

    rows: int
    schema: pa.Schema
    tokens: Mapping[str, frozenset[str]]


def protect_parts(source: str | Path, target: str | Path, context: PartContext, *, workers: int = 1) -> Written:
    """Protect a folder of parts, or one Parquet file by its row groups, into a folder of Parquet files.

    Args:
        source: CSV, Parquet or any other format that `read_table` knows; in the order of the names.
        target: A folder that is not there yet; it gets `part-00000.parquet` and so on, in the same order.
        context: Schema and key.
        workers: Processes. Above one, the caller's script must be importable: its own work stands below
            `if __name__ == "__main__":`.

    Raises:
        ReadError: A part cannot be read, or has other columns or types than the others.
        ColumnError: A column does not fit its step; or tokens would show which is which, counted over all parts.
        RefusedError: See `plan`.
        StorageError: The disk refused, or a worker died.

    Guarantees:
        - The parts of the target, in order, are what `deidentify` with the same key makes of the whole.
        - At most one part per worker is in memory.
        - The target is whole, or not there.
    """
    if workers < 1:
        raise InputError("at least one worker is needed", path="workers")
    plan(context.schema)
    refuse_k(context)
    parts = parts_of(source)
    with new_folder(Path(target)) as folder, _each(workers) as each:
        types = agreed(zip(parts, each(schema_of, parts), strict=True))
        one = partial(_protect_one, context=without_counting(context), types=types, folder=folder)
        outcomes: list[_Outcome] = list(each(one, list(enumerate(parts))))
        _check_alike(outcomes, context.schema.name)
        for name in counted_tokens(context.schema):
            _check_tokens(outcomes, name, table=context.schema.name)
    return Written(len(parts), sum(outcome.rows for outcome in outcomes))


def _protect_one(numbered: tuple[int, Part], *, context: PartContext, types: pa.Schema, folder: Path) -> _Outcome:
    number, part = numbered
    protected = protect_part(as_agreed(read_part(part), types), context)
    write_parquet(folder / f"part-{number:05d}.parquet", protected)
    tokens = {name: _few(protected[name]) for name in protected.column_names if _is_token(context, name)}
    return _Outcome(protected.num_rows, protected.schema, tokens)


@contextmanager
def _each(workers: int) -> Iterator[Each]:
    if workers == 1:
        yield map
        return
    # Spawned, not forked: a fork copies the parent's memory, keys and all, and Arrow's threads do not survive it.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool.map
    except BrokenProcessPool:
        hint = 'use fewer workers or smaller parts, and call from a script with `if __name__ == "__main__":`'
        raise StorageError("a worker died before its part was done", hint=hint) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _is_token(context: PartContext, name: str) -> bool:
    return bool(context.schema.column(name).release.option("few_values", False))


def _few(column: pa.ChunkedArray) -> frozenset[str]:
    return frozenset(pc.drop_null(pc.unique(column)).slice(0, FEW_VALUES).to_pylist())


def _check_alike(outcomes: Sequence[_Outcome], table: str) -> None:
    """Refuse parts whose results have different types, as text has that is whole numbers in one and not in another."""
    first = outcomes[0].schema
    for outcome in outcomes:
        for field in outcome.schema:
            if field.type != first.field(field.name).type:
                message = f"parts come out as {first.field(field.name).type} and as {field.type}"
                hint = "clean the table first, so that numbers and times have their types"
                raise ColumnError(message, path=f"{table}.{field.name}", hint=hint)


def _check_tokens(outcomes: Sequence[_Outcome], name: str, *, table: str) -> None:
    seen = frozenset().union(*(outcome.tokens.get(name, frozenset()) for outcome in outcomes))
    try:
        refuse_few(len(seen), rows=sum(outcome.rows for outcome in outcomes))
    except ColumnError as error:
        raise ColumnError(error.message, path=f"{table}.{name}", hint=error.hint) from None
