"""`purchase`: how likely each consumer is to buy within the horizon of a model."""

from datetime import datetime
from pathlib import Path

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_table, talk

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.argument("model", type=FILE)
@click.argument("events", type=FILE)
@click.option("--consumer", "consumers", multiple=True, help="Only this pseudonym; may be repeated.")
@click.option("--at", type=_DAY, help="First day of the horizon; else the day after the last event.")
@click.option("-k", type=click.IntRange(1), help="Only the most likely ones.")
@as_json
def purchase(
    model: Path, events: Path, consumers: tuple[str, ...], at: datetime | None, k: int | None, as_json: bool
) -> None:
    """Say how likely each consumer of EVENTS is to buy within the horizon that MODEL was trained for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cartveil.errors import UnknownSubjectError
    from cartveil.events.protected import load_protected
    from cartveil.faces.assemble import need_learning

    need_learning("purchase")
    from cartveil.insight.decisions.purchase import PurchaseModel

    found = PurchaseModel.load(model)
    table = found.probabilities(load_protected(events).table, at=at)
    talk(f"probability of a purchase within {found.config.horizon} days; {len(table):,} consumers are known")
    if at is not None and len(table):
        away = (at.date() - pc.max(table["last_visit"]).as_py()).days
        if away > found.config.horizon:
            talk(f"warning: the last visit known lies {away} days before --at; give newer events")
    if consumers:
        table = table.filter(pc.is_in(table["subject"], value_set=pa.array(consumers, pa.string())))
        if len(table) < len(set(consumers)):
            hint = "pseudonyms are in the column `subject` of the release; who came later is not known yet"
            raise UnknownSubjectError("a pseudonym is not known on this day", path=str(events), hint=hint)
    emit_table(table if k is None else table.slice(0, k), as_json=as_json)
