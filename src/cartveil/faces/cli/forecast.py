"""`forecast`: demand of the coming weeks, of whole categories with sums that agree, and what to order."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_table, talk

if TYPE_CHECKING:  # `cartveil --help` must not wait for Arrow
    import pyarrow as pa

_LEAD_TIME = 2


@click.command()
@click.argument("model", type=FILE)
@click.argument("events", type=FILE)
@click.option("--item", "items", multiple=True, help="Only this item; may be repeated.")
@click.option("--by", "columns", multiple=True, metavar="COLUMN", help="Sums over this column too; may be repeated.")
@click.option("--cold-start", is_flag=True, help="Draw items of a few weeks to what became of other launches.")
@click.option(
    "--launch", is_flag=True, help="Only what an item will sell that nobody has bought yet, by --by's groups."
)
@click.option("--service-level", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Give the order too.")
@click.option("--lead-time", type=click.IntRange(1), help=f"Weeks until it arrives.  [default: {_LEAD_TIME}]")
@click.option("--review", type=click.IntRange(0), default=0, help="Weeks until one can order again.")
@click.option("--stock", type=FILE, help="CSV of `item` and `stock`: units on hand and on order.")
@as_json
def forecast(
    model: Path,
    events: Path,
    items: tuple[str, ...],
    columns: tuple[str, ...],
    cold_start: bool,
    launch: bool,
    as_json: bool,
    **order: Any,
) -> None:
    """Forecast weekly demand by quantiles, or with --service-level how much to reorder."""
    from cartveil.errors import InputError
    from cartveil.events.protected import load_protected
    from cartveil.faces.assemble import need_learning

    need_learning("forecast")
    from cartveil.insight.decisions.forecast import Forecaster, reorder_quantity
    from cartveil.insight.decisions.forecast.horizon import periods_table, totals_table
    from cartveil.insight.sequences.weekly import weekly_demand

    _check(items, columns, launch, order)
    release = load_protected(events)
    demand, found = weekly_demand(release), Forecaster.load(model)
    forecaster = _with_peers(found, demand) if cold_start else found
    if launch:
        table = _launches(found.horizon, demand, release.table, columns)
    elif columns:
        table = _sums(forecaster, demand, release.table, columns)
    elif order["service_level"] is None:
        table = periods_table(forecaster, demand)
    else:
        asked = {name: order[name] for name in ("service_level", "review")}
        asked["lead_time"] = order["lead_time"] or _LEAD_TIME
        table = reorder_quantity(totals_table(forecaster, demand), **asked, stock=_stock(order["stock"], demand.items))
        if not all(table["forecast"].to_pylist()):
            talk("lead time and review reach beyond the horizon: demand is carried on there, an assumption")
    if unknown := sorted(set(items) - set(demand.items)):
        hint = "items are in the column `item` of the release"
        raise InputError(f"no item `{unknown[0]}` in this release", path=str(events), hint=hint)
    emit_table(_only(table, items), as_json=as_json)


def _check(items: Sequence[str], columns: Sequence[str], launch: bool, order: Mapping[str, Any]) -> None:
    from cartveil.errors import InputError

    given = {"--review": order["review"], "--stock": order["stock"], "--lead-time": order["lead_time"]}
    for path, value in given.items():
        if order["service_level"] is None and value:
            raise InputError("is for orders", path=path, hint="add --service-level, such as --service-level 0.95")
    if launch and items:
        raise InputError("speaks of items that nobody has bought yet", path="--launch", hint="leave out --item")
    if launch and (order["service_level"] is not None or len(columns) > 1):
        raise InputError("takes one --by, and no order", path="--launch", hint="leave the others out")
    if columns and order["service_level"] is not None:
        raise InputError("one orders items, not sums of them", path="--by", hint="leave out --by or --service-level")


def _with_peers(forecaster: Any, demand: Any) -> Any:
    from cartveil.insight.decisions.forecast.cold_start import cold_start

    found = cold_start(forecaster, demand)
    talk(f"{found.peers.launches} launches; their share of a first forecast: {found.share:.0%}")
    return found


def _launches(horizon: int, demand: Any, lines: "pa.Table", columns: Sequence[str]) -> "pa.Table":
    from dataclasses import replace

    from cartveil.insight.decisions.forecast.cold_start import launch_table, learn_peers
    from cartveil.insight.decisions.forecast.hierarchy import groups_in

    if columns:
        demand = replace(demand, categories=groups_in(lines, demand.items, column=columns[0]))
    peers = learn_peers(demand, horizon=horizon)
    talk(f"{peers.launches} launches are known")
    return launch_table(peers, demand.period)


def _sums(forecaster: Any, demand: Any, lines: "pa.Table", columns: Sequence[str]) -> "pa.Table":
    from cartveil.insight.decisions.forecast.coherent import coherent_forecast
    from cartveil.insight.decisions.forecast.hierarchy import groups_in, hierarchy_of

    groups = {column: groups_in(lines, demand.items, column=column) for column in columns}
    return coherent_forecast(forecaster, demand, hierarchy_of(demand.items, groups)).table()


def _only(table: "pa.Table", items: Sequence[str]) -> "pa.Table":
    """Return the rows of these items and of all that is no item; everything where none is named."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not items:
        return table
    wanted = pa.array(items, pa.string())
    if "node" not in table.column_names:
        return table.filter(pc.is_in(table["item"], value_set=wanted))
    return table.filter(pc.or_(pc.not_equal(table["level"], "item"), pc.is_in(table["node"], value_set=wanted)))


def _stock(file: Path | None, items: Sequence[str]) -> float | Mapping[str, float]:
    """Read units by item; an item that is not sold is told, for it may be misspelt."""
    from cartveil.errors import ColumnError
    from cartveil.events.reading import read_table

    if file is None:
        return 0.0
    table = read_table(file)
    for name in ("item", "stock"):
        if name not in table.column_names:
            raise ColumnError("stock is told by `item` and `stock`", path=f"{file}: {name}", hint="add the column")
    found = {}
    for row, (item, units) in enumerate(zip(table["item"].to_pylist(), table["stock"].to_pylist(), strict=True)):
        if str(item) in found:
            raise ColumnError("stands there twice", path=f"item[{row}]", hint="give each item once")
        try:
            found[str(item)] = float(units)
        except (TypeError, ValueError):
            raise ColumnError("is no number", path=f"stock[{row}]", hint="units on hand and on order") from None
    if strange := set(found) - set(items):
        talk(f"{len(strange)} items of {file} are not in the release")
    return found
