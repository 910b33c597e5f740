from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ColumnError, ModelError
from cartveil.insight.sequences import baskets_of, learn_vocabulary
from cartveil.insight.sequences.habits import buyers_of, habits_of, trends_of
from cartveil.insight.sequences.histories import histories_of
from cartveil.insight.sequences.occasions import cutoffs_before, occasions_at, occasions_with_target

EPOCH = datetime(1970, 1, 1)
ROWS = [
    ("a", 10, "pen", "1"),
    ("a", 10, "ink", "1"),
    ("a", 10, "pen", "1"),
    ("a", 11, "pen", "2"),
    ("b", 12, "cup", "3"),
    ("a", 13, "cup", "4"),
]


def _table(rows):
    return pa.table(
        {
            "subject": pa.array([row[0] for row in rows], pa.string()),
            "time": pa.array([EPOCH + timedelta(days=row[1]) for row in rows], pa.timestamp("us")),
            "item": pa.array([row[2] for row in rows], pa.string()),
            "order": pa.array([row[3] for row in rows], pa.string()),
        }
    )


def _baskets(rows, *, at_most=100):
    table = _table(rows)
    return baskets_of(table, learn_vocabulary(table["item"], at_most=at_most))


def test_an_order_is_a_basket_and_holds_each_item_once():
    baskets = _baskets(ROWS)
    assert baskets.owner.tolist() == [0, 0, 0, 1]
    assert baskets.day.tolist() == [10, 11, 13, 12]
    assert np.diff(baskets.offsets).tolist() == [2, 1, 1, 1]


def test_two_orders_of_one_hour_stay_apart_in_the_order_of_the_table():
    baskets = _baskets([("a", 5, "pen", "z"), ("a", 5, "ink", "b"), ("a", 5, "cup", "z")])
    assert np.diff(baskets.offsets).tolist() == [2, 1]


def test_without_orders_one_time_is_one_basket():
    table = _table(ROWS).drop_columns("order")
    baskets = baskets_of(table, learn_vocabulary(table["item"], at_most=9))
    assert np.diff(baskets.offsets).tolist() == [2, 1, 1, 1]


def test_whole_numbers_are_seconds_as_they_are_to_a_store():
    days = _table(ROWS)
    seconds = pa.array([row[1] * 86_400 for row in ROWS], pa.int64())
    vocabulary = learn_vocabulary(days["item"], at_most=9)
    one, other = (baskets_of(events, vocabulary) for events in (days, days.set_column(1, "time", seconds)))
    assert one.day.tolist() == other.day.tolist() == [10, 11, 13, 12]


@pytest.mark.parametrize("times", [pa.array(["1970-01-02"] * 6), pa.array([86_400.0] * 6), pa.array([True] * 6)])
def test_what_is_no_time_is_refused(times):
    table = _table(ROWS)
    table = table.set_column(1, "time", times)
    with pytest.raises(ColumnError, match=f"^time: `{times.type}` cannot be read as a time") as caught:
        baskets_of(table, learn_vocabulary(table["item"], at_most=9))
    assert "whole seconds" in caught.value.hint


def test_units_of_an_entry_are_those_of_all_its_lines_and_nothing_where_they_are_not_known():
    table = _table(ROWS)
    vocabulary = learn_vocabulary(table["item"], at_most=9)
    pen = vocabulary.words.index("pen") + 2
    counted = table.append_column("quantity", pa.array([2, 1, 3, None, -4, 7]))
    baskets = baskets_of(counted, vocabulary)
    units = dict(
        zip(zip(baskets.basket_of_entry.tolist(), baskets.items.tolist(), strict=True), baskets.units, strict=True)
    )
    assert np.expm1(units[0, pen]) == pytest.approx(5)
    assert np.expm1(units[1, pen]) == 0
    assert np.expm1(baskets.units[-2:]).tolist() == pytest.approx([7, 0])
    ranges = table.append_column("quantity", pa.array(["1-5"] * 6))
    assert not baskets_of(table, vocabulary).units.any()
    assert not baskets_of(ranges, vocabulary).units.any()


def test_habits_know_in_which_of_the_last_baskets_a_thing_was_and_how_many_units():
    rows = [("a", day, item, str(day)) for day, item in ((1, "pen"), (2, "ink"), (3, "pen"), (4, "cup"))]
    table = _table(rows).append_column("quantity", pa.array([1, 2, 3, 4]))
    vocabulary = learn_vocabulary(table["item"], at_most=9)
    baskets = baskets_of(table, vocabulary)
    habits = habits_of(baskets, occasions_at(baskets, 5))
    found = {vocabulary.word(item): row for item, row in zip(habits.item, habits.features.tolist(), strict=True)}
    assert found["pen"][19:24] == pytest.approx([0, 0.5, 1 / 3, 2 / 4, 2 / 4])  # in the last 1, 2, 3, 5, 10 of four
    assert found["cup"][19:24] == pytest.approx([1, 0.5, 1 / 3, 1 / 4, 1 / 4])
    assert found["pen"][26] == pytest.approx(np.log(2))  # one basket has come since
    usual = {"pen": (np.log(2) + np.log(4)) / 2, "ink": np.log(3), "cup": np.log(5)}
    assert found["pen"][27] == pytest.approx(usual["pen"])
    assert found["pen"][28] == pytest.approx(usual["pen"] - np.mean([*usual.values()]))
    assert found["pen"][29] == pytest.approx(np.log(4))


