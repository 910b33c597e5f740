"""`erase`: one consumer or many, or what it would do."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cartveil.faces.cli.options import FILE, actor, as_json, parse_actor, passphrase_file, policy_file
from cartveil.faces.cli.output import emit_json, emit_rows, talk

if TYPE_CHECKING:
    from cartveil.guard.policy import Principal
    from cartveil.guard.vault import Vault

PROMPT = "This destroys the consumer's key and rows for good. Continue?"


@click.command()
@click.argument("folder", type=FILE)
@click.argument("subject", required=False)
@actor
@click.option("--file", "subjects", type=FILE, help="Erase everybody in this text file, one id a line.")
@click.option("--learned", type=FILE, help="Folder of releases and models that must forget as well.")
@click.option("--receipt", type=FILE, help="Write the signed receipt to this file; of many, one a line.")
@click.option("--dry-run", is_flag=True, help="Say what would go and what must be kept; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_file
@policy_file
@as_json
def erase(
    folder: Path,
    subject: str | None,
    actor: str,
    subjects: Path | None,
    learned: Path | None,
    receipt: Path | None,
    dry_run: bool,
    yes: bool,
    passphrase_file: Path | None,
    policy: Path | None,
    as_json: bool,
) -> None:
    """Erase one consumer: key, rows, tokens, releases; models are marked. Prints the signed receipt."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.files import refuse_existing

    if (subject is None) == (subjects is None):
        raise click.UsageError("name one SUBJECT, or a --file of them")
    refuse_existing(receipt)
    many = None if subjects is None else _read_subjects(subjects)
    if not (dry_run or yes):
        click.confirm(
            PROMPT if many is None else f"This destroys {len(many)} consumers for good. Continue?", abort=True
        )
    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        who = _principal(actor)
        if dry_run:
            _plan(vault, who, many or [str(subject)], learned=learned, as_json=as_json)
        elif many is not None:
            _erase_many(vault, who, many, learned=learned, receipt=receipt)
        else:
            _erase_one(vault, who, str(subject), learned=learned, receipt=receipt)


def _erase_one(vault: "Vault", who: "Principal", subject: str, *, learned: Path | None, receipt: Path | None) -> None:
    from cartveil.faces.files import write_json
    from cartveil.faces.forgetting import forget_in

    forget = (forget_in(learned),) if learned is not None else ()
    result: Mapping[str, object] = vault.erase(who, subject, forget=forget)
    _tell_kept([result])
    if receipt is None:
        emit_json(result)
        return
    write_json(receipt, result)
    talk(f"wrote {receipt}; anyone can check it with `cartveil verify {receipt}`")


def _erase_many(
    vault: "Vault", who: "Principal", subjects: list[str], *, learned: Path | None, receipt: Path | None
) -> None:
    import json

    from cartveil.faces.files import write_text
    from cartveil.faces.forgetting import forget_many_in

    forget = (forget_many_in(learned),) if learned is not None else ()
    receipts = vault.erase_many(who, subjects, forget=forget)
    lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in receipts)
    _tell_kept(receipts)
    talk(f"erased {len(receipts)} consumers")
    if receipt is None:
        click.echo(lines, nl=False)
    else:
        write_text(receipt, lines)
        talk(f"wrote {receipt}: one receipt a line, in the order of the ids")


def _tell_kept(receipts: list[Mapping[str, object]] | list[dict[str, object]]) -> None:
    """Say what had to be kept, by ground."""
    for receipt in receipts[:10]:
        kept = receipt.get("kept", {})
        for table, each in kept.items() if isinstance(kept, dict) else ():
            until = f" until {each['until']}" if each["until"] else ""
            talk(f"kept {each['rows']} rows of `{table}` on the ground `{each['ground']}`{until}; nobody can read them")


def _plan(vault: "Vault", who: "Principal", subjects: list[str], *, learned: Path | None, as_json: bool) -> None:
    from cartveil.faces.forgetting import affected_in

    affected = (affected_in(learned),) if learned is not None else ()
    plans = [vault.plan_erasure(who, subject, affected=affected) for subject in subjects]
    if as_json:
        emit_json(plans if len(plans) > 1 else plans[0])
        return
    for plan in plans:
        rows = [
            {"table": name, "deleted": each["deleted"], "kept": each["kept"], "ground": each.get("ground") or None,
             "until": each.get("until") or None}
            for name, each in plan["tables"].items()
        ]  # fmt: skip
        emit_rows(rows, as_json=False)
        talk(
            f"the key would be {plan['key']}; {plan['search_codes']} search codes and {len(plan['releases'])} releases"
        )
        for each in plan["affected"]:
            talk(f"releases to rewrite: {len(each['releases'])}, models to mark: {len(each['models'])}")
    talk("nothing was changed")


def _read_subjects(path: Path) -> list[str]:
    from cartveil.errors import InputError, ReadError

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ReadError("cannot be read as UTF-8 text", path=str(path), hint="write one id a line") from None
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise InputError("names nobody", path=str(path), hint="write one id a line")
    return found


def _principal(text: str) -> "Principal":
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})
