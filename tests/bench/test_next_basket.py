from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.next_basket import baseline, protected
from bench.report import mean_and_spread

from cartveil.faces import demo


@pytest.fixture(scope="module")
def raw():
    return pq.read_table(Path(demo.__file__).parent / "data" / "online_retail.parquet")


@pytest.fixture(scope="module")
def release(raw):
    return protected(raw)


# Expected: the figures of an independent evaluator; its popularity window and tie rule differ in the third decimal.
def test_personal_popularity_has_the_expected_figures_on_exactly_1538_consumers(release):
    found = baseline(release, "personal_popularity")
    assert found["consumers"] == 1538
    assert found["all"]["ndcg@10"] == pytest.approx(0.2935, abs=0.001)
    assert found["all"]["recall@10"] == pytest.approx(0.183, abs=0.001)


def test_item_neighbours_have_the_expected_figure_on_new_items(release):
    assert baseline(release, "item_knn")["new"]["ndcg@10"] == pytest.approx(0.0703, abs=0.002)


def test_times_to_the_hour_blur_which_basket_was_first_but_no_more(raw, release):
    minutes = baseline(release, "personal_popularity")["all"]["ndcg@10"]
    hours = baseline(protected(raw, width="1h"), "personal_popularity")["all"]["ndcg@10"]
    assert hours == pytest.approx(minutes, abs=0.01)


def test_the_release_holds_no_customer_number_and_no_invoice(raw, release):
    assert not set(release.table["subject"].to_pylist()) & set(raw["CustomerID"].cast(pa.string()).to_pylist())
    assert not set(release.table["order"].to_pylist()) & set(raw["InvoiceNo"].to_pylist())


def test_mean_and_spread_go_key_by_key():
    mean, spread = mean_and_spread([{"a": {"b": 1.0}}, {"a": {"b": 3.0}}])
    assert mean == {"a": {"b": 2.0}}
    assert spread == {"a": {"b": pytest.approx(2**0.5)}}