def test_unknown_items_leave_an_empty_basket():
    assert np.diff(_baskets(ROWS, at_most=1).offsets).tolist() == [1, 1, 0, 0]


def test_null_where_an_event_needs_a_value_is_a_clear_error():
    table = _table([*ROWS, ("c", 14, None, "5")])
    with pytest.raises(ModelError, match="`item` holds NULL"):
        baskets_of(table, learn_vocabulary(table["item"], at_most=9))


events = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.sampled_from("vwxyz"), st.sampled_from("12345")),
    min_size=1,
)


@given(events)
def test_baskets_agree_with_a_plain_dictionary(rows):
    found: dict[tuple[str, str], tuple[int, set[str]]] = {}
    for subject, day, item, order in rows:
        first, items = found.get((subject, order), (day, set()))
        found[subject, order] = (min(first, day), items | {item})
    baskets = _baskets(rows)
    assert len(baskets) == len(found)
    assert sorted(baskets.day.tolist()) == sorted(float(day) for day, _ in found.values())
    assert sorted(np.diff(baskets.offsets).tolist()) == sorted(len(items) for _, items in found.values())
    assert np.all(np.diff(baskets.owner) >= 0)


@given(events, st.integers(1, 30))
def test_what_is_counted_at_a_cutoff_does_not_change_with_the_future(rows, cutoff):
    vocabulary = learn_vocabulary(_table(rows)["item"], at_most=100)
    # An order number may come again years later; here each basket lies within one day.
    rows = [(subject, day, item, f"{order}-{day}") for subject, day, item, order in rows]
    past = [row for row in rows if row[1] < cutoff]
    if not past:
        return
    counted = [
        _table(part).append_column("quantity", pa.array([day % 7 for _, day, _, _ in part])) for part in (rows, past)
    ]
    all_time, before = (baskets_of(table, vocabulary) for table in counted)
    assert np.array_equal(trends_of(all_time, cutoff), trends_of(before, cutoff))
    # Consumers are numbered by first appearance, so compare what does not depend on the numbers.
    known = [occasions_at(baskets, cutoff) for baskets in (all_time, before)]
    habits = [habits_of(baskets, at) for baskets, at in zip((all_time, before), known, strict=True)]
    assert sorted(habits[0].features.tolist()) == sorted(habits[1].features.tolist())


def test_an_occasion_needs_a_past_and_a_basket_within_the_horizon():
    baskets = _baskets(ROWS)
    found = occasions_with_target(baskets, 12, horizon=5)
    assert (found.owner.tolist(), found.start.tolist(), found.end.tolist()) == ([0], [0], [2])
    assert len(occasions_with_target(baskets, 12, horizon=1)) == 0
    assert len(occasions_with_target(baskets, 10, horizon=5)) == 0


def test_habits_count_baskets_and_days():
    baskets = _baskets(ROWS)
    habits = habits_of(baskets, occasions_at(baskets, 12))
    counts = dict(
        zip(habits.item.tolist(), zip(habits.count.tolist(), habits.recency.tolist(), strict=True), strict=True)
    )
    pen, ink = (learn_vocabulary(_table(ROWS)["item"], at_most=9).words.index(word) + 2 for word in ("pen", "ink"))
    assert counts == {pen: (2, 1.0), ink: (1, 2.0)}
    assert np.isfinite(habits.features).all()


def test_buyers_are_counted_once_and_only_in_the_window():
    baskets = _baskets(ROWS)
    pen = learn_vocabulary(_table(ROWS)["item"], at_most=9).words.index("pen") + 2
    assert buyers_of(baskets, 14, window=10)[pen] == 1
    assert buyers_of(baskets, 14, window=2)[pen] == 0


def test_histories_hold_the_last_baskets_padded_on_the_right():
    baskets = _baskets(ROWS)
    histories = histories_of(baskets, occasions_at(baskets, 14), steps=2, width=4)
    assert histories.lengths.tolist() == [2, 1]
    assert (histories.items > 0).sum(-1).tolist() == [[1, 1], [1, 0]]
    # Days to the next basket, and to the cutoff after the last.
    assert np.expm1(histories.numeric[0, :, 0] * 4).round(3).tolist() == [2.0, 1.0]


def test_cutoffs_leave_their_whole_horizon_before_the_end():
    assert cutoffs_before(100, first=50, horizon=20, every=10, at_most=9) == (60, 70, 80)
    assert cutoffs_before(100, first=50, horizon=20, every=10, at_most=2) == (70, 80)
    assert cutoffs_before(1, first=1, horizon=0, every=1, at_most=9) == ()
