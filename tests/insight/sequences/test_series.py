from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import ColumnError, InputError, ModelError
from cartveil.insight.sequences.series import DemandSeries, wide_series
from cartveil.insight.sequences.totals import period_totals


def months(**columns):
    count = len(next(iter(columns.values())))
    return pa.table({"month": [f"2024-{month:02d}" for month in range(1, count + 1)], **columns})


def test_a_wide_table_is_read_with_what_is_unknown():
    found = wide_series(months(b=[1, None, 3], a=[0.0, 2, 5]))
    assert found.items == ("a", "b")
    assert found.period == "month"
    np.testing.assert_array_equal(found.demand, [[0, 2, 5], [1, np.nan, 3]])


def test_months_follow_months_of_any_length():
    found = wide_series(months(a=[1] * 12))
    assert found.coming(3).astype(str).tolist() == ["2025-01-01", "2025-02-01", "2025-03-01"]


@pytest.mark.parametrize(("period", "following"), [("week", "2024-01-15"), ("day", "2024-01-09")])
def test_weeks_and_days_follow_each_other(period, following):
    days = np.array(["2024-01-01", "2024-01-08"], dtype="datetime64[D]")
    found = DemandSeries(("a",), days, np.ones((1, 2), np.float32), period=period)
    assert str(found.coming(1)[0]) == following


def test_a_gap_and_a_clock_that_goes_back_are_refused():
    for wrong in (["2024-01", "2024-03"], ["2024-02", "2024-01"], ["2024-01", "2024-01"]):
        with pytest.raises(InputError, match=r"month\[1\]"):
            wide_series(pa.table({"month": wrong, "a": [1, 2]}))


def test_negative_demand_is_refused_without_saying_how_much():
    with pytest.raises(InputError, match="a: demand is negative") as caught:
        wide_series(months(a=[1, -777]))
    assert "777" not in str(caught.value)


def test_no_period_is_an_error():
    with pytest.raises(ModelError, match="no period and no item"):
        wide_series(pa.table({"month": pa.array([], pa.string()), "a": pa.array([], pa.int64())}))


def test_cutting_and_choosing_keep_what_belongs_together():
    series = replace(
        wide_series(months(a=[1, 2, 3], b=[4, 5, 6])),
        prices=np.arange(6, dtype=np.float32).reshape(2, 3),
        lines=np.ones((2, 3), np.float32),
        categories=("x", "y"),
        descriptions=("cup", "mug"),
    )
    cut = series.before(2).of([1])
    assert (cut.items, cut.categories, cut.descriptions) == (("b",), ("y",), ("mug",))
    assert cut.demand.tolist() == [[4, 5]]
    assert cut.prices.tolist() == [[3, 4]]
    assert series.since(2).demand.tolist() == [[3], [6]]


def lines(*rows):
    days, items, quantities, prices = zip(*rows, strict=True)
    days = [np.datetime64(day, "s").astype(object) for day in days]
    return pa.table({"time": days, "item": items, "quantity": quantities, "price": prices, "category": list(items)})


def test_months_that_the_data_covers_in_part_are_left_out():
    rows = [("2024-01-15", "a", 9, 1.0), ("2024-02-01", "a", 1, 1.0), ("2024-03-31", "b", 2, 1.0)]
    found = period_totals(lines(*rows), period="month")
    assert found.starts.astype(str).tolist() == ["2024-02-01", "2024-03-01"]
    assert found.demand.tolist() == [[1, 0], [0, 2]]
    assert found.categories == ("a", "b")
    with pytest.raises(ModelError, match="no whole month"):
        period_totals(lines(rows[0]), period="month")


def test_days_are_whole_by_themselves():
    found = period_totals(lines(("2024-01-30", "a", 1, 2.0), ("2024-02-01", "a", 3, 2.0)), period="day")
    assert found.demand.tolist() == [[1, 0, 3]]


def test_the_price_is_the_mean_over_units_that_have_one():
    rows = [("2024-01-01", "a", 1, 4.0), ("2024-01-02", "a", 3, 2.0), ("2024-01-03", "a", 5, 0.0)]
    found = period_totals(lines(*rows, ("2024-01-14", "b", 1, None)), period="week")
    np.testing.assert_allclose(found.prices, [[2.5, np.nan], [np.nan, np.nan]])


@pytest.mark.parametrize("wrong", [["2024-01", "SECRET8999"], ["2024-01", None], ["2024-01", "2024-13"]])
def test_a_period_that_cannot_be_read_is_named_and_not_quoted(wrong):
    with pytest.raises(ColumnError, match=r"month\[1\]: is no period") as caught:
        wide_series(pa.table({"month": wrong, "a": [1, 2]}))
    assert "SECRET8999" not in str(caught.value)


def test_text_among_demand_is_refused_and_not_quoted():
    with pytest.raises(ColumnError, match="a: holds no numbers") as caught:
        wide_series(months(a=["1", "SECRET8999"], b=[1, 2]))
    assert "SECRET8999" not in str(caught.value)
