"""`budget`: how much privacy a purpose may cost the consumers of a table, and what is left of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cartveil.faces.cli.options import FILE, actor, as_json, parse_actor, passphrase_file, policy_file, purpose
from cartveil.faces.cli.output import emit_json, emit_rows, talk

if TYPE_CHECKING:
    from cartveil.guard.policy import Principal
    from cartveil.guard.vault import Vault


@click.group()
def budget() -> None:
    """Grant privacy budgets for training, release what was not used, and show what is left."""


@budget.command()
@click.argument("folder", type=FILE)
@click.argument("table")
@actor
@purpose
@click.option("--epsilon", type=float, required=True, help="How much privacy loss is added to the budget, such as 8.")
@click.option("--delta", type=float, required=True, help="How much of the chance to fail is added, such as 1e-5.")
@passphrase_file
@policy_file
@as_json
def grant(
    folder: Path, table: str, actor: str, purpose: str, epsilon: float, delta: float, passphrase_file: Path | None,
    policy: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Let trainings for a purpose cost the consumers of TABLE so much, once and for all; a second grant adds to it."""
    with _open(folder, passphrase_file, policy) as vault:
        made = vault.grant_budget(_principal(actor), table, purpose=purpose, epsilon=epsilon, delta=delta)
    talk(f"trainings on {table} for {purpose} may cost epsilon {made.epsilon:g} and delta {made.delta:g} in all")
    if as_json:
        emit_json(vars(made))


@budget.command()
@click.argument("folder", type=FILE)
@click.argument("reservation")
@actor
@click.option("--epsilon", type=float, required=True, help="How much of it stays spent.")
@click.option("--delta", type=float, required=True, help="How much of it stays spent.")
@passphrase_file
@policy_file
@as_json
def release(
    folder: Path, reservation: str, actor: str, epsilon: float, delta: float, passphrase_file: Path | None,
    policy: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Free all but a part of RESERVATION, of a training that ended; `cartveil audit` names it as its case."""
    with _open(folder, passphrase_file, policy) as vault:
        left = vault.release_budget(_principal(actor), reservation, epsilon=epsilon, delta=delta)
    talk(f"epsilon {float(left.epsilon):g} and delta {float(left.delta):g} of it stay spent")
    if as_json:
        emit_json(vars(left))


@budget.command()
@click.argument("folder", type=FILE)
@actor
@passphrase_file
@policy_file
@as_json
def show(folder: Path, actor: str, passphrase_file: Path | None, policy: Path | None, as_json: bool) -> None:
    """Show every budget: what was granted, what is left, and how many trainings reserved or spent of it."""
    with _open(folder, passphrase_file, policy) as vault:
        found = vault.budgets(_principal(actor))
    rows = [
        {"table": each.dataset, "purpose": each.purpose, "epsilon": each.epsilon, "epsilon left": each.epsilon_left,
         "delta": each.delta, "delta left": each.delta_left, "reserved": each.reserved, "spent": each.spent}
        for each in found
    ]  # fmt: skip
    emit_rows([vars(each) for each in found] if as_json else rows, as_json=as_json)
    if not found:
        talk("no budget was granted; `cartveil budget grant` grants one")


def _open(folder: Path, passphrase_file: Path | None, policy: Path | None) -> "Vault":
    from cartveil.faces.assemble import open_vault, read_settings

    return open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy))


def _principal(text: str) -> "Principal":
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})
