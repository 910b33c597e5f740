from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError, ModelError
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.sequences.weekly import weekly_demand, weekly_totals

MONDAY = datetime(2024, 1, 1)


def lines(*rows):
    times, items, quantities = zip(*rows, strict=True)
    return pa.table({"time": list(times), "item": list(items), "quantity": list(quantities)})


def day(number):
    return MONDAY + timedelta(days=number)


def test_weeks_covered_in_part_are_left_out():
    found = weekly_totals(lines((day(-3), "a", 9), (day(0), "a", 1), (day(13), "a", 2), (day(15), "a", 9)))
    assert found.starts.astype(str).tolist() == ["2024-01-01", "2024-01-08"]
    assert found.demand.tolist() == [[1, 2]]


def test_until_says_that_a_quiet_end_is_covered():
    rows = lines((day(0), "a", 1), (day(11), "a", 2))
    assert weekly_totals(rows).demand.tolist() == [[1]]
    assert weekly_totals(rows, until=date(2024, 1, 14)).demand.tolist() == [[1, 2]]


def test_returns_do_not_make_demand_negative():
    assert weekly_totals(lines((day(0), "a", 5), (day(1), "a", -9), (day(6), "b", 1))).demand.tolist() == [[5], [1]]


def test_lines_without_item_time_or_quantity_do_not_count():
    found = weekly_totals(lines((day(0), None, 5), (None, "a", 5), (day(0), "a", None), (day(6), "b", 1)))
    assert dict(zip(found.items, found.demand[:, 0].tolist(), strict=True)) == {"a": 0, "b": 1}


def test_times_with_a_zone_and_without_give_the_same_weeks():
    plain = lines((day(0), "a", 1), (day(6), "a", 2))
    zoned = plain.set_column(0, "time", plain["time"].cast(pa.timestamp("us", UTC)))
    assert weekly_totals(zoned).demand.tolist() == weekly_totals(plain).demand.tolist()


def test_descriptions_are_kept_where_there_are_any():
    rows = lines((day(0), "a", 1), (day(1), "b", 1), (day(6), "b", 1))
    rows = rows.append_column("description", pa.array([None, "mug", "mug"]))
    assert weekly_totals(rows).descriptions == ("", "mug")


def test_less_than_a_week_is_an_error_with_a_hint():
    with pytest.raises(ModelError, match="no whole week") as caught:
        weekly_totals(lines((day(1), "a", 1)))
    assert caught.value.hint


def test_missing_column_is_named():
    with pytest.raises(ColumnError, match="quantity"):
        weekly_totals(pa.table({"time": [MONDAY], "item": ["a"]}))


def test_before_hides_what_came_later():
    found = weekly_totals(lines((day(0), "a", 1), (day(20), "a", 7)))
    assert found.before(2).demand.tolist() == [[1, 0]]
    assert found.since(2).demand.tolist() == [[7]]


def test_a_release_is_summed_without_looking_at_its_subjects():
    table = lines((day(0), "a", 1), (day(6), "a", 2)).append_column("subject", pa.array(["p1", "p2"]))
    assert weekly_demand(ProtectedEvents(table, {}, ProtectionMark())).demand.tolist() == [[3]]


@given(st.lists(st.tuples(st.integers(0, 27), st.sampled_from("abc"), st.integers(1, 9)), min_size=1))
def test_every_unit_falls_into_one_week(rows):
    found = weekly_totals(
        lines(*((day(number), item, quantity) for number, item, quantity in rows), (day(0), "z", 0)),
        until=date(2024, 1, 28),
    )
    slow = np.zeros_like(found.demand)
    for number, item, quantity in rows:
        slow[found.items.index(item), number // 7] += quantity
    assert found.demand.tolist() == slow.tolist()


def test_what_a_unit_cost_is_taken_from_the_amount_of_a_release():
    rows = [(day(number), "ab"[number % 2], 2 + number % 3) for number in range(28)]
    plain = lines(*rows)
    paid = plain.append_column(
        "amount", pa.array([3.0 * units if item == "a" else 5.0 * units for _, item, units in rows])
    )
    found = weekly_demand(ProtectedEvents(paid, {}, ProtectionMark()))
    assert found.prices is not None
    assert np.allclose(found.prices, [[3.0] * 4, [5.0] * 4])
    assert weekly_demand(ProtectedEvents(plain, {}, ProtectionMark())).prices is None
