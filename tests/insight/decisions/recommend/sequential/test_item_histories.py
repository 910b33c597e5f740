import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.decisions.recommend.sequential.companions import distinct
from cartveil.insight.decisions.recommend.sequential.item_histories import (
    ItemHistories,
    histories_from,
    histories_of,
)
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import Vocabulary

ROWS = st.lists(st.lists(st.integers(2, 9), max_size=8), min_size=1, max_size=6)


def as_lists(histories):
    return [part.tolist() for part in np.split(histories.items, histories.offsets[1:-1])]


@given(ROWS, st.integers(0, 9))
def test_parts_of_histories_are_those_of_lists(rows, count):
    histories = histories_from(rows, item_count=10)
    assert as_lists(histories) == rows
    assert as_lists(histories.without_last(count)) == [row[: max(len(row) - count, 0)] for row in rows]
    assert as_lists(histories.latest(count)) == [row[max(len(row) - count, 0) :] for row in rows]
    assert as_lists(histories.part(np.arange(len(rows))[::-1])) == rows[::-1]


@given(ROWS, st.integers(1, 9))
def test_the_item_at_a_place_counts_from_the_end(rows, place):
    expected = [row[-place] if place <= len(row) else 0 for row in rows]
    assert histories_from(rows, item_count=10).item_at(place).tolist() == expected


@given(ROWS, st.integers(1, 9))
def test_padding_stands_on_the_right(rows, steps):
    table = histories_from(rows, item_count=10).padded(steps)
    assert table.tolist() == [row[-steps:] + [0] * (steps - len(row[-steps:])) for row in rows]


@given(ROWS)
def test_distinct_keeps_where_an_item_was_bought_last(rows):
    expected = [list(dict.fromkeys(row[::-1]))[::-1] for row in rows]
    assert as_lists(distinct(histories_from(rows, item_count=10))) == expected


@pytest.mark.parametrize("rows", [[[]], [[], [3], []]])
def test_somebody_may_have_no_history(rows):
    assert as_lists(histories_from(rows, item_count=10)) == rows


def visiting(rows):
    """Return histories of rows of visits, in the order in which they stand here."""
    items = [item for row in rows for visit in row for item in visit]
    sizes = [len(visit) for row in rows for visit in row]
    offsets = np.cumsum([0, *(sum(map(len, row)) for row in rows)])
    return ItemHistories(offsets, np.array(items, np.int64), 10, np.repeat(np.arange(len(sizes)), sizes))


VISITS = st.lists(
    st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=4, unique=True), max_size=4), min_size=1, max_size=5
)


@given(VISITS, st.integers(0, 5))
def test_the_last_visits_are_left_out_whole(rows, count):
    histories = visiting(rows)
    kept = [[item for visit in row[: max(len(row) - count, 0)] for item in visit] for row in rows]
    assert as_lists(histories.without_last(count)) == kept
    assert histories.visits.tolist() == [len(row) for row in rows]
    assert histories.without_last(count).visits.tolist() == [max(len(row) - count, 0) for row in rows]


@given(VISITS, st.integers(1, 4))
def test_what_is_asked_for_is_the_first_new_item_of_a_visit(rows, place):
    expected = []
    for row in rows:
        visit = row[-place] if place <= len(row) else []
        before = {item for earlier in row[: max(len(row) - place, 0)] for item in earlier}
        expected.append(next((item for item in visit if item not in before), 0))
    assert visiting(rows).asked_at(place).tolist() == expected


@given(ROWS, st.integers(1, 9))
def test_without_baskets_each_item_is_a_visit_and_is_asked_for_once(rows, place):
    histories = histories_from(rows, item_count=10)
    assert histories.visits.tolist() == [len(row) for row in rows]
    expected = [row[-place] if place <= len(row) and row[-place] not in row[:-place] else 0 for row in rows]
    assert histories.asked_at(place).tolist() == expected


def bought_at_once(consumers, items=12):
    """Everybody buys the same basket, each at a moment of their own."""
    rows = [(f"c{who:03}", who, f"i{item:02}") for who in range(consumers) for item in range(items)]
    subject, time, item = zip(*rows, strict=True)
    return pa.table({"subject": subject, "time": pa.array(time, pa.int64()), "item": item})


WORDS = Vocabulary(tuple(f"i{number:02}" for number in range(12)))


def test_no_order_within_a_basket_tells_its_last_item():
    histories = histories_of(baskets_of(bought_at_once(300), WORDS))
    last = np.bincount(histories.item_at(1), minlength=WORDS.size)[2:]
    assert last.min() > 8  # 25 are expected of each; sorted by id it were one item only
    follows = np.diff(histories.items.reshape(300, 12), axis=1) > 0
    assert 0.4 < follows.mean() < 0.6


def test_what_a_history_is_does_not_depend_on_other_consumers():
    table = bought_at_once(20)
    alone = histories_of(baskets_of(table.slice(12 * 7, 12), WORDS))
    assert as_lists(histories_of(baskets_of(table, WORDS)))[7] == alone.items.tolist()
