"""`init`, `put`, `read`, `export`, `verify`: the commands on a vault."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cartveil.errors import IntegrityError
from cartveil.faces.cli.keys import named_token, token_options
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
from cartveil.faces.cli.output import emit_json, emit_table, talk


@click.command()
@click.argument("folder", type=FILE)
@click.option("--schema", type=FILE, default="cartveil.toml", show_default=True, help="The schema to keep.")
@click.option("--database", metavar="ADDRESS", help="Keep it in PostgreSQL: `postgresql://user@host/db?schema=shop`.")
@token_options
@passphrase_file
def init(folder: Path, schema: Path, database: str | None, passphrase_file: Path | None, **token: Any) -> None:
    """Make a new vault and its keyring in FOLDER."""
    from cartveil.events.schema import load_schema
    from cartveil.faces.assemble import create_vault, read_settings

    settings = read_settings(passphrase_file=passphrase_file)
    if token["pkcs11_token"] is not None:
        settings = replace(settings, passphrase=None, token=named_token(**token))
    with create_vault(folder, load_schema(schema), settings, database=database) as vault:
        made = f"{vault.name} and {folder / 'keyring.json'}"
        key = "passphrase" if settings.passphrase else "token"
        talk(f"made {made}; without the {key} both are worthless")


@click.command()
@click.argument("folder", type=FILE)
@click.argument("table")
@click.argument("file", type=FILE)
@actor
@click.option("--set-aside", type=FILE, help="Write the rows that cleaning sets aside to this Parquet file.")
@passphrase_file
@policy_file
@as_json
def put(
    folder: Path,
    table: str,
    file: Path,
    actor: str,
    set_aside: Path | None,
    passphrase_file: Path | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Clean FILE, protect it, and store it as TABLE: all of it or nothing."""
    from cartveil.faces.assemble import open_vault, read_clean, read_settings
    from cartveil.faces.files import refuse_existing, write_parquet

    refuse_existing(set_aside)
    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        cleaned = read_clean(vault.schema, vault.schema.table(table), source=file)
        if set_aside is not None:
            write_parquet(set_aside, cleaned.set_aside)
        result = vault.put(_principal(actor), table, cleaned.kept.table)
    report = cleaned.report.to_dict()
    talk(f"stored {result.rows} rows of {result.subjects} consumers; set aside {cleaned.set_aside.num_rows}")
    for reason, count in report["counts"].items():
        talk(f"  {reason}: {count}")
    if as_json:
        emit_json({"rows": result.rows, "subjects": result.subjects, "values": result.values, "quality": report})


@click.command()
@click.argument("folder", type=FILE)
@click.argument("table")
@click.argument("subject")
@actor
@purpose
@context
@click.option("--field", "fields", multiple=True, help="Only this field; may be repeated.")
@click.option("--reveal", is_flag=True, help="Ask for the fields in clear, or for nothing.")
@passphrase_file
@policy_file
@as_json
def read(
    folder: Path,
    table: str,
    subject: str,
    actor: str,
    purpose: str,
    context: tuple[str, ...],
    fields: tuple[str, ...],
    reveal: bool,
    passphrase_file: Path | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Read one consumer's rows of TABLE, each field as policy lets this actor see it."""
    from cartveil.events.kinds import Method
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.guard.vault import Outside

    settings = read_settings(passphrase_file=passphrase_file, policy=policy)
    with open_vault(folder, replace(settings, outside=Outside(alert=say_alert))) as vault:
        look = vault.reveal if reveal else vault.read
        wanted = fields or tuple(
            column.name for column in vault.schema.table(table).columns if column.protect.method is not Method.DROP
        )
        reading = look(
            _principal(actor), table, subject, fields=wanted, purpose=purpose, context=parse_context(context)
        )
    for name, view in reading.views.items():
        talk(f"{name}: {view}")
    emit_table(reading.rows, as_json=as_json)


@click.command()
@click.argument("folder", type=FILE)
@actor
@purpose
@click.option("--recipient", required=True, help="Who receives it; pseudonyms differ from recipient to recipient.")
@click.option("--period", default="", help="Part of the pseudonyms' scope, such as `2026`.")
@click.option("--out", type=FILE, required=True, help="Parquet file to write.")
@click.option("--to", "public_key", type=FILE, help="RSA public key (PEM): encrypt the file to its owner.")
@click.option("--report", type=FILE, help="Write the report on risk and utility to this JSON file.")
@passphrase_file
@policy_file
@as_json
def export(
    folder: Path,
    actor: str,
    purpose: str,
    recipient: str,
    period: str,
    out: Path,
    public_key: Path | None,
    report: Path | None,
    passphrase_file: Path | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Write the events that a purpose may use, under pseudonyms, of consumers who agreed."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.files import refuse_existing, write_json, write_release
    from cartveil.faces.scoring import next_item_score
    from cartveil.guard.protect.risk import Study

    refuse_existing(out, report)
    study = Study(score=next_item_score if report is not None else None)
    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        result = vault.export(_principal(actor), purpose=purpose, recipient=recipient, period=period, study=study)
    if report is not None and result.report is not None:
        write_json(report, result.report.to_dict())
    write_release(out, result.events, public_key=public_key)
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in result.counts.items())
    talk(f"wrote {out}: {counted}")
    for line in result.report.in_words() if result.report is not None else ():
        talk(f"  {line}")
    if as_json:
        emit_json(dict(result.counts))


@click.command()
@click.argument("path", type=FILE)
@click.option("--key", "--public-key", help="Public key in hexadecimal that must have signed.")
@click.option("--audit", "audit_only", is_flag=True, help="Only the audit log; needs no passphrase.")
@click.option(
    "--checkpoint", type=FILE, help="What was kept elsewhere: a file of checkpoints, or a published log's folder."
)
@passphrase_file
@as_json
def verify(
    path: Path,
    key: str | None,
    audit_only: bool,
    checkpoint: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Check a receipt (a file), or a vault and its audit log (a folder)."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.checking import check_log, check_receipt, read_checkpoints

    if audit_only:
        facts = dict(check_log(path, key=key, checkpoint=checkpoint))
        if key is None or (checkpoint is None and "bundles" not in facts):
            talk("without --key and --checkpoint from elsewhere a log only vouches for itself")
    elif path.is_dir():
        with open_vault(path, read_settings(passphrase_file=passphrase_file)) as vault:
            kept = [] if checkpoint is None else read_checkpoints(checkpoint, public_key=vault.public_key)
            if key is not None and key.lower() != vault.public_key.hex():
                hint = "compare the key with the one that the shop published"
                raise IntegrityError("is signed with another key", path=str(path), hint=hint)
            facts = {**vault.verify(*kept), "public_key": vault.public_key.hex()}
    else:
        facts = dict(check_receipt(path, key=key, checkpoint=checkpoint))
    talk("verified")
    if as_json:
        emit_json(facts)
    else:
        for name, value in facts.items():
            click.echo(f"{name}: {value}")


def say_alert(entry: Mapping[str, object]) -> None:
    """Say on standard error that somebody broke the glass; a service manager's journal keeps it."""
    talk(f"alert: `{entry['actor']}` broke the glass of `{entry['table']}` ({entry['decision']}): {entry['reason']}")


def _principal(text: str):  # type: ignore[no-untyped-def]
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})
