"""Every row of a large file, part by part.

Each part is looked at as a table of its own, and the profiles are put together. Rows and gaps are counted; distinct
values are counted up to some thousands and estimated beyond, within about three parts in a hundred. A column that
would stay readable is searched for written forms value by value, so that not one phone goes unseen; of columns that
are sealed or replaced anyway, and for marks without a written form, an even sample of each part is looked at.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from cartveil.errors import ReadError
from cartveil.events.reading import read_table
from cartveil.events.reading.columns import tidy
from cartveil.events.reading.delimited import NULLS, delimiter_of, header_of
from cartveil.events.reading.encodings import decode
from cartveil.events.reading.types import narrow
from cartveil.events.scanning.profile import Profile, merged, profile_of

_PART, _ROWS = 16 << 20, 100_000
#: A part is read in blocks: Arrow reads ahead by several of them, and holds on to what large ones took.
_BLOCK, _BLOCKS = 4 << 20, 4
_SKETCH, _SAMPLE = 4_096, 400
_HEAD = 1 << 16


def parts_of(path: str | Path) -> Iterator[pa.Table]:
    """Read a file part by part.

    Raises:
        ReadError: As `read_table`.

    Guarantees:
        - Memory does not grow with a delimited or a Parquet file; any other kind of file is one part.
    """
    file = Path(path)
    endings = "".join(file.suffixes[-2:]).lower()
    if endings.endswith((".parquet", ".pq")):
        yield from _parquet(file)
    elif endings.endswith((".csv", ".tsv", ".txt")) and file.exists() and file.stat().st_size > _PART:
        yield from _delimited(file)
    else:
        yield read_table(file)


def _parquet(file: Path) -> Iterator[pa.Table]:
    try:
        for batch in pq.ParquetFile(file).iter_batches(_ROWS):
            yield tidy(pa.Table.from_batches([batch]))
    except (pa.ArrowException, OSError, ValueError):
        raise ReadError("is not a whole Parquet file", path=str(file), hint="copy or write it again") from None


def _delimited(file: Path) -> Iterator[pa.Table]:
    encoding = _encoding(file)
    with file.open("rb") as opened:
        head = opened.read(_HEAD).decode(encoding, "ignore")
    delimiter = delimiter_of(head.rpartition("\n")[0] or head, file)
    names = header_of(head, delimiter, file)
    try:
        with arrow_csv.open_csv(
            file,
            read_options=arrow_csv.ReadOptions(block_size=_BLOCK, encoding=encoding, use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=NULLS
            ),
        ) as batches:
            clean = [name.strip() for name in names]
            while several := list(islice(batches, _BLOCKS)):
                yield narrow(pa.Table.from_batches(several).rename_columns(clean))
    except (pa.ArrowInvalid, UnicodeDecodeError):
        # Arrow's message repeats the row, which may name a person.
        hint = "look for a row with another number of values than the header, a quote left open, or mixed encodings"
        raise ReadError("is not a well-formed table", path=str(file), hint=hint) from None


def _encoding(file: Path) -> str:
    """Return the encoding of a file from its beginning, middle and end, as one that Python and Arrow know."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        head = opened.read(4)
        for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
            if head.startswith(mark):
                return encoding
        places = np.linspace(0, max(0, size - _HEAD), 64).astype(np.int64)
        pieces = []
        for place in places.tolist():
            opened.seek(place)
            piece = opened.read(_HEAD)
            pieces.append(piece[0 if place == 0 else piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1])
    content = b"".join(pieces)
    text = decode(content, path=str(file))
    return "utf-8" if text.encode("utf-8") == content else "gb18030"


class Whole:
    """A column that is looked at part by part.

    Args:
        every: Search each value for written forms.
    """

    def __init__(self, *, every: bool) -> None:
        self.every = every
        self._profiles: list[Profile] = []
        self._rows = 0
        self._smallest: list[int] = []

    def add(self, column: pa.ChunkedArray) -> None:
        """Look at the next part."""
        profile = profile_of(column, size=_SAMPLE, every=self.every)
        if profile.form == "empty":
            return
        self._profiles.append(profile)
        self._rows += profile.rows
        if profile.form != "nested":
            self._count(pc.unique(column.drop_null()))

    def profile(self) -> Profile:
        """Return the profile of all parts."""
        if not self._profiles:
            return Profile("empty", 0, 0)
        return merged(self._profiles, rows=self._rows, distinct=self._distinct())

    def _count(self, values: pa.Array) -> None:
        # Of a pair, since the hash of a whole number alone is that number.
        hashes = {hash((value,)) & _MASK for value in values.to_pylist()}
        if len(self._smallest) == _SKETCH:
            last = self._smallest[-1]
            hashes = {each for each in hashes if each < last}
        self._smallest = heapq.nsmallest(_SKETCH, hashes.union(self._smallest))

    def _distinct(self) -> int:
        """Return how many distinct values there are, from the smallest of their hashes.

        Source: Bar-Yossef et al., Counting Distinct Elements in a Data Stream, RANDOM 2002.
        """
        if len(self._smallest) < _SKETCH:
            return len(self._smallest)
        return min(self._rows, round((_SKETCH - 1) * (_MASK + 1) / self._smallest[-1]))


_MASK = (1 << 60) - 1
