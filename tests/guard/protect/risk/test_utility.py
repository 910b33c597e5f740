import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.guard.protect.risk.utility import Change, change, links_kept


def test_numbers_and_times_are_compared_by_kolmogorov_and_smirnov() -> None:
    assert change(pa.array([1, 2, 3, 4]), pa.array([4, 3, 2, 1])) == Change("KS", 0.0)
    assert change(pa.array([1, 2, 3, 4]), pa.array([1, 2, 30, 40])) == Change("KS", 0.5)
    assert change(pa.array([1.0]), pa.array([2.0])) == Change("KS", 1.0)
    day = datetime.datetime(2026, 1, 1)
    times = pa.array([day, day + datetime.timedelta(days=1)], pa.timestamp("us"))
    assert change(times, times.cast(pa.timestamp("ms"))) == Change("KS", 0.0)
    assert change(pa.array(["2026-01-01T00:00:00"]), times[:1]) == Change("KS", 0.0)
    assert change(pa.array([day.date()]), pa.array([day.date()])) == Change("KS", 0.0)
    assert change(pa.array([Decimal("1.5")]), pa.array([Decimal("1.5"), None])) == Change("KS", 0.0)


def test_the_same_words_are_compared_by_total_variation() -> None:
    assert change(pa.array(list("aabb")), pa.array(list("abab"))) == Change("TV", 0.0)
    assert change(pa.array(list("aabb")), pa.array(list("aa"))) == Change("TV", 0.5)
    assert change(pa.array(list("aabb")), pa.array([], pa.string())) == Change("TV", 1.0)
    assert change(pa.nulls(3), pa.nulls(3)) == Change("TV", 0.0)


def test_coarser_words_are_told_by_the_entropy_that_is_left() -> None:
    assert change(pa.array(list("abcd")), pa.array(["ab", "ab", "cd", "cd"])) == Change("detail", 0.5)
    assert change(pa.array(list("aaaa")), pa.array(["*"] * 4)) == Change("detail", 1.0)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ((["a", "a", "b"], ["a", "b", "b"]), (["x", "x", "y"], ["x", "y", "y"]), 1.0),
        ((["a", "a", "b"], ["a", "b", "b"]), (["x", "x", "y"], ["p", "q", "q"]), 0.0),
        ((["a", "a"], ["a"]), (["x", None], ["x"]), 0.5),
        ((["a"], ["b"]), (["x"], ["y"]), None),
    ],
)
def test_joins_are_counted_in_pairs_of_rows(before, after, kept) -> None:  # type: ignore[no-untyped-def]
    left, right = ([pa.array(column, pa.string()) for column in pair] for pair in (before, after))
    assert links_kept((left[0], left[1]), (right[0], right[1])) == kept


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.lists(st.floats(-5, 5), min_size=1, max_size=20))
def test_the_distance_is_a_distance(first: list[float], second: list[float]) -> None:
    there, back = (change(pa.array(a), pa.array(b)) for a, b in ((first, second), (second, first)))
    assert there == back
    assert 0 <= there.value <= 1
    same = all(
        sum(x <= at for x in first) * len(second) == sum(x <= at for x in second) * len(first)
        for at in [*first, *second]
    )
    assert (there.value == 0) == same
