from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cartveil.guard.protect.columns import distinct_up_to, each_distinct, each_value, in_order

ROWS = 20_000


def numbered(numbers: Any) -> pa.Array:
    return pa.array([f"u{number}" for number in numbers])


COLUMNS = {
    "all distinct": numbered(range(ROWS)),
    "twice, far apart": numbered([*range(ROWS // 2), *range(ROWS // 2)]),
    "ten times, in any order": numbered(np.random.default_rng(0).integers(0, ROWS // 10, ROWS)),
    "runs of ten": numbered(np.repeat(np.arange(ROWS // 10), 10)),
    "runs of five, many rows": numbered(np.repeat(np.arange(24_000), 5)),
    "one value": numbered([1] * ROWS),
    "with gaps": pa.array([None if row % 3 == 0 else f"u{row}" for row in range(ROWS)]),
    "few rows": numbered(range(7)),
}


def counting() -> tuple[list[int], Callable[[pa.Array], pa.Array]]:
    seen: list[int] = []

    def change(values: pa.Array) -> pa.Array:
        assert values.null_count == 0
        seen.append(len(values))
        return pc.utf8_upper(values)

    return seen, change


@pytest.mark.parametrize("name", COLUMNS)
def test_each_value_gives_what_each_distinct_gives(name: str) -> None:
    column = COLUMNS[name]
    for form in (column, pa.chunked_array([column[:5], column[5:]]), column.dictionary_encode(), column[3:]):
        assert each_value(form, pc.utf8_upper).equals(each_distinct(form, pc.utf8_upper))


@pytest.mark.parametrize("name", ["ten times, in any order", "runs of ten", "runs of five, many rows", "one value"])
def test_what_repeats_often_is_changed_once(name: str) -> None:
    seen, change = counting()
    each_value(COLUMNS[name], change)
    assert seen == [len(pc.unique(COLUMNS[name]))]


def test_what_does_not_repeat_is_changed_as_it_stands() -> None:
    for name, present in (("all distinct", ROWS), ("with gaps", COLUMNS["with gaps"].drop_null())):
        seen, change = counting()
        each_value(COLUMNS[name], change)
        assert seen == [present if isinstance(present, int) else len(present)]


@pytest.mark.parametrize("distinct", [0, 1, 99, 100, 101, 5000])
def test_few_distinct_values_are_counted_and_many_are_known_to_be(distinct: int) -> None:
    sorted_column = numbered(np.sort(np.arange(ROWS) % max(distinct, 1))) if distinct else pa.nulls(ROWS, pa.string())
    found = distinct_up_to(sorted_column, 100)
    assert found == distinct if distinct < 100 else found >= 100


def test_parts_come_back_in_order_from_numbers_and_slices() -> None:
    letters = pa.array(list("abcdef"))
    assert in_order([slice(0, 2), slice(2, 6)], [letters[:2], letters[2:]]).equals(letters)
    rows = [np.array([5, 3]), slice(0, 3), np.array([4])]
    parts = [pa.array(["f", "d"]), letters[:3], letters[4:5]]
    assert in_order(rows, parts).equals(letters)
