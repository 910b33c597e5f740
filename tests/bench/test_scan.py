"""The scan over the labelled columns of the bench, the half to develop on: what is reported must stay true."""

import pytest
from bench.columns import labelled_tables
from bench.columns.tables import written
from bench.scan import Scored, score

from cartveil.events.scanning import scan


@pytest.fixture(scope="module")
def columns(tmp_path_factory) -> list[Scored]:
    folder = tmp_path_factory.mktemp("columns")
    found = []
    for labelled in labelled_tables("developing"):
        right = {column.header: column.kinds for column in labelled.columns}
        table = written(labelled, folder, seed=11)
        found += [
            (labelled.name, each.column, right[each.column], str(each.kind), each.confidence)
            for each in scan({labelled.name: table}).evidence
        ]
    return found


def test_nearly_every_kind_is_named_rightly(columns):
    figures = score(columns)["headline"]
    assert figures["macro_f1"] >= 0.95
    assert figures["recall_direct"] >= 0.99


def test_no_column_that_names_somebody_would_stay_readable(columns):
    assert score(columns)["headline"]["kept_in_clear"] == 0


def test_scores_are_those_of_a_count_by_hand():
    columns = [
        ("t", "a", ("phone",), "phone", 0.9),
        ("t", "b", ("phone",), "category", 0.6),
        ("t", "c", ("category", "other"), "other", 0.3),
        ("t", "d", ("category",), "category", 0.6),
    ]
    figures = score(columns)
    assert figures["headline"] == {
        "macro_f1": pytest.approx((2 / 3 + 2 / 3 + 1) / 3),
        "recall_direct": 0.5,
        "accuracy": 0.75,
        "kept_in_clear": 1,
    }
    assert [wrong["column"] for wrong in figures["wrong"]] == ["b"]
