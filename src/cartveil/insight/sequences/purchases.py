"""Orders as an event stream: one row per order, told by how it stands to the consumer's own orders before it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.sequences.quantities import known_numbers, numbers_of
from cartveil.insight.sequences.relations import keys_of, mean_before, since_before, times_before
from cartveil.insight.sequences.streams import StreamSpec, clock_columns, numbers, seconds_of

_DAY = 86400

ORDER_SPEC = StreamSpec(
    fields=("hour", "day"),
    numeric=(
        "value",
        "units",
        "items",
        "largest_line",
        "share_of_new_items",
        "days_since_last",
        "value_against_habit",
        "units_against_habit",
        "items_against_habit",
    ),
    words=(
        ("value", "order value {value}; usual: {usual}"),
        ("units", "{value} units in one order; usual: {usual}"),
        ("items", "{value} different items; usual: {usual}"),
        ("largest_line", "{value} units of one item; usual: {usual}"),
        ("share_of_new_items", "{value} % of the items were never bought before by this consumer; usual: {usual} %"),
        ("days_since_last", "{value} days after the order before; usual: {usual}"),
        ("value_against_habit", "order value {value} times the consumer's usual"),
        ("units_against_habit", "{value} times as many units as this consumer's usual order"),
        ("items_against_habit", "{value} times as many different items as this consumer's usual order"),
        ("hour", "ordered between {value} o'clock; usual: {usual}"),
        ("day", "ordered on a {value}; usual: {usual}"),
    ),
)


def order_stream(events: ProtectedEvents, *, until: datetime | None = None) -> tuple[pa.Table, StreamSpec]:
    """Sum a release to orders and describe each against the consumer's own orders before it.

    Args:
        events: Needs subject, time, item and quantity. `amount`, where it stands, is what a line or what one unit cost;
            `is_price_per_unit` tells which. Lines of one subject and `order` are one order, or of one hour where a
            release has no orders.
        until: Lines of this moment or later do not decide what `amount` is; None to look at all.

    Returns:
        The stream, in order of time, and its spec; `index` counts orders, `order` names them, `actor` is the
        consumer's pseudonym. What `amount` is, is decided once for all rows; else nothing in a row depends on a later
        one.

    Raises:
        ColumnError: A needed column is missing, or `quantity` does not hold numbers.
    """
    return describe_orders(orders_of(order_lines(events), until=until)), ORDER_SPEC


def order_lines(events: ProtectedEvents) -> pa.Table:
    """Return the lines of a release, each with an order; see `order_stream`."""
    lines = events.table
    for name in ("subject", "time", "item", "quantity"):
        if name not in lines.column_names:
            raise ColumnError("watching orders needs this column", path=name, hint="export it, or name its role")
    if "order" not in lines.column_names:
        return lines.append_column("order", pc.floor_temporal(lines["time"], unit="hour").cast(pa.string()))
    return lines


def orders_of(lines: pa.Table, *, until: datetime | None = None) -> pa.Table:
    """Return actor, order, time, value, units, items, largest_line, new_items per order; see `order_stream`."""
    lines = lines.take(pa.array(np.argsort(seconds_of(lines["time"], unit="us"), kind="stable")))
    new = times_before(keys_of(lines["subject"], lines["item"])) == 0
    quantity = numbers_of(lines, "quantity")
    plain = pa.table(
        {
            "subject": lines["subject"].cast(pa.string()),
            "order": lines["order"].cast(pa.string()),
            "time": lines["time"],
            "item": lines["item"].cast(pa.string()),
            "quantity": quantity,
            "value": _line_values(lines, quantity, until),
            "new": pa.array(new.astype(np.float64)),
        }
    ).group_by(["subject", "order"], use_threads=False)
    found = plain.aggregate(
        [
            ("time", "min"),
            ("value", "sum"),
            ("quantity", "sum"),
            ("quantity", "max"),
            ("item", "count_distinct"),
            ("new", "sum"),
        ]
    )
    orders = pa.table(
        {
            "actor": found["subject"],
            "order": found["order"],
            "time": found["time_min"],
            "value": found["value_sum"],
            "units": found["quantity_sum"],
            "largest_line": found["quantity_max"],
            "items": found["item_count_distinct"].cast(pa.float64()),
            "new_items": found["new_sum"],
        }
    )
    return orders.take(pa.array(np.argsort(seconds_of(orders["time"], unit="us"), kind="stable")))


def _line_values(lines: pa.Table, quantity: NDArray[np.float64], until: datetime | None) -> NDArray[np.float64]:
    amount = known_numbers(lines, "amount")
    if amount is None:
        return quantity
    known = _before(lines["time"], until)
    per_unit = is_price_per_unit(amount[known], quantity[known], keys_of(lines["item"])[known])
    return amount * quantity if per_unit else amount


def _before(times: pa.ChunkedArray, until: datetime | None) -> NDArray[np.bool_]:
    """Return which times lie before a moment, all where it is None; without a zone it is taken as it stands."""
    if until is None:
        return np.ones(len(times), dtype=bool)
    moment = (until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return seconds_of(times, unit="us") < moment // timedelta(microseconds=1)


def is_price_per_unit(amount: NDArray[np.float64], quantity: NDArray[np.float64], items: NDArray[np.int64]) -> bool:
    """Return whether amounts are what one unit costs, and not what the line costs.

    A schema says `amount` for both. What a line costs grows with its quantity, the price of a unit does not: the slope
    of log amount over log quantity within the same item is near one, or near zero.
    """
    used = (amount > 0) & (quantity > 0) & (items >= 0)
    groups = np.unique(items[used], return_inverse=True)[1]
    count = np.maximum(np.bincount(groups), 1)
    paid, sold = np.log(amount[used]), np.log(quantity[used])
    paid -= (np.bincount(groups, weights=paid) / count)[groups]
    sold -= (np.bincount(groups, weights=sold) / count)[groups]
    varied = float((sold**2).sum())
    return varied > 0 and float((paid * sold).sum()) / varied < 0.5


def describe_orders(orders: pa.Table) -> pa.Table:
    """Add what an order is against those before it.

    Args:
        orders: actor, order, time, value, units, largest_line, items, new_items; in order of time.
    """
    seconds, actor = seconds_of(orders["time"]), keys_of(orders["actor"])
    columns = {name: orders[name] for name in ("actor", "order", "time", "value", "units", "items", "largest_line")}
    items = orders["items"].to_numpy()
    share = np.round(100 * np.minimum(orders["new_items"].to_numpy() / np.maximum(items, 1), 1))
    columns["share_of_new_items"] = numbers(np.where(times_before(actor) > 0, share, np.nan))
    columns["days_since_last"] = numbers(np.round(since_before(actor, seconds) / _DAY, 1))
    for name in ("value", "units", "items"):
        columns[f"{name}_against_habit"] = numbers(_against_habit(actor, orders[name].to_numpy()))
    columns |= dict(clock_columns(seconds))
    columns["index"] = pa.array(np.arange(orders.num_rows))
    return pa.table({name: columns[name] for name in ("index", "time", "actor", "order", *ORDER_SPEC.described)})


def _against_habit(actor: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    # The usual is the geometric mean: one large order must not make the next one look small.
    logs = np.log(np.maximum(values, 1e-2))
    return np.asarray(np.round(np.exp(logs - mean_before(actor, logs)), 2))
