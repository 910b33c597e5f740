from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import ColumnError
from cartveil.insight.sequences.transactions import LARGEST_AMOUNT, transactions_of


def table_of(**changes: object) -> pa.Table:
    columns = {
        "transaction": ["a", "b", "c", "d"],
        "time": [datetime(2026, 1, day) for day in (3, 1, 2, 2)],
        "customer": ["x", "y", "x", "z"],
        "terminal": [7, 7, 8, 9],
        "amount": [1.0, 2.0, 3.0, 4.0],
        "fraud": [True, False, None, False],
    }
    return pa.table({**columns, **changes})


def test_transactions_come_in_order_of_time_and_keep_theirs_at_the_same_second() -> None:
    events = transactions_of(table_of())
    assert events.row.tolist() == [1, 2, 3, 0]
    assert (np.diff(events.seconds) >= 0).all()
    assert [events.customers[code].as_py() for code in events.customer] == ["y", "x", "z", "x"]
    assert [events.terminals[code].as_py() for code in events.terminal] == [7, 8, 9, 7]
    assert events.fraud.tolist() == [False, False, False, True]


@pytest.mark.parametrize("column", ["time", "customer", "terminal", "transaction", "amount"])
def test_a_row_without_a_value_is_left_out(column: str) -> None:
    values = table_of()[column].to_pylist()
    values[2] = None
    events = transactions_of(table_of(**{column: pa.array(values, table_of()[column].type)}))
    assert events.row.tolist() == [1, 3, 0]
    assert events.left_out == 1


def test_an_amount_that_is_no_number_is_left_out_and_a_huge_one_is_bounded() -> None:
    events = transactions_of(table_of(amount=[np.nan, np.inf, 1e12, -5.0]))
    assert events.row.tolist() == [2, 3]
    assert events.amount.tolist() == [LARGEST_AMOUNT, -5.0]


def test_a_transaction_that_comes_again_is_left_out() -> None:
    events = transactions_of(table_of(transaction=["a", "b", "a", "c"]))
    assert events.row.tolist() == [1, 2, 3]
    assert events.left_out == 1


def test_verdicts_may_be_missing() -> None:
    assert not transactions_of(table_of().drop_columns(["fraud"])).fraud.any()
    assert transactions_of(table_of(fraud=[1, 0, 0, 1])).fraud.tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("column", "values"), [("amount", ["1", "2", "3", "4"]), ("time", [1, 2, 3, 4]), ("reported", [1, 2, 3, 4])]
)
def test_a_column_of_another_type_is_refused(column: str, values: list[object]) -> None:
    with pytest.raises(ColumnError, match=column):
        transactions_of(table_of(**{column: values}))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ColumnError, match="terminal"):
        transactions_of(table_of().drop_columns(["terminal"]))


def test_an_empty_table_holds_no_transactions() -> None:
    assert len(transactions_of(table_of().slice(0, 0))) == 0


def test_a_report_that_came_after_the_delay_is_not_known_within_it() -> None:
    late, soon = datetime(2026, 2, 1), datetime(2026, 1, 5)
    events = transactions_of(table_of(fraud=[1, 1, 1, 0], reported=[late, soon, None, soon]))
    assert events.fraud.tolist() == [True, True, False, True]
    assert events.known_within(7 * 86400).tolist() == [True, True, False, False]
    assert events.known_within(40 * 86400).tolist() == events.fraud.tolist()
    assert transactions_of(table_of()).known_within(0).tolist() == [False, False, False, True]


@pytest.mark.parametrize("values", [["no", "no", "yes", "legit"], [0, 1, 2, 0], [-1.0, 0.0, 1.0, 0.0]])
def test_verdicts_other_than_0_and_1_are_refused_without_telling_them(values: list[object]) -> None:
    with pytest.raises(ColumnError) as caught:
        transactions_of(table_of(fraud=values))
    assert caught.value.path == "fraud"
    assert "legit" not in str(caught.value)


def test_a_row_that_a_wrong_clock_dated_is_left_out() -> None:
    count = 2000
    days = [datetime(2026, 1, 1 + row % 28, row % 24) for row in range(count)] + [datetime(2043, 1, 1)]
    rows = range(count + 1)
    table = pa.table(
        {"transaction": rows, "time": days, "customer": rows, "terminal": rows, "amount": [1.0] * (count + 1)}
    )
    events = transactions_of(table)
    assert (len(events), events.left_out) == (count, 1)
