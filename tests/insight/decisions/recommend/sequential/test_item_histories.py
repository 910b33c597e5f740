import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.decisions.recommend.sequential.companions import distinct
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from

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
