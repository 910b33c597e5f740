"""`hold`, `holds`, `sweep`, `backup`, `restore`: what must be kept, what must go, and copies of both."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cartveil.faces.cli.options import FILE, actor, as_json, parse_actor, passphrase_file, policy_file
from cartveil.faces.cli.output import emit_json, emit_rows, talk

if TYPE_CHECKING:
    from cartveil.guard.policy import Principal
    from cartveil.guard.vault import Vault

GROUNDS = ("tax", "legal_obligation", "legal_claim", "investigation", "public_interest")


@click.command()
@click.argument("folder", type=FILE)
@actor
@click.option("--ground", type=click.Choice(GROUNDS), help="Why; it stands in receipts.")
@click.option("--subject", help="Whose rows; everybody's if not given.")
@click.option("--table", help="Of which table; of all if not given.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day; until it is lifted if not given.")
@click.option("--days", type=click.IntRange(1, 36_525), help="Only rows younger than that, such as 3650 for tax.")
@click.option("--lift", metavar="ID", help="Lift this hold instead.")
@passphrase_file
@policy_file
@as_json
def hold(
    folder: Path, actor: str, ground: str | None, subject: str | None, table: str | None, until: datetime | None,
    days: int | None, lift: str | None, passphrase_file: Path | None, policy: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Keep data on a ground, whoever asks for its erasure and however old it gets."""
    if (lift is None) == (ground is None):
        raise click.UsageError("give a --ground, or --lift ID")
    with _open(folder, passphrase_file, policy) as vault:
        if lift is not None:
            vault.lift_hold(_principal(actor), lift)
            talk(f"lifted {lift}; what waited for it goes with the next `cartveil sweep`")
            return
        last: date | None = None if until is None else until.date()
        made = vault.hold(
            _principal(actor), ground=str(ground), subject=subject, table=table, until=last, days=days or 0
        )
    talk(f"holds {made.place or 'all tables'} on the ground `{made.ground}`")
    if as_json:
        emit_json({name: value for name, value in vars(made).items() if name != "lookup"})
    else:
        click.echo(made.id)


@click.command()
@click.argument("folder", type=FILE)
@actor
@passphrase_file
@policy_file
@as_json
def holds(folder: Path, actor: str, passphrase_file: Path | None, policy: Path | None, as_json: bool) -> None:
    """List what is kept, and why."""
    with _open(folder, passphrase_file, policy) as vault:
        found = vault.holds(_principal(actor))
    rows = [
        {"id": each.id, "ground": each.ground, "table": each.place or None, "consumer": each.subject or None,
         "until": each.until or None, "days": each.days or None, "placed": each.placed}
        for each in found
    ]  # fmt: skip
    emit_rows(rows, as_json=as_json)


@click.command()
@click.argument("folder", type=FILE)
@actor
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--learned", type=FILE, help="Folder of releases and models that must forget whose erasure completes.")
@passphrase_file
@policy_file
@as_json
def sweep(
    folder: Path, actor: str, dry_run: bool, learned: Path | None, passphrase_file: Path | None, policy: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Remove what is older than its `retention_days`, and complete erasures whose holds have ended."""
    from cartveil.faces.forgetting import forget_many_in

    forget = (forget_many_in(learned),) if learned is not None else ()
    with _open(folder, passphrase_file, policy) as vault:
        done = vault.sweep(_principal(actor), dry_run=dry_run, forget=forget)
    if as_json:
        emit_json(done)
    else:
        emit_rows(
            [
                {"table": name, "rows": each["rows"], "held": each["held"], "undated": each["undated"],
                 "emptied": [f"{column}: {count}" for column, count in each["cells"].items()] or None}
                for name, each in done["tables"].items()
            ],
            as_json=False,
        )  # fmt: skip
    verb = "would be" if dry_run else "were"
    talk(f"{done['erasures']} erasures {verb} completed")
    if dry_run:
        talk("nothing was changed")
    else:
        talk(f"{done['consumers']} consumers of whom nothing was left are gone")


@click.command()
@click.argument("folder", type=FILE)
@click.argument("file", type=FILE)
@actor
@passphrase_file
@policy_file
def backup(folder: Path, file: Path, actor: str, passphrase_file: Path | None, policy: Path | None) -> None:
    """Copy the vault to FILE, sealed as it is, while it is in use. Keep FILE apart from the keyring's folder."""
    with _open(folder, passphrase_file, policy) as vault:
        size = vault.backup(_principal(actor), file)
    talk(f"wrote {file}: {size} bytes; put it back with `cartveil restore {folder} {file}`")


@click.command()
@click.argument("folder", type=FILE)
@click.argument("file", type=FILE, required=False)
@actor
@passphrase_file
@policy_file
@as_json
def restore(
    folder: Path, file: Path | None, actor: str, passphrase_file: Path | None, policy: Path | None, as_json: bool
) -> None:
    """Put the backup FILE in place of a vault that is gone, and erase again who was erased since.

    Without FILE the vault that stands in FOLDER, or in its database, is taken for restored.
    """
    from cartveil.faces.assemble import read_settings, restore_vault

    settings = read_settings(passphrase_file=passphrase_file, policy=policy)
    with restore_vault(folder, settings, _principal(actor), backup=file) as vault:
        counts = vault.counts()
    talk(f"restored {folder}: {counts['consumers']} consumers, {counts['rows']} rows; nobody who was erased is back")
    if as_json:
        emit_json(counts)


def _open(folder: Path, passphrase_file: Path | None, policy: Path | None) -> "Vault":
    from cartveil.faces.assemble import open_vault, read_settings

    return open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy))


def _principal(text: str) -> "Principal":
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})
