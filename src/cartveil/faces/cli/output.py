"""How commands speak: data as JSON or as a table on standard output, talk on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # `cartveil --help` must not wait for Arrow
    import pyarrow as pa


def talk(line: str) -> None:
    """Say something to the person, on standard error."""
    click.echo(f"cartveil: {line}", err=True)


def emit_json(value: object) -> None:
    """Write one JSON value to standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def emit_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Write rows to standard output, as JSON or as an aligned table."""
    if as_json:
        emit_json(list(rows))
        return
    if not rows:
        return
    names = list(rows[0])
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(_width(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        click.echo("  ".join(_pad(text, width) for text, width in zip(line, widths, strict=True)).rstrip())


def emit_table(table: "pa.Table", *, as_json: bool) -> None:
    """Write an Arrow table to standard output; meant for what a person asked to see, not for bulk."""
    emit_rows(table.to_pylist(), as_json=as_json)


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere; call what is given after each of `length` parts."""
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda: bar.update(1)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    return str(value)


def _width(text: str) -> int:
    # A Chinese character takes two columns of a terminal.
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
