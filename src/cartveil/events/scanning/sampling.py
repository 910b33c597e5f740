"""A sample of a large file: rows from all over it, not from its head, and never the whole file in memory.

A delimited file is cut into strata of equal length; from each a block is read and its whole lines kept. A file is
often sorted, and its first rows are last year's: a head alone would say that nobody has an e-mail address.

    .csv .tsv .txt .jsonl     256 blocks, spread evenly
    the same with .gz         256 blocks, one per stretch of the stream, which is read to its end
    .parquet .arrow ...       rows of up to 64 row groups or batches, spread evenly
"""

import codecs
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cartveil.errors import ReadError
from cartveil.events.reading import read_table
from cartveil.events.reading.delimited import NULLS, delimiter_of, header_of
from cartveil.events.reading.encodings import decode
from cartveil.events.reading.records import read_records
from cartveil.events.reading.types import narrow

#: A file up to this many bytes is read as a whole; a zipped one up to an eighth of it.
SMALL = 24 << 20
_ZIPPED = 8
_STRATA, _BLOCK = 256, 1 << 15
_LONGEST_LINE = 8 << 20
_GROUPS, _ROWS_PER_GROUP = 64, 1_024
_HEAD = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Sample:
    """Rows of a file.

    Args:
        table: The rows.
        rows: About how many rows the whole file has; exactly, where it was read as a whole.
        is_whole: Whether these are all of them.
    """

    table: pa.Table
    rows: int
    is_whole: bool


