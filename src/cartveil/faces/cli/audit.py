"""`audit`, `checkpoint`, `publish`: the log as a table, and its promises where nobody here can take them back."""

from datetime import datetime
from pathlib import Path

import click

from cartveil.errors import InputError
from cartveil.faces.cli.options import FILE, actor, as_json, parse_actor, passphrase_file, policy_file
from cartveil.faces.cli.output import emit_table, talk

# What fits a terminal; a file and --json have all of it.
_SHOWN = ("index", "time", "actor", "role", "action", "table", "fields", "view", "subject", "rows", "decision", "rule")


@click.command()
@click.argument("folder", type=FILE)
@actor
@click.option("--about", metavar="ID", help="Only what concerns this consumer.")
@click.option("--by", metavar="NAME", help="Only what this actor did.")
@click.option("--action", help="Only this action, such as `reveal`.")
@click.option("--decision", type=click.Choice(["allow", "deny"]), help="Only what was permitted, or refused.")
@click.option("--since", type=click.DateTime(), help="From this moment on (UTC).")
@click.option("--until", type=click.DateTime(), help="Before this moment (UTC).")
@click.option("--output", type=FILE, help="Write to this new file instead: .csv, .parquet or .json.")
@passphrase_file
@policy_file
@as_json
def audit(
    folder: Path,
    actor: str,
    about: str | None,
    by: str | None,
    action: str | None,
    decision: str | None,
    since: datetime | None,
    until: datetime | None,
    output: Path | None,
    passphrase_file: Path | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Show the log of FOLDER as a table of events, in order of time. Asking is written down too."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.entries import pick, write_entries
    from cartveil.faces.files import refuse_existing

    if output is not None:
        refuse_existing(output)
        if output.suffix not in (".csv", ".parquet", ".json"):
            raise InputError("no such form", path=str(output), hint="name a .csv, .parquet or .json file")
    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        log = vault.audit_events(_principal(actor), subject=about)
    log = pick(log, {"actor": by, "action": action, "decision": decision}, since=since, until=until)
    if output is not None:
        write_entries(output, log)
        talk(f"wrote {output}: {log.num_rows} entries")
    else:
        emit_table(log if as_json else log.select(_SHOWN), as_json=as_json)


@click.command()
@click.argument("folder", type=FILE)
@click.option("--to", metavar="FILE|URL", help="Append it to this file, or send it to this witness.")
@passphrase_file
def checkpoint(folder: Path, to: str | None, passphrase_file: Path | None) -> None:
    """Sign the log of FOLDER and print the checkpoint, or hand it to where it is kept."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.witnessing import keep_checkpoint

    with open_vault(folder, read_settings(passphrase_file=passphrase_file)) as vault:
        note = vault.checkpoint() if to is None else keep_checkpoint(vault, to)
        key = vault.public_key.hex()
    if to is None:
        click.echo(note, nl=False)
    else:
        origin, size, *_ = note.splitlines()
        talk(f"kept a checkpoint of {size} entries at {to}; it is signed with {key} as {origin}")


@click.command()
@click.argument("folder", type=FILE)
@click.option("--to", type=FILE, required=True, help="Folder to write to; later calls add what is new.")
@click.option("--entries-as", "reader", metavar="NAME:ROLE", help="Publish the entries too, asked for by this person.")
@passphrase_file
@policy_file
def publish(folder: Path, to: Path, reader: str | None, passphrase_file: Path | None, policy: Path | None) -> None:
    """Write the log of FOLDER, as hashes, to a folder that any web server can serve or another host can copy."""
    from cartveil.faces.assemble import open_vault, read_settings

    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        files = vault.publish(to, reader=None if reader is None else _principal(reader))
        key = vault.public_key.hex()
    talk(f"wrote {files} files to {to}; check them with `cartveil verify {to} --audit --key {key}`")


def _principal(text: str):  # type: ignore[no-untyped-def]
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})
