"""The labelled tables, written as files and read back as anybody's file is."""

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from bench.columns.writers import Writer
from cartveil.events.reading import read_table

Half = Literal["developing", "held_out", "borrowed"]


@dataclass(frozen=True)
class LabelledColumn:
    """A header, what the values are, and who writes them.

    Args:
        header: As it stands in the file.
        kind: The true kind; where two are right, both with `|` between, the better one first.
        writer: Makes the values.
    """

    header: str
    kind: str
    writer: Writer

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are right, the better one first."""
        return tuple(self.kind.split("|"))


@dataclass(frozen=True)
class LabelledTable:
    """Columns that stand together in one file, and how that file is written."""

    name: str
    columns: tuple[LabelledColumn, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    rows: int = 300


def table(name: str, *columns: tuple[str, str, Writer], **how: object) -> LabelledTable:
    """Return a table from triples of header, kind and writer."""
    return LabelledTable(name, tuple(LabelledColumn(*each) for each in columns), **how)  # type: ignore[arg-type]


def labelled_tables(half: Half, *, seed: int = 0) -> Sequence[LabelledTable]:
    """Return the tables of one half, or those whose values Faker writes, by a seed."""
    from bench.columns import borrowed, developing, held_out

    if half == "borrowed":
        return borrowed.borrowed_tables(seed)
    return developing.TABLES if half == "developing" else held_out.TABLES


def written(labelled: LabelledTable, folder: Path, *, seed: int) -> pa.Table:
    """Write a table as its file and read it back.

    Args:
        labelled: What to write.
        folder: Where to.
        seed: Decides every value.
    """
    draw = random.Random(f"{seed} {labelled.name}")
    file = folder / f"{labelled.name}.csv"
    text = io.StringIO(newline="")
    lines = csv.writer(text, delimiter=labelled.delimiter, lineterminator="\n")
    lines.writerow([column.header for column in labelled.columns])
    for row in range(labelled.rows):
        values = [column.writer(draw, row) for column in labelled.columns]
        lines.writerow(["" if value is None else value for value in values])
    file.write_bytes(text.getvalue().encode(labelled.encoding))
    return read_table(file)
