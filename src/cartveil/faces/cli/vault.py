"""`init`, `put`, `read`, `export`, `erase`, `verify`: the commands on a vault."""

from collections.abc import Mapping
from pathlib import Path

import click

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
@passphrase_file
def init(folder: Path, schema: Path, passphrase_file: Path | None) -> None:
    """Make a new vault and its keyring in FOLDER."""
    from cartveil.events.schema import load_schema
    from cartveil.faces.assemble import create_vault, read_settings

    with create_vault(folder, load_schema(schema), read_settings(passphrase_file=passphrase_file)):
        talk(f"made {folder / 'vault.db'} and {folder / 'keyring.json'}; without the passphrase both are worthless")


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

    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
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
    passphrase_file: Path | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Write the events that a purpose may use, under pseudonyms, of consumers who agreed."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.files import refuse_existing, write_release

    refuse_existing(out)
    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        result = vault.export(_principal(actor), purpose=purpose, recipient=recipient, period=period)
    write_release(out, result.events, public_key=public_key)
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in result.counts.items())
    talk(f"wrote {out}: {counted}")
    if as_json:
        emit_json(dict(result.counts))


@click.command()
@click.argument("folder", type=FILE)
@click.argument("subject")
@actor
@click.option("--learned", type=FILE, help="Folder of releases and models that must forget as well.")
@click.option("--receipt", type=FILE, help="Write the signed receipt to this file.")
@click.confirmation_option(prompt="This destroys the consumer's key and rows for good. Continue?")
@passphrase_file
@policy_file
def erase(
    folder: Path,
    subject: str,
    actor: str,
    learned: Path | None,
    receipt: Path | None,
    passphrase_file: Path | None,
    policy: Path | None,
) -> None:
    """Erase one consumer: key, rows, tokens, releases; models are marked. Prints the signed receipt."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.files import refuse_existing, write_json
    from cartveil.faces.forgetting import forget_in

    refuse_existing(receipt)
    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        forget = (forget_in(learned),) if learned is not None else ()
        result: Mapping[str, object] = vault.erase(_principal(actor), subject, forget=forget)
    if receipt is not None:
        write_json(receipt, result)
        talk(f"wrote {receipt}; anyone can check it with `cartveil verify {receipt}`")
    else:
        emit_json(result)


@click.command()
@click.argument("path", type=FILE)
@click.option("--key", help="Public key in hexadecimal that must have signed the receipt.")
@passphrase_file
@as_json
def verify(path: Path, key: str | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Check a receipt (a file), or a vault and its audit log (a folder)."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.checking import check_receipt

    if path.is_dir():
        with open_vault(path, read_settings(passphrase_file=passphrase_file)) as vault:
            facts = {**vault.verify(), "public_key": vault.public_key.hex()}
    else:
        facts = dict(check_receipt(path, key=key))
    talk("verified")
    if as_json:
        emit_json(facts)
    else:
        for name, value in facts.items():
            click.echo(f"{name}: {value}")


def _principal(text: str):  # type: ignore[no-untyped-def]
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})
