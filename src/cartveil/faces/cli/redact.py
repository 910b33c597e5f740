"""`redact`: texts, files and columns without the people in them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cartveil.errors import InputError
from cartveil.faces.cli.options import FILE
from cartveil.faces.cli.output import talk

if TYPE_CHECKING:  # `cartveil --help` must not wait for Arrow
    from cartveil.events.kinds import Kind
    from cartveil.faces.redacting import Columns, Redaction

_STDIN = Path("-")


@click.command()
@click.argument("files", type=FILE, nargs=-1)
@click.option(
    "--as",
    "form",
    type=click.Choice(["labels", "masks", "surrogates"]),
    default="labels",
    show_default=True,
    help="What stands in a value's place.",
)
@click.option("--key-file", type=FILE, help="Key for surrogates, 64 hexadecimal digits; else one that is thrown away.")
@click.option("--scope", default="", help="Whose texts these are: the same value gets the same surrogate in them.")
@click.option("--column", "columns", multiple=True, help="A column of free text in a table; may be repeated.")
@click.option("--known", multiple=True, metavar="COLUMN=KIND", help="A column with what a row knows of its person.")
@click.option("--subject", help="The column that says whose each row is, in place of --scope.")
@click.option("--rules-only", is_flag=True, help="Leave the model out: faster, and blind to names and addresses.")
@click.option("--out", type=FILE, help="File to write, or a folder for several; else standard output.")
def redact(
    files: tuple[Path, ...],
    form: str,
    key_file: Path | None,
    scope: str,
    columns: tuple[str, ...],
    known: tuple[str, ...],
    subject: str | None,
    rules_only: bool,
    out: Path | None,
) -> None:
    """Replace personal information in texts: of standard input, of FILES, or of columns of tables."""
    from cartveil.faces.finding import reads_names, text_finder
    from cartveil.faces.redacting import Columns, Redaction, read_key
    from cartveil.guard.keys import SecretKey
    from cartveil.guard.protect.stand_ins import Form, Style

    _refuse_knowledge_without_columns(columns, known, subject)
    key = read_key(key_file) if key_file is not None else SecretKey.generate()
    redaction = Redaction(text_finder(rules_only=rules_only), Style(Form(form), key), scope)
    chosen = Columns(columns, dict(map(_known, known)), subject) if columns else None
    if not rules_only and not reads_names():
        talk("looks for what has a form only, not for names and addresses: pip install 'cartveil[learn]'")
    if form == "surrogates" and key_file is None:
        talk("surrogates are of this run only: pass --key-file to get the same ones again")
    _redact(files or (_STDIN,), out, redaction, chosen)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in redaction.counts.most_common())
    talk(f"replaced {redaction.counts.total():,} values" + (f": {counts}" if counts else ""))


def _redact(files: tuple[Path, ...], out: Path | None, redaction: "Redaction", columns: "Columns | None") -> None:
    from cartveil.faces.files import make_folder, refuse_existing
    from cartveil.faces.redacting import redact_table_file, redact_text_file, redact_text_stream, refuse_tables
    from cartveil.faces.redacting.texts import open_bytes

    if columns is None:
        refuse_tables(files)
    if out is None:
        if columns is not None or len(files) > 1:
            raise InputError("nowhere to write to", path="redact", hint="pass --out FILE, or --out FOLDER for several")
        if files[0] == _STDIN:
            redact_text_stream(sys.stdin.buffer, sys.stdout.buffer, redaction)
        else:
            with open_bytes(files[0]) as opened:
                redact_text_stream(opened, sys.stdout.buffer, redaction)
        sys.stdout.buffer.flush()
        return
    if _STDIN in files:
        raise InputError("standard input goes to standard output", path="--out", hint="write `> FILE` in place of it")
    targets = [out] if len(files) == 1 and not out.is_dir() else [out / file.name for file in files]
    refuse_existing(*targets)
    for file, target in zip(files, targets, strict=True):
        make_folder(target.parent)
        if columns is None:
            redact_text_file(file, target, redaction)
        else:
            redact_table_file(file, target, columns, redaction)
        talk(f"wrote {target}")


def _known(pair: str) -> "tuple[str, Kind]":
    from cartveil.events.kinds import Kind

    name, equals, kind = pair.rpartition("=")
    if not equals or not name or kind not in set(Kind):
        hint = "write it as `customer=person_name`; `cartveil scan` shows the kinds"
        raise InputError("names no column and kind", path="--known", hint=hint)
    return name, Kind(kind)


def _refuse_knowledge_without_columns(columns: tuple[str, ...], known: tuple[str, ...], subject: str | None) -> None:
    if not columns and (known or subject):
        option = "--known" if known else "--subject"
        raise InputError("asks for a table", path=option, hint="name its columns of text with --column")
