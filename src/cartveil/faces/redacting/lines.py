"""Lines of a text file, each with the encoding that it came in and goes out in."""

import itertools
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TypeVar

from cartveil.events.reading.streams import read_pieces
from cartveil.faces.redacting.redaction import ROWS

#: Line, with its end, and encoding.
Lines = Iterator[tuple[str, str]]

Row = TypeVar("Row")


def each_line(read: BinaryIO) -> Lines:
    """Yield the lines of a file that is open for reading."""
    held, encoding = "", "utf-8"
    for text, encoding in read_pieces(read):
        *whole, held = (held + text).split("\n")
        for line in whole:
            yield line + "\n", encoding
    if held:
        yield held, encoding


def batches(rows: Iterable[tuple[Row, str]]) -> Iterator[tuple[list[Row], str]]:
    """Yield rows that come in one encoding together, a few thousand at a time."""
    for encoding, some in itertools.groupby(rows, key=lambda row: row[1]):
        each = (row for row, _ in some)
        while batch := list(itertools.islice(each, ROWS)):
            yield batch, encoding
