"""`requests`, `access`, `correct`, `restrict`: what consumers ask for, and until when it must be answered."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cartveil.errors import InputError, ReadError
from cartveil.faces.cli.options import FILE, actor, as_json, parse_actor, passphrase_file, policy_file
from cartveil.faces.cli.output import emit_json, emit_rows, talk

if TYPE_CHECKING:
    from cartveil.guard.policy import Principal
    from cartveil.guard.vault import Vault
    from cartveil.guard.vault.rights.dossier import Dossier

KINDS = ("access", "correct", "restrict", "erase")
STATES = ("open", "in_progress", "done", "refused")
REFUSALS = ("legal_hold", "identity_not_proven", "manifestly_unfounded", "excessive", "rights_of_others", "withdrawn")
EXTENSIONS = ("complexity", "number_of_requests")
RESTRICTIONS = ("accuracy", "unlawful", "claim", "objection")

_SHOWN = ("id", "kind", "state", "received", "deadline", "extended", "ground", "outcome")

_learned = click.option("--learned", type=FILE, help="Folder of releases and models that learned from the consumer.")
_values = click.option("--values", type=FILE, help="JSON file with an object of column and new value.")
_set = click.option("--set", "pairs", multiple=True, metavar="FIELD=VALUE", help="A new value; may be repeated.")
_row = click.option("--row", type=int, help="Only this row, counted from 0 in the order of `read`; else all.")
_out = click.option("--out", type=FILE, help="JSON file to write, for its owner only; else standard output.")
_to = click.option("--to", "public_key", type=FILE, help="RSA public key (PEM): encrypt the file to its owner.")


@click.group()
def requests() -> None:
    """File, list, fulfil and refuse what consumers ask for."""


@requests.command("list")
@click.argument("folder", type=FILE)
@actor
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--overdue", is_flag=True, help="Only those whose day has passed; exit 1 where there are some.")
@passphrase_file
@policy_file
@as_json
def list_(
    folder: Path, actor: str, state: str | None, overdue: bool, passphrase_file: Path | None, policy: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """List requests, the most pressing first."""
    with _open(folder, passphrase_file, policy) as vault:
        found = vault.requests(_principal(actor), state=state, overdue=overdue)
    if as_json:
        emit_json([each.facts() for each in found])
    else:
        emit_rows([{name: each.facts()[name] or None for name in _SHOWN} for each in found], as_json=False)
    if overdue and found:
        talk(f"{len(found)} requests are overdue")
        raise click.exceptions.Exit(1)


@requests.command("file")
@click.argument("folder", type=FILE)
@click.argument("subject")
@actor
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What is asked for.")
@click.option("--days", type=click.IntRange(1, 30), default=30, show_default=True, help="To answer in.")
@passphrase_file
@policy_file
@as_json
def file_(
    folder: Path, subject: str, actor: str, kind: str, days: int, passphrase_file: Path | None, policy: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Write down that SUBJECT asked for something."""
    with _open(folder, passphrase_file, policy) as vault:
        made = vault.file_request(_principal(actor), subject, kind=kind, days=days)
    talk(f"filed {made.id}; to be answered by {made.deadline}")
    if as_json:
        emit_json(made.facts())
    else:
        click.echo(made.id)


@requests.command()
@click.argument("folder", type=FILE)
@click.argument("request_id")
@actor
@_out
@_to
@click.option("--table", default="", help="For a correction: which table.")
@_set
@_values
@_row
@click.option("--ground", type=click.Choice(RESTRICTIONS), default="objection", help="For a restriction.")
@_learned
@passphrase_file
@policy_file
def fulfil(
    folder: Path, request_id: str, actor: str, out: Path | None, public_key: Path | None, table: str,
    pairs: tuple[str, ...], values: Path | None, row: int | None, ground: str, learned: Path | None,
    passphrase_file: Path | None, policy: Path | None,
) -> None:  # fmt: skip
    """Do what request REQUEST_ID asks for, and close it: prints the dossier, the receipt or the outcome."""
    from cartveil.faces.files import refuse_existing
    from cartveil.guard.vault.rights.dossier import Dossier

    refuse_existing(out)
    with _open(folder, passphrase_file, policy) as vault:
        who = _principal(actor)
        kind = next((each.kind for each in vault.requests(who) if each.id == request_id), "")
        answer = vault.fulfil(
            who, request_id, table=table, values=_changes(pairs, values), row=row, ground=ground,
            forget=_told(kind, learned),
        )  # fmt: skip
    if isinstance(answer, Dossier):
        _write_dossier(answer, out, public_key)
    else:
        _write_json(_facts(answer), out)
    talk(f"done: {request_id}")


@requests.command()
@click.argument("folder", type=FILE)
@click.argument("request_id")
@actor
@click.option("--ground", type=click.Choice(REFUSALS), required=True, help="Why; it stands in the log.")
@passphrase_file
@policy_file
def refuse(
    folder: Path, request_id: str, actor: str, ground: str, passphrase_file: Path | None, policy: Path | None
) -> None:
    """Refuse request REQUEST_ID on a ground that the law knows."""
    with _open(folder, passphrase_file, policy) as vault:
        vault.refuse_request(_principal(actor), request_id, ground=ground)
    talk(f"refused {request_id}: {ground}; tell the consumer why, and that they may complain")


