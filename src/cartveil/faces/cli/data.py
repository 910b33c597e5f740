"""`scan` and `protect`: the commands on files, before there is a vault."""

from pathlib import Path

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_json, emit_rows, talk

_PREVIEWED = 3


@click.command()
@click.argument("path", type=FILE)
@click.option("--write", type=FILE, help="Write the proposal to this new file.")
@click.option("--exact", is_flag=True, help="Look at every row of large files, not at rows from all over them.")
@as_json
def scan(path: Path, write: Path | None, exact: bool, as_json: bool) -> None:
    """Look at a file or folder and propose `cartveil.toml`."""
    from cartveil.events.reading import table_files
    from cartveil.events.scanning import scan_files
    from cartveil.faces.files import write_new

    files = table_files(path) if path.is_dir() else {path.name.split(".")[0]: path}
    proposal = scan_files(files, exact=exact, name=path.resolve().name.split(".")[0])
    for looked in proposal.looked:
        if exact or not looked.is_whole:
            talk(f"{looked}" + ("" if looked.is_whole else "; --exact looks at all"))
    if write is not None:
        write_new(write, proposal.to_toml())
        talk(f"wrote {write}")
    if as_json:
        emit_json([evidence.to_dict() for evidence in proposal.evidence])
    elif write is None:
        click.echo(proposal.to_toml(), nl=False)


@click.command()
@click.argument("schema", type=FILE)
@click.option("--out", type=FILE, help="Folder for the protected tables, one Parquet file each.")
@click.option("--preview", is_flag=True, help="Show a few rows before and after, and change nothing.")
@click.option(
    "--profile",
    type=click.Choice(["waybill", "pci", "release"]),
    help="Show what this rule permits, and refuse what shows more.",
)
@as_json
def protect(schema: Path, out: Path | None, preview: bool, profile: str | None, as_json: bool) -> None:
    """De-identify the tables of `cartveil.toml` under a key that is thrown away."""
    from cartveil.errors import InputError
    from cartveil.events.schema import load_schema
    from cartveil.faces.files import make_folder, refuse_existing, write_parquet
    from cartveil.faces.protecting import protect_files

    if out is None and not preview:
        raise InputError("nowhere to write to", path="protect", hint="pass --out FOLDER, or --preview to look only")
    loaded = load_schema(schema)
    if out is not None and not preview:
        refuse_existing(*(out / f"{table.name}.parquet" for table in loaded.tables))
    # All tables are protected and measured before one is written.
    files = protect_files(loaded, profile=profile, rows=_PREVIEWED if preview else 0)
    if out is not None and not preview:
        make_folder(out)
        for file in files:
            write_parquet(out / f"{file.name}.parquet", file.protected)
            talk(f"wrote {out / file.name}.parquet: {file.protected.num_rows} rows, {file.label}")
            for line in file.words:
                talk(f"  {line}")
    if as_json:
        emit_json({file.name: _before_after(file.head, file.protected) if preview else file.facts for file in files})
    elif preview:
        for file in files:
            talk(f"{file.name}:")
            emit_rows(_before_after(file.head, file.protected), as_json=False)


def _before_after(raw, protected, rows: int = _PREVIEWED) -> list[dict[str, object]]:  # type: ignore[no-untyped-def]
    """Return one line per column; what the column was is shown, since its owner asked to see it."""
    names = set(protected.column_names)
    return [
        {
            "column": name,
            "before": "; ".join(str(value) for value in raw[name].slice(0, rows).to_pylist()),
            "after": "; ".join(str(value) for value in protected[name].slice(0, rows).to_pylist())
            if name in names
            else "(left out)",
        }
        for name in raw.column_names
    ]
