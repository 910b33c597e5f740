from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from cartveil.errors import ColumnError
from cartveil.insight.sequences.column_kinds import check_columns, check_kinds, check_numbered

SECRET = "SECRET8999"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("numbers", [1, 2]),
        ("numbers", [0.5, None]),
        ("numbers", [Decimal("1.5")]),
        ("whole numbers", [3]),
        ("timestamps", [datetime(2024, 1, 1, tzinfo=UTC)]),
        ("timestamps", [date(2024, 1, 1)]),
        ("lists", [["name"]]),
        ("numbers", [None, None]),
    ],
)
def test_what_fits_is_let_through(kind, values):
    check_kinds(pa.table({"a": values, "b": [SECRET] * len(values)}), {"a": kind, "missing": kind})


@pytest.mark.parametrize("kind", ["numbers", "whole numbers", "timestamps", "lists"])
def test_text_is_refused_and_not_quoted(kind):
    with pytest.raises(ColumnError, match=f"a: holds no {kind}") as caught:
        check_kinds(pa.table({"a": [SECRET]}), {"a": kind})
    assert SECRET not in str(caught.value) + caught.value.hint


def test_a_missing_column_and_a_row_without_a_number_are_named():
    with pytest.raises(ColumnError, match="b: judging needs this column"):
        check_columns(pa.table({"a": [1]}), {"a": "numbers", "b": None}, purpose="judging")
    with pytest.raises(ColumnError, match="a: a row has no number"):
        check_numbered(pa.table({"a": [1, None]}), "a")
    with pytest.raises(ColumnError, match="a: holds no whole numbers"):
        check_numbered(pa.table({"a": [SECRET]}), "a")
