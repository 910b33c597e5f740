"""Marks of a few rows equal those of many, whatever the cells are, and differ where a cell does."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.guard.keys import SecretKey
from cartveil.guard.vault.rows.marks import few_marks, row_marks
from cartveil.guard.vault.rows.storage import to_sqlite

KEY = SecretKey.generate()

COLUMNS = [
    pa.array([None, -128, 127], pa.int8()),
    pa.array([-(2**63), 2**63 - 1, None]),
    pa.array([0, None, 2**32 - 1], pa.uint32()),
    pa.array([0.1, float("nan"), None]),
    pa.array([float("inf"), -0.0, 0.0]),
    pa.array([True, False, None]),
    pa.array(["张三", "", None]),
    pa.array(["a\x00b", "nan", None], pa.large_string()),
    pa.array([b"\xff\x00", b"", None]),
    pa.array([0, -5, None], pa.date32()),
    pa.array([0, None, -86_400_000], pa.date64()),
    pa.array([1, None, -(2**62)], pa.timestamp("ns", "Asia/Shanghai")),
    pa.array([5, None, -5], pa.duration("ms")),
    pa.array([0, None, 86_399], pa.time32("s")),
    pa.array([["a", "b"], [], None]),
    pa.nulls(3),
]


def both(columns: list[pa.Array]) -> tuple[list[bytes], list[bytes] | None]:
    return row_marks(columns, KEY), few_marks([to_sqlite(each) for each in columns], [c.type for c in columns], KEY)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_few_equal_many(column: pa.Array) -> None:
    many, few = both([pa.array([1, 2, 3]), pa.array([7, None, 9]), column])
    assert few == many


@given(st.lists(st.tuples(st.none() | st.text(), st.none() | st.floats(), st.none() | st.binary()), max_size=8))
def test_few_equal_many_for_any_values(rows: list[tuple[str | None, float | None, bytes | None]]) -> None:
    kinds = (pa.string(), pa.float64(), pa.binary())
    columns = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)]
    many, few = both([pa.array(range(len(rows)), pa.int64()), pa.nulls(len(rows), pa.int64()), *columns])
    assert few == many
    assert len(set(many)) == len(rows)


@pytest.mark.parametrize("kind", [pa.float32(), pa.float16(), pa.uint64(), pa.decimal128(5, 2)])
def test_what_is_written_otherwise_is_left_to_the_batch(kind: pa.DataType) -> None:
    assert few_marks([[1], [None], ["1"]], [pa.int64(), pa.int64(), kind], KEY) is None


@pytest.mark.parametrize("cell", [1, 1.5, b"x", 2**70, "\ud800"])
def test_a_cell_of_another_type_is_left_to_the_batch(cell: object) -> None:
    kinds = {int: pa.string(), float: pa.int64(), bytes: pa.string(), str: pa.string()}
    assert few_marks([[1], [None], [cell]], [pa.int64(), pa.int64(), kinds[type(cell)]], KEY) is None
