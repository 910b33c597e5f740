"""`find`: the command that looks for rows by a value."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from cartveil.errors import InputError
from cartveil.faces.cli.options import (
    FILE,
    actor,
    as_json,
    context,
    parse_actor,
    parse_context,
    passphrase_file,
    policy_file,
    purpose,
)
from cartveil.faces.cli.output import emit_rows, talk


@click.command()
@click.argument("folder", type=FILE)
@click.argument("table")
@click.argument("where", metavar="COLUMN=VALUE")
@actor
@purpose
@context
@click.option("--field", "fields", multiple=True, help="Only this field; may be repeated.")
@click.option("--last-four", is_flag=True, help="VALUE is the last four digits of a phone or a card.")
@click.option("--after", type=int, default=0, help="Where the page before ended.")
@click.option("--limit", type=int, default=50, show_default=True, help="Rows of a page.")
@passphrase_file
@policy_file
@as_json
def find(
    folder: Path,
    table: str,
    where: str,
    actor: str,
    purpose: str,
    context: tuple[str, ...],
    fields: tuple[str, ...],
    last_four: bool,
    after: int,
    limit: int,
    passphrase_file: Path | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Find rows of TABLE by a value, each field as policy lets this actor see it; `COLUMN=-` reads it from input."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.cli.vault import say_alert
    from cartveil.guard.policy import Principal
    from cartveil.guard.vault import Outside

    column, equals, value = where.partition("=")
    if value == "-":
        value = sys.stdin.readline().strip()
    if not equals or not column:
        raise InputError("names no column and value", path="COLUMN=VALUE", hint="write it as `phone=13800138000`")
    name, role = parse_actor(actor)
    settings = read_settings(passphrase_file=passphrase_file, policy=policy)
    with open_vault(folder, replace(settings, outside=Outside(alert=say_alert))) as vault:
        found = vault.find(
            Principal(name, role, {}),
            table,
            {column: value},
            purpose=purpose,
            fields=fields or None,
            context=parse_context(context),
            last_four=last_four,
            after=after,
            limit=limit,
        )
    emit_rows([row for each in found.readings for row in each.rows.to_pylist()], as_json=as_json)
    talk(f"found {len(found)} rows of {len(found.readings)} consumers" + (" on this page" if found.next else ""))
    if found.next is not None:
        talk(f"more with --after {found.next}")