def sample_table(path: str | Path) -> Sample:
    """Read a small file as a whole, and rows from all over a large one.

    Args:
        path: A file that `read_table` reads.

    Raises:
        ReadError: As `read_table`; a row of a large file that does not fit the header is left out instead.

    Guarantees:
        - The same file gives the same sample.
        - Memory does not grow with the file, but for a list of objects in one `.json` and for very long lines.
    """
    file = Path(path)
    endings = [ending.lower() for ending in file.suffixes]
    is_zipped = endings[-1:] == [".gz"] and len(endings) > 1
    last = endings[-2] if is_zipped else (endings or [""])[-1]
    if not file.is_file() or file.stat().st_size <= (SMALL // _ZIPPED if is_zipped else SMALL):
        table = read_table(file)
        return Sample(table, table.num_rows, True)
    if last in (".csv", ".tsv", ".txt"):
        return _of_lines(file, delimited=True)
    if last in (".jsonl", ".ndjson"):
        return _of_lines(file, delimited=False)
    if last in (".parquet", ".pq"):
        return _of_parquet(file)
    table = read_table(file)
    return Sample(table, table.num_rows, True)


def _of_lines(file: Path, *, delimited: bool) -> Sample:
    is_zipped = file.suffix.lower() == ".gz"
    head = _head(file, is_zipped=is_zipped)
    mark, codec = next(((mark, codec) for mark, codec in _MARKS if head.startswith(mark)), (b"", ""))
    blocks = _zipped_blocks(file, codec) if is_zipped else _blocks(file, codec, start=len(mark))
    pieces, size = _pieces(blocks)
    texts = _texts(pieces, codec, file)
    table = _delimited(texts, file) if delimited else read_records("\n".join(texts), file)
    if not table.num_rows:
        table = read_table(file)
        return Sample(table, table.num_rows, True)
    bytes_per_row = max(1.0, sum(map(len, pieces)) / table.num_rows)
    return Sample(table, round(size / bytes_per_row), False)


def _head(file: Path, *, is_zipped: bool) -> bytes:
    with gzip.open(file) if is_zipped else file.open("rb") as opened:
        return opened.read(_HEAD)


def _pieces(blocks: Iterator[tuple[bytes, int]]) -> tuple[list[bytes], int]:
    pieces, size = [], 0
    for block, size_so_far in blocks:
        size = size_so_far
        if block:
            pieces.append(block)
    return pieces, size


def _blocks(file: Path, codec: str, *, start: int) -> Iterator[tuple[bytes, int]]:
    """Give the whole lines of each block, the first with the header, and the size of the file."""
    newline = "\n".encode(codec or "utf-8")
    size = file.stat().st_size
    step = max(_BLOCK, (size - start) // _STRATA // 4 * 4)
    with file.open("rb") as opened:
        for place in range(start, size, step):
            opened.seek(place)
            block = opened.read(_BLOCK)
            while _last(block, newline) <= _first(block, newline) and len(block) < _LONGEST_LINE:
                more = opened.read(len(block))
                if not more:
                    break
                block += more
            first = 0 if place == start else _first(block, newline)
            yield block[first : _last(block, newline)], size


def _zipped_blocks(file: Path, codec: str) -> Iterator[tuple[bytes, int]]:
    """Give whole lines from a stream of unknown length: where too many were kept, every other one is dropped."""
    newline = "\n".encode(codec or "utf-8")
    kept: list[bytes] = []
    step, place = _BLOCK * 4, 0
    with gzip.open(file) as opened:
        while stretch := opened.read(step):
            first = 0 if place == 0 else _first(stretch[:_BLOCK], newline)
            kept.append(stretch[first : _last(stretch[:_BLOCK], newline)])
            place += len(stretch)
            if len(kept) > 2 * _STRATA:
                kept, step = kept[::2], step * 2
    for block in kept:
        yield block, place


def _first(block: bytes, newline: bytes) -> int:
    """Return where the first whole line begins."""
    place = _aligned(block, newline, from_end=False)
    return len(block) if place < 0 else place + len(newline)


def _last(block: bytes, newline: bytes) -> int:
    """Return where the last whole line ends."""
    place = _aligned(block, newline, from_end=True)
    return 0 if place < 0 else place + len(newline)


def _aligned(block: bytes, newline: bytes, *, from_end: bool) -> int:
    """Return the place of a line break, at a whole letter of a code of two or four bytes."""
    place = block.rfind(newline) if from_end else block.find(newline)
    while place >= 0 and place % len(newline):
        place = block.rfind(newline, 0, place + len(newline) - 1) if from_end else block.find(newline, place + 1)
    return place


def _texts(pieces: Sequence[bytes], codec: str, file: Path) -> list[str]:
    if codec:
        return [piece.decode(codec, "replace").removeprefix("\ufeff") for piece in pieces]
    # One decision for all blocks: some of them may hold nothing but ASCII.
    text = decode(b"\x1e".join(pieces), path=str(file))
    return text.split("\x1e")


def _delimited(texts: list[str], file: Path) -> pa.Table:
    delimiter = delimiter_of(texts[0], file)
    names = header_of(texts[0], delimiter, file)
    rows: list[list[str]] = []
    for place, text in enumerate(texts):
        found = _rows(text, delimiter, len(names))
        rows += found[1:] if place == 0 else found
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    nulls = dict.fromkeys(NULLS)
    arrays = [
        pa.chunked_array([[None if value in nulls else value for value in column]], pa.string()) for column in columns
    ]
    return narrow(pa.table(arrays, names=[name.strip() for name in names]))


def _rows(text: str, delimiter: str, width: int) -> list[list[str]]:
    """Return the rows of a block, which may begin inside quotes: of both readings, the one that gives more rows."""
    if '"' not in text:
        return _fitting(text, delimiter, width)
    # The last row may end inside quotes, where the block does, and the first one may begin there.
    outside = _fitting(text, delimiter, width)[:-1]
    inside = _fitting('"' + text, delimiter, width)[1:-1]
    return max(outside, inside, key=len)


def _fitting(text: str, delimiter: str, width: int) -> list[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [row for row in rows if len(row) == width]
    except csv.Error:
        return []


def _of_parquet(file: Path) -> Sample:
    try:
        opened = pq.ParquetFile(file)
        groups = range(0, opened.num_row_groups, max(1, -(-opened.num_row_groups // _GROUPS)))
        rows = max(_ROWS_PER_GROUP, _STRATA * 256 // max(1, len(groups)))
        batches = [next(opened.iter_batches(rows, row_groups=[group]), None) for group in groups]
        table = pa.Table.from_batches([batch for batch in batches if batch is not None], opened.schema_arrow)
        return Sample(table, opened.metadata.num_rows, False)
    except (pa.ArrowException, OSError, ValueError):
        raise ReadError("is not a whole Parquet file", path=str(file), hint="copy or write it again") from None
