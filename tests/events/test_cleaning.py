import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError
from cartveil.events.cleaning import BECAUSE, clean
from cartveil.events.kinds import Kind, Role
from cartveil.events.protected import Events
from cartveil.events.schema import Table, column_of

ORDERS = Table(
    "orders",
    "orders.csv",
    (
        column_of("order", Kind.ORDER_ID, role=Role.ORDER),
        column_of("item", Kind.PRODUCT, role=Role.ITEM),
        column_of("quantity", Kind.QUANTITY, role=Role.QUANTITY),
        column_of("time", Kind.EVENT_TIME, role=Role.TIME),
        column_of("price", Kind.AMOUNT, role=Role.AMOUNT),
        column_of("customer", Kind.USER_ID, role=Role.SUBJECT),
    ),
)
CUSTOMERS = Table(
    "customers",
    "customers.csv",
    (column_of("id", Kind.USER_ID, role=Role.SUBJECT), column_of("phone", Kind.PHONE)),
)
GOOD = {
    "order": "536365",
    "item": "85123A",
    "quantity": 6,
    "time": "2010-12-01 08:26",
    "price": 2.55,
    "customer": 17850,
}


def orders(*changes):
    """Return a good line, and one with each of the changes."""
    lines = [{**GOOD, "order": str(536365 + number), **change} for number, change in enumerate([{}, *changes])]
    return pa.Table.from_pylist(lines)


def cleaned(table, **choices):
    return clean(Events(table, ORDERS), **choices)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order": "C536379"}, "cancellation"),
        ({"quantity": -1}, "return"),
        ({"customer": None}, "missing subject"),
        ({"time": None}, "missing time"),
        ({"item": None}, "missing item"),
        ({"item": "  "}, "missing item"),
        ({"quantity": 0}, "impossible quantity"),
        ({"price": 0.0}, "impossible price"),
        ({"price": -5.0}, "impossible price"),
        ({"time": "1970-01-01 00:00"}, "date out of range"),
        ({"time": "2199-01-01 00:00"}, "date out of range"),
        ({"time": "2010-02-30 00:00"}, "wrong type: time"),
        ({"time": "soon"}, "wrong type: time"),
    ],
)
def test_a_line_is_set_aside_for(change, reason):
    result = cleaned(orders(change))
    assert result.kept.table.num_rows == 1
    assert result.set_aside[BECAUSE].to_pylist() == [reason]
    assert result.report.counts == {reason: 1}


def test_good_lines_are_kept_with_the_types_of_their_roles():
    kept = cleaned(orders({"item": " 85123b "})).kept.table
    assert kept["time"].to_pylist() == [dt.datetime(2010, 12, 1, 8, 26)] * 2
    assert kept["item"].to_pylist() == ["85123A", "85123B"]
    assert kept["quantity"].type == pa.int64()


def test_the_first_reason_counts_and_all_are_found():
    report = cleaned(orders({"order": "C5", "quantity": -1, "customer": None})).report
    assert report.counts == {"cancellation": 1}
    assert report.found == {"cancellation": 1, "return": 1, "missing subject": 1}


def test_a_line_equal_in_every_column_is_a_duplicate_once():
    table = pa.concat_tables([orders(), orders(), orders()])
    assert cleaned(table).report.counts == {"duplicate": 2}
    assert cleaned(table, keep_duplicates=True).report.counts == {}


def test_null_equals_null_in_duplicates():
    table = pa.Table.from_pylist([{**GOOD, "price": None}] * 2, schema=orders().schema)
    assert cleaned(table).report.counts == {"duplicate": 1}


def test_orders_that_all_begin_with_c_are_no_cancellations():
    assert cleaned(orders({"order": "C1"}).set_column(0, "order", pa.array(["C1", "C2"]))).report.counts == {}


def test_other_lines_are_no_products_where_a_pattern_says_what_one_is():
    table = orders({"item": "POST"}, {"item": "DOT"}, {"item": "71053"}, {"item": "85123a"})
    assert cleaned(table).report.counts == {}
    columns = tuple(replace(each, pattern="[0-9]{5}.*") if each.role is Role.ITEM else each for each in ORDERS.columns)
    assert clean(Events(table, replace(ORDERS, columns=columns))).report.counts == {"not a product": 2}


