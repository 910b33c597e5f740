from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.next_basket import TEST, protected, table
from bench.report import mean_and_spread

from cartveil.faces import demo
from cartveil.insight.decisions.recommend import evaluate
from cartveil.insight.decisions.recommend.counts import count_neighbours, count_personal_popularity
from cartveil.insight.decisions.recommend.times import day_of
from cartveil.insight.decisions.recommend.training import events_before
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import learn_vocabulary


def counted(release, make):
    past = events_before(release.table, TEST)
    vocabulary = learn_vocabulary(past["item"], at_most=5000)
    return evaluate(make(baskets_of(past, vocabulary), vocabulary, until=day_of(TEST)), release, since=TEST)


@pytest.fixture(scope="module")
def raw():
    return pq.read_table(Path(demo.__file__).parent / "data" / "online_retail.parquet")


@pytest.fixture(scope="module")
def release(raw):
    return protected(raw)


# Expected: the figures of an independent evaluator; its popularity window and tie rule differ in the third decimal.
def test_personal_popularity_has_the_expected_figures_on_exactly_1538_consumers(release):
    found = counted(release, count_personal_popularity)
    assert found["consumers"] == 1538
    assert found["all"]["ndcg@10"] == pytest.approx(0.2935, abs=0.001)
    assert found["all"]["recall@10"] == pytest.approx(0.183, abs=0.001)


def test_item_neighbours_have_the_expected_figure_on_new_items(release):
    assert counted(release, count_neighbours)["new"]["ndcg@10"] == pytest.approx(0.0703, abs=0.002)


def test_times_to_the_hour_blur_which_basket_was_first_but_no_more(raw, release):
    minutes = counted(release, count_personal_popularity)["all"]["ndcg@10"]
    hours = counted(protected(raw, width="1h"), count_personal_popularity)["all"]["ndcg@10"]
    assert hours == pytest.approx(minutes, abs=0.01)


def test_the_release_holds_no_customer_number_and_no_invoice(raw, release):
    assert not set(release.table["subject"].to_pylist()) & set(raw["CustomerID"].cast(pa.string()).to_pylist())
    assert not set(release.table["order"].to_pylist()) & set(raw["InvoiceNo"].to_pylist())


def test_the_table_has_a_line_for_each_model_and_gaps_where_nothing_was_measured():
    part = {"recall@10": 0.1, "ndcg@10": 0.2}
    names = ("recommender", "lstm", "counts", "personal_popularity", "item_knn", "popularity")
    lines = table({**{name: {"all": part, "new": part} for name in names}, "chance": {"unseen": part}}).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [*names, "chance"]
    assert lines[-1].split() == ["chance", "0.2000"]


def test_mean_and_spread_go_key_by_key():
    mean, spread = mean_and_spread([{"a": {"b": 1.0}}, {"a": {"b": 3.0}}])
    assert mean == {"a": {"b": 2.0}}
    assert spread == {"a": {"b": pytest.approx(2**0.5)}}
