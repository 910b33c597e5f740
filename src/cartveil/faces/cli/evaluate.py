"""`evaluate`: a task's whole protocol on your own data, beside the simple baselines."""

from pathlib import Path

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_json, emit_rows, talk
from cartveil.faces.evaluating import TASKS


@click.command()
@click.argument("task", type=click.Choice(TASKS))
@click.option("--data", type=FILE, required=True, help="A release, or a table or folder of your own; see the guide.")
@click.option("--test", type=FILE, help="What is scored, for `traces`; --data is then what is learnt from.")
@click.option("--column", "columns", multiple=True, metavar="OURS=YOURS", help="Your name of a column; repeatable.")
@click.option(
    "--period",
    type=click.Choice(["day", "week", "month"]),
    default="month",
    show_default=True,
    help="Of a row in a CSV of demand.",
)
@click.option("--seeds", type=click.IntRange(1, 20), default=3, show_default=True, help="Trainings to take means over.")
@click.option("--card", type=FILE, help="Folder for a page with figures, intervals and curves.")
@as_json
def evaluate(
    task: str,
    data: Path,
    test: Path | None,
    columns: tuple[str, ...],
    period: str,
    seeds: int,
    card: Path | None,
    as_json: bool,
) -> None:
    """Measure TASK on your data: what ships, the baselines, intervals over independent units."""
    from cartveil.faces.assemble import need_learning, now
    from cartveil.faces.evaluating import Asked
    from cartveil.faces.evaluating import evaluate as run
    from cartveil.faces.files import refuse_unwritable
    from cartveil.faces.model_cards import figures_of, rows_of, write_card

    need_learning("evaluate")
    if card is not None:
        refuse_unwritable(card)
    asked = Asked(data, test, _renamed(columns), period, tuple(range(seeds)), talk)
    found = run(task, asked)
    if card is not None:
        talk(f"wrote {write_card(card, found, data=data, now=now())}")
    if as_json:
        emit_json(figures_of(found))
        return
    emit_rows(rows_of(found), as_json=False)
    talk(f"* is what ships; seeds: {seeds}; --json says spread, intervals and protocol")


def _renamed(pairs: tuple[str, ...]) -> dict[str, str]:
    from cartveil.errors import InputError

    found = {}
    for pair in pairs:
        ours, equals, yours = pair.partition("=")
        if not equals or not ours or not yours:
            raise InputError(f"`{pair}` names no two columns", path="--column", hint="write it as `time=happened_at`")
        found[ours] = yours
    return found