def test_no_event_may_be_later_than_the_latest():
    assert cleaned(orders(), latest=dt.datetime(2010, 11, 30)).report.counts == {"date out of range": 1}


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("2.55", 2.55),
        ("£2.55", 2.55),
        ("¥1,234.50", 1234.5),
        ("12元", 12.0),
        (" 7 ", 7.0),
        ("much", None),
        ("1,2", None),
    ],
)
def test_written_prices_are_read_or_set_aside(written, price):
    table = orders().set_column(4, "price", pa.array([written]))
    result = cleaned(table)
    assert result.kept.table["price"].to_pylist() == ([] if price is None else [price])
    assert result.report.counts == ({"wrong type: price": 1} if price is None else {})


@pytest.mark.parametrize("number", [20101201, 1291191960, 1291191960000])
def test_times_may_be_numbers(number):
    table = orders().set_column(3, "time", pa.array([number]))
    assert cleaned(table).kept.table["time"][0].as_py().date() == dt.date(2010, 12, 1)


def test_dates_that_may_be_two_days_are_set_aside_with_a_warning():
    result = cleaned(orders().set_column(3, "time", pa.array(["3/4/2010"])))
    assert result.report.counts == {"wrong type: time": 1}
    assert "`time` cannot be read as a time" in result.report.warnings[0]


def test_customers_that_a_spreadsheet_made_decimal_are_whole_again():
    table = orders({"customer": None}).set_column(5, "customer", pa.array([17850.0, None]))
    assert cleaned(table).kept.table["customer"].to_pylist() == [17850]


def test_a_table_of_customers_needs_only_a_subject():
    table = pa.table({"id": [1, 2, None, 2], "phone": [" 13812345678", "１３８", "x", "１３８"]})
    result = clean(Events(table, CUSTOMERS))
    assert result.report.counts == {"duplicate": 1, "missing subject": 1}
    assert result.kept.table["phone"].to_pylist() == ["13812345678", "１３８"]
    assert result.report.trimmed == {"phone": 1}
    assert result.report.warnings == ("`id` names the same subject in 1 rows more than once",)


def test_rows_set_aside_are_as_they_were():
    table = orders({"price": 0.0, "item": " x "})
    assert cleaned(table).set_aside.drop_columns(BECAUSE).to_pylist() == table.slice(1).to_pylist()


def test_an_all_null_column_is_named():
    table = orders().set_column(1, "item", pa.nulls(1, pa.string()))
    assert "`item` holds only NULL" in cleaned(table).report.warnings


def test_null_in_every_column_is_no_error():
    table = pa.table({name: pa.nulls(3) for name in GOOD})
    result = cleaned(table)
    assert result.set_aside.num_rows == 3
    assert result.report.nulls == dict.fromkeys(GOOD, 3)


def test_an_empty_table_stays_empty():
    assert cleaned(orders().slice(0, 0)).report.to_dict()["rows_kept"] == 0


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        (
            orders().rename_columns(["order", "item", "quantity", "tine", "price", "customer"]),
            "orders.time: the table lacks",
            "`tine`",
        ),
        (orders().append_column("extra", pa.array([1])), "orders.extra: the schema does not know", "cartveil.toml"),
        (orders().append_column("item", pa.array([1])), "orders.item: duplicate column", "own name"),
    ],
)
def test_columns_must_be_those_of_the_schema(table, message, hint):
    with pytest.raises(ColumnError, match=message) as caught:
        cleaned(table)
    assert hint in caught.value.hint


LINES = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["1", "2", "C3", None]),
        "item": st.sampled_from(["a", " b", "", None]),
        "quantity": st.sampled_from([-1, 0, 1, None]),
        "time": st.sampled_from(["2010-12-01", "1900-01-01", "soon", None]),
        "price": st.sampled_from(["1.5", "0", "much", None]),
        "customer": st.sampled_from([1, 2, None]),
    }
)
TYPES = pa.schema(
    {
        "order": pa.string(),
        "item": pa.string(),
        "quantity": pa.int64(),
        "time": pa.string(),
        "price": pa.string(),
        "customer": pa.int64(),
    }
)


@given(st.lists(LINES, max_size=30), st.booleans())
def test_every_row_is_kept_or_set_aside_and_the_counts_add_up(lines, keep_duplicates):
    table = pa.Table.from_pylist(lines, schema=TYPES)
    result = cleaned(table, keep_duplicates=keep_duplicates)
    assert result.kept.table.num_rows + result.set_aside.num_rows == table.num_rows
    assert (
        sum(result.report.counts.values())
        == result.set_aside.num_rows
        == result.report.rows_in - result.report.rows_kept
    )
    assert result.set_aside[BECAUSE].null_count == 0
    assert all(result.report.found[reason] >= count for reason, count in result.report.counts.items())
    assert table.to_pylist() == lines
