"""Writing a store: events of any length, in any order, sorted and laid flat in bounded memory.

>>> import tempfile
>>> events = pa.table({"subject": ["b", "a", "a"], "time": [10, 12, 11], "item": ["pen", "pen", "ink"]})
>>> with tempfile.TemporaryDirectory() as folder:
...     store = write_sequences(events, Path(folder) / "store")
...     store.words["item"].take(store.codes["item"]).to_pylist(), store.offsets.tolist()
(['pen', 'ink', 'pen'], [0, 1, 3])
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError, InputError
from cartveil.events.protected import ProtectedEvents, protected_parts
from cartveil.events.writing import new_folder
from cartveil.insight.sequences.coding import Coder
from cartveil.insight.sequences.integrity import digests_of
from cartveil.insight.sequences.partitions import SortedPart, sorted_parts
from cartveil.insight.sequences.store import (
    CONSUMERS,
    DESCRIPTION,
    EVENTS,
    GAP,
    ITEMS,
    SequenceSpec,
    SequenceStore,
    describe,
    events_schema,
    files_of,
    words_file,
)

#: Events that are looked at together.
_BLOCK = 1 << 18

#: What events may come as; a path is that of a release.
Source: TypeAlias = ProtectedEvents | pa.Table | Iterable[pa.Table | pa.RecordBatch] | str | Path


def write_sequences(
    source: Source, folder: str | Path, spec: SequenceSpec = ITEMS, *, block: int = _BLOCK
) -> SequenceStore:
    """Write events into a new store, and open it.

    Args:
        source: A release, the path of a release's Parquet file, or tables or record batches, one after another.
        folder: Where the store will be; nothing may stand there.
        spec: Which columns to keep.
        block: Events that are looked at together; more need more memory.

    Raises:
        ColumnError: A column is missing, is not of its kind, or a subject or time is NULL.
        InputError: No event, something that is no table of events, or something stands at `folder`.
        ReadError: No such file, or not Parquet.
        IntegrityError: A Parquet file that no release made.
        StorageError: The disk refused.

    Guarantees:
        - The folder appears whole or not at all.
        - Events of one consumer and time keep the order in which they came.
        - The order of consumers depends on their names alone.
        - At most a block and a 32nd of the events are in memory, however many there are; the words of the fields and
          the names of the consumers are besides.
    """
    if block < 1:
        raise InputError("must be at least 1", path="block", hint="leave it out, or give some 100,000")
    _refuse_existing(Path(folder))
    with new_folder(Path(folder)) as place:
        coder = Coder(spec)
        blocks = (coder.coded(table) for table in _blocks(_tables(source, spec), block))
        count = _laid_flat(sorted_parts(blocks, place / "parts"), place, spec)
        if not count:
            whence = str(source if isinstance(source, str | Path) else folder)
            raise InputError("no event to make sequences of", path=whence, hint="is the release empty?")
        for number, name in enumerate(spec.fields):
            _write(place / words_file(number), pa.table({"word": pa.array(coder.words[name], pa.string())}))
        files = digests_of(place, files_of(spec))
        (place / DESCRIPTION).write_text(describe(spec, count, files), encoding="utf-8")
    return SequenceStore.open(folder, verify=False)


def _tables(source: Source, spec: SequenceSpec) -> Iterator[pa.Table]:
    wanted = list(dict.fromkeys((spec.subject, spec.time, *spec.fields, *spec.numeric)))
    for number, each in enumerate(_pieces(source, wanted)):
        table = pa.Table.from_batches([each]) if isinstance(each, pa.RecordBatch) else each
        if not isinstance(table, pa.Table):
            hint = "give a release, its path, or tables and record batches"
            raise InputError(f"`{type(each).__name__}` is no table of events", path=f"source[{number}]", hint=hint)
        doubled = [name for name in wanted if table.column_names.count(name) > 1]
        if doubled:
            raise ColumnError("the events have two columns of this name", path=doubled[0], hint="rename one")
        yield table.select([name for name in wanted if name in table.column_names])


def _pieces(source: Source, columns: list[str]) -> Iterable[pa.Table | pa.RecordBatch]:
    if isinstance(source, str | Path):
        return protected_parts(source, columns=columns)
    if isinstance(source, ProtectedEvents):
        return (source.table,)
    if isinstance(source, pa.Table | pa.RecordBatch) or not isinstance(source, Iterable):
        return (source,)
    return source


def _blocks(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Return the same rows in blocks of so many; tables of different columns or types share no block."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        if waiting and not waiting[0].schema.equals(table.schema):
            yield pa.concat_tables(waiting)
            waiting, count = [], 0
        while count + len(table) >= rows:
            head, table = table.slice(0, rows - count), table.slice(rows - count)
            yield pa.concat_tables([*waiting, head])
            waiting, count = [], 0
        if len(table):
            waiting, count = [*waiting, table], count + len(table)
    if waiting:
        yield pa.concat_tables(waiting)


def _laid_flat(parts: Iterable[SortedPart], place: Path, spec: SequenceSpec) -> int:
    """Write events and consumers; return how many events, and write nothing of use where there is none."""
    schema = events_schema(spec)
    files = {name: place / f"column-{number}" for number, name in enumerate(schema.names)}
    people: list[pa.Table] = []
    with ExitStack() as stack:
        opened = {name: stack.enter_context(file.open("wb")) for name, file in files.items()}
        for part in parts:
            columns = {name: part.columns[name].to_numpy() for name in part.columns.column_names}
            columns[f"numeric.{GAP}"] = _gaps(columns["time"], part.sizes)
            for name, column in opened.items():
                column.write(columns[name].data)
            people.append(pa.table({"subject": part.subjects, "hash": part.hashes, "events": part.sizes}))
    if not people:
        return 0
    _write(place / CONSUMERS, pa.concat_tables(people).combine_chunks())
    count = sum(pc.sum(each["events"]).as_py() for each in people)
    # One batch for all events, so that a column is one piece of memory; its buffers are the files just written.
    flat = [_column(file, schema.field(name).type, count) for name, file in files.items()]
    _write(place / EVENTS, pa.table(flat, schema=schema))
    for file in files.values():
        file.unlink()
    return int(count)


def _gaps(time: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.float32]:
    gaps = np.log1p(np.diff(time, prepend=time[:1]).clip(0) / 1e6).astype(np.float32)
    gaps[np.cumsum(sizes) - sizes] = np.nan
    return gaps


def _column(file: Path, kind: pa.DataType, count: int) -> pa.Array:
    return pa.Array.from_buffers(kind, count, [None, pa.memory_map(str(file)).read_buffer()])


def _write(file: Path, table: pa.Table) -> None:
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _refuse_existing(path: Path) -> None:
    if path.is_symlink() or path.exists():
        raise InputError("something stands there already", path=str(path), hint="name a folder that is not there yet")
