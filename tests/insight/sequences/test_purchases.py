from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import ColumnError
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.sequences.purchases import is_price_per_unit, order_stream

START = datetime(2024, 3, 4, 9)


def release(*rows, drop=()):
    """Return lines of (subject, day, order, item, quantity, amount)."""
    names = ("subject", "time", "order", "item", "quantity", "amount")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    times = pa.array([START + timedelta(days=day) for day in table["time"].to_pylist()])
    table = table.set_column(1, "time", times).drop_columns(list(drop))
    return ProtectedEvents(table, {}, ProtectionMark())


def test_lines_of_an_order_are_summed():
    stream, _ = order_stream(release(("p1", 0, "o1", "a", 2, 10.0), ("p1", 0, "o1", "b", 1, 5.0)))
    (row,) = stream.select(["actor", "value", "units", "items", "largest_line"]).to_pylist()
    assert row == {"actor": "p1", "value": 15, "units": 3, "items": 2, "largest_line": 2}


def test_an_order_is_measured_by_the_consumers_own_orders_before_it():
    rows = [("p1", day, f"o{day}", "a", 1, 10.0) for day in range(3)]
    stream, _ = order_stream(release(*rows, ("p1", 9, "o9", "b", 1, 300.0), ("p2", 9, "o10", "a", 1, 10.0)))
    assert stream["value_against_habit"].to_pylist() == [None, 1, 1, 30, None]
    assert stream["share_of_new_items"].to_pylist() == [None, 0, 0, 100, None]
    assert stream["days_since_last"].to_pylist() == [None, 1, 1, 7, None]


def test_without_orders_the_lines_of_an_hour_are_one():
    rows = (("p1", 0, "x", "a", 1, 1.0), ("p1", 0, "y", "b", 1, 1.0), ("p1", 1, "z", "b", 1, 1.0))
    assert order_stream(release(*rows, drop=["order"]))[0].num_rows == 2


def test_without_amounts_units_stand_for_value():
    assert order_stream(release(("p1", 0, "o", "a", 4, 1.0), drop=["amount"]))[0]["value"].to_pylist() == [4]


@pytest.mark.parametrize("per_unit", [True, False])
def test_prices_per_unit_are_told_from_prices_per_line(per_unit):
    rng = np.random.default_rng(0)
    items, quantity = rng.integers(0, 9, 200), rng.integers(1, 20, 200).astype(float)
    price = 3.0 + items + rng.random(200)
    assert is_price_per_unit(price if per_unit else price * quantity, quantity, items) is per_unit


def test_missing_column_is_named():
    with pytest.raises(ColumnError, match="item"):
        order_stream(release(("p1", 0, "o", "a", 1, 1.0), drop=["item"]))
