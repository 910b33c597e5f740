"""Events sorted by consumer and time in bounded memory: partitioned by a hash of the name, then sorted part by part.

A consumer's events all fall into one part, and a part fits into memory. Parts are ranges of the hash, so parts one
after another are the whole in the order of the hash, however many there are: a table small enough is a single part.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.insight.sequences.hashes import hashes_of

#: Parts; 10^8 events are parts of three million.
_PARTS_BITS = 5
PARTS = 1 << _PARTS_BITS

SUBJECT, TIME = "subject", "time"


@dataclass(frozen=True)
class SortedPart:
    """Events of some consumers, by consumer (in the order of the hash) and time.

    Args:
        columns: Every column but the subject, in order.
        subjects: Names of the part's consumers.
        hashes: Hash of each, rising.
        sizes: Events of each.
    """

    columns: pa.Table
    subjects: pa.Array
    hashes: NDArray[np.uint64]
    sizes: NDArray[np.int64]


def sorted_parts(blocks: Iterable[pa.Table], folder: Path) -> Iterator[SortedPart]:
    """Sort blocks of events.

    Args:
        blocks: Tables with `subject` (text), `time` (whole numbers) and any other columns, all without NULL.
        folder: Where parts are kept meanwhile; made and emptied here. A single block needs no part.

    Yields:
        Parts in the order of the hash. Events of one consumer and time stay in the order in which they came.
    """
    found = iter(blocks)
    first = next(found, None)
    if first is None:
        return
    second = next(found, None)
    if second is None:
        yield _sorted(first)
        return
    folder.mkdir()
    for file in _spilled(chain((first, second), found), folder):
        with pa.OSFile(str(file)) as source:
            part = pa.ipc.open_stream(source).read_all()
        file.unlink()
        if len(part):
            yield _sorted(part)
    folder.rmdir()


def _spilled(blocks: Iterable[pa.Table], folder: Path) -> list[Path]:
    files = [folder / f"part-{number:02d}.arrows" for number in range(PARTS)]
    with ExitStack() as stack:
        writers: list[pa.RecordBatchStreamWriter] = []
        for block in blocks:
            if not writers:
                writers = [stack.enter_context(pa.ipc.new_stream(str(file), block.schema)) for file in files]
            for writer, part in zip(writers, _parted(block), strict=True):
                writer.write_table(part)
    return files


def _parted(block: pa.Table) -> Iterator[pa.Table]:
    names = pa.concat_arrays(block[SUBJECT].chunks)
    part = (hashes_of(names) >> np.uint64(64 - _PARTS_BITS)).astype(np.uint8)
    ordered = block.take(pa.array(np.argsort(part, kind="stable")))
    ends = np.cumsum(np.bincount(part, minlength=PARTS))
    for begin, end in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        yield ordered.slice(begin, end - begin)


def _sorted(part: pa.Table) -> SortedPart:
    names, owner = _named(part[SUBJECT])
    hashes = hashes_of(names)
    by_hash = np.argsort(hashes, kind="stable")
    place = np.empty(len(names), np.uint16 if len(names) <= 1 << 16 else np.int64)  # 16 bits are sorted by radix
    place[by_hash] = np.arange(len(names))
    rank = place[owner]
    time = part[TIME].to_numpy()
    order = np.arange(len(time)) if np.all(time[1:] >= time[:-1]) else np.argsort(time, kind="stable")
    order = order[np.argsort(rank[order], kind="stable")]
    columns = {name: part[name].to_numpy()[order] for name in part.column_names if name != SUBJECT}
    sizes = np.bincount(rank, minlength=len(names))
    return SortedPart(pa.table(columns), names.take(pa.array(by_hash)), hashes[by_hash], sizes)


def _named(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int32]]:
    """Return the distinct names, and for each row which one it has."""
    encoded = pc.dictionary_encode(column)  # one dictionary for all chunks
    rows = [chunk.indices.to_numpy() for chunk in encoded.chunks]
    return encoded.chunk(0).dictionary, np.concatenate(rows)