@requests.command()
@click.argument("folder", type=FILE)
@click.argument("request_id")
@actor
@click.option("--ground", type=click.Choice(EXTENSIONS), required=True, help="Why; it stands in the log.")
@passphrase_file
@policy_file
def extend(
    folder: Path, request_id: str, actor: str, ground: str, passphrase_file: Path | None, policy: Path | None
) -> None:
    """Give request REQUEST_ID 60 days more, once."""
    with _open(folder, passphrase_file, policy) as vault:
        after = vault.extend_request(_principal(actor), request_id, ground=ground)
    talk(f"extended {request_id} to {after.deadline}; tell the consumer within the first month")


@click.command()
@click.argument("folder", type=FILE)
@click.argument("subject")
@actor
@_out
@_to
@passphrase_file
@policy_file
def access(
    folder: Path, subject: str, actor: str, out: Path | None, public_key: Path | None, passphrase_file: Path | None,
    policy: Path | None,
) -> None:  # fmt: skip
    """Write everything that is held about SUBJECT as one JSON document, and nothing about anybody else."""
    from cartveil.faces.files import refuse_existing

    refuse_existing(out)
    with _open(folder, passphrase_file, policy) as vault:
        made = vault.access(_principal(actor), subject)
    _write_dossier(made, out, public_key)


@click.command()
@click.argument("folder", type=FILE)
@click.argument("table")
@click.argument("subject")
@actor
@_set
@_values
@_row
@_learned
@passphrase_file
@policy_file
@as_json
def correct(
    folder: Path, table: str, subject: str, actor: str, pairs: tuple[str, ...], values: Path | None, row: int | None,
    learned: Path | None, passphrase_file: Path | None, policy: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Replace values in SUBJECT's rows of TABLE. Use --values for what must not stand in the shell's history."""
    with _open(folder, passphrase_file, policy) as vault:
        done = vault.correct(
            _principal(actor), table, subject, _changes(pairs, values), row=row, changed=_told("correct", learned)
        )
    talk(f"corrected {', '.join(done['fields'])} in {done['rows']} rows")
    for each in done["changed"]:
        talk(f"models marked `needs retraining`: {len(each['models'])}")
    if as_json:
        emit_json(done)


@click.command()
@click.argument("folder", type=FILE)
@click.argument("subject")
@actor
@click.option("--ground", type=click.Choice(RESTRICTIONS), help="Why; GDPR art. 18(1).")
@click.option("--lift", is_flag=True, help="Lift the restriction instead.")
@passphrase_file
@policy_file
def restrict(
    folder: Path, subject: str, actor: str, ground: str | None, lift: bool, passphrase_file: Path | None,
    policy: Path | None,
) -> None:  # fmt: skip
    """Keep SUBJECT's data, but let nobody use it but themselves and compliance."""
    if lift == (ground is not None):
        raise click.UsageError("give a --ground, or --lift")
    with _open(folder, passphrase_file, policy) as vault:
        if ground is None:
            vault.lift_restriction(_principal(actor), subject)
        else:
            vault.restrict(_principal(actor), subject, ground=ground)
    talk("lifted" if ground is None else f"restricted: {ground}")


def _open(folder: Path, passphrase_file: Path | None, policy: Path | None) -> "Vault":
    from cartveil.faces.assemble import open_vault, read_settings

    return open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy))


def _principal(text: str) -> "Principal":
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})


def _told(kind: str, learned: Path | None) -> Sequence[Any]:
    from cartveil.faces.forgetting import forget_in, mark_in

    if learned is None:
        return ()
    return (mark_in(learned),) if kind == "correct" else (forget_in(learned),)


def _changes(pairs: Sequence[str], values: Path | None) -> dict[str, object]:
    """Return new values by field; a file's come first."""
    changes: dict[str, object] = {} if values is None else _read_object(values)
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InputError("a pair has no value", path="--set", hint="write it as `city=Leeds`")
        changes[name] = text
    return changes


def _read_object(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise ReadError("is no JSON", path=str(path), hint='write an object such as {"city": "Leeds"}') from None
    if not isinstance(found, dict):
        raise InputError("is no object", path=str(path), hint='write an object such as {"city": "Leeds"}')
    return found


def _write_dossier(made: "Dossier", out: Path | None, public_key: Path | None) -> None:
    from cartveil.faces.files import write_secret

    if out is None:
        if public_key is not None:
            raise InputError("what is encrypted goes to a file", path="--to", hint="name one with --out")
        click.echo(made.to_json(), nl=False)
        return
    write_secret(out, made.to_json(), public_key=public_key)
    rows = sum(table.num_rows for table in made.tables.values())
    talk(f"wrote {out}: {rows} rows of {len(made.tables)} tables")


def _write_json(value: object, out: Path | None) -> None:
    from cartveil.faces.files import write_json

    if out is None:
        emit_json(value)
    else:
        write_json(out, value)
        talk(f"wrote {out}")


def _facts(answer: object) -> object:
    """Return an outcome as JSON holds it; of a restriction everything but the consumer's code."""
    if isinstance(answer, Mapping):
        return answer
    return {name: value for name, value in vars(answer).items() if name != "lookup"}
