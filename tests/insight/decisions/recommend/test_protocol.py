from datetime import datetime

import pytest

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.recommend.config import RecommenderConfig
from cartveil.insight.decisions.recommend.protocol import NextBasketProtocol, evaluate_next_basket
from cartveil.insight.decisions.recommend.training import descriptions_of
from cartveil.insight.decisions.recommend.unseen import judge_unseen, shelf_of_unseen
from cartveil.insight.training.loop import TrainingConfig


@pytest.fixture(scope="module")
def quick() -> RecommenderConfig:
    training = TrainingConfig(epochs=1, learning_rate=5e-3, rates=(("copy", 2.0), ("gate", 2.0)))
    return RecommenderConfig(embedding=8, hidden=8, copy=8, ridge=5, horizon=20, training=training)


@pytest.fixture(scope="module")
def found(shop, quick):
    said = []
    evaluation = evaluate_next_basket(
        shop, seeds=(0, 1), protocol=NextBasketProtocol(config=quick), on_progress=said.append
    )
    return evaluation, said


def test_every_model_has_the_figures_that_the_benchmark_names(found):
    figures = found[0].to_dict()
    for model in ("recommender", "lstm", "counts", "personal_popularity", "popularity", "item_knn"):
        for part in ("all", "new"):
            assert set(figures[model][part]) == {"recall@10", "ndcg@10"}
    assert figures["recommender"]["all"]["ndcg@10"] > figures["popularity"]["all"]["ndcg@10"]


def test_only_what_is_trained_has_a_spread(found):
    assert set(found[0].spread) == {"recommender", "lstm"}


def test_intervals_hold_their_figures(found):
    for model, measures in found[0].intervals.items():
        for measure, interval in measures.items():
            part, name = measure.split(".")
            assert interval.low <= found[0].figures[model][part][name] <= interval.high


def test_the_periods_follow_from_the_data_and_are_told(found):
    protocol = found[0].protocol
    assert protocol["held_out_from"] < protocol["test_from"] < "2024-07-19"
    assert protocol["consumers"] == 80
    assert protocol["seeds"] == [0, 1]


def test_the_curve_has_a_line_for_each_model(found):
    (curve,) = found[0].curves
    assert set(curve.lines) == {"recommender", "lstm", "counts", "personal_popularity", "popularity", "item_knn"}


def test_how_long_training_takes_is_said_before(found):
    lines = found[1]
    assert lines[0] == "training 1 of 2, seed 0"
    assert lines[1].startswith("training takes about ")


def test_the_test_period_is_not_learned_from(shop, quick, release):
    since = datetime(2024, 6, 20)
    dates = NextBasketProtocol(since, datetime(2024, 5, 31), quick)
    whole = evaluate_next_basket(shop, seeds=(0,), protocol=dates)
    rows = shop.table.to_pylist()
    # What follows a consumer's first basket of the test period changes nothing.
    first: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row["time"]):
        if row["time"] >= since:
            first.setdefault(row["subject"], row["order"])
    kept = [row for row in rows if row["time"] < since or row["order"] == first[row["subject"]]]
    start = datetime(2024, 1, 1)
    cut = release([(r["subject"], (r["time"] - start).total_seconds() / 86400, r["item"], r["order"]) for r in kept])
    assert len(cut) < len(shop)
    assert evaluate_next_basket(cut, seeds=(0,), protocol=dates).figures == whole.figures


def test_items_that_nobody_had_bought_are_found_by_their_names(trained, release, shop):
    rows = [(r["subject"], 1.0, r["item"], "o1") for r in shop.table.slice(0, 300).to_pylist()]
    late = [(f"c{who:03}", 300.0, f"i{who % 5}{at} DELUXE", "late") for who in range(80) for at in range(5)]
    events = release([*rows, *late])
    names = descriptions_of(events.table)
    shelf = shelf_of_unseen(trained, events.table, names)
    by_name, chance = judge_unseen(trained, events.table, shelf, since=trained.as_of, horizon=1000)
    assert len(by_name) == len(chance) > 0
    assert by_name[:, 0].mean() > chance[:, 0].mean() + 0.1


def test_without_unseen_items_nothing_is_ranked(trained, shop):
    shelf = shelf_of_unseen(trained, shop.table, {})
    by_name, chance = judge_unseen(trained, shop.table, shelf, since=trained.as_of, horizon=1)
    assert len(by_name) == len(chance) == 0


def test_a_protocol_needs_a_seed_and_somebody_to_score(shop, release, quick):
    with pytest.raises(InputError, match="a seed"):
        evaluate_next_basket(shop, seeds=())
    with pytest.raises(ModelError, match="nothing to learn from"):
        evaluate_next_basket(release([]))
    with pytest.raises(ModelError, match="no consumer to score"):
        evaluate_next_basket(release([(f"c{at}", at, "x", "o") for at in range(9)]), protocol=NextBasketProtocol())
    with pytest.raises(ModelError, match="`item`"):
        evaluate_next_basket(type(shop)(shop.table.drop_columns("item"), shop.release, shop.mark))


def test_an_order_that_a_wrong_clock_dated_leaves_the_periods_as_they_are(shop, release, quick, found):
    rows = [
        (r["subject"], (r["time"] - datetime(2024, 1, 1)).days, r["item"], r["order"]) for r in shop.table.to_pylist()
    ]
    said = []
    whole = evaluate_next_basket(
        release([*rows, ("c000", 7000, "i00", "stray")]),
        seeds=(0,),
        protocol=NextBasketProtocol(config=quick),
        on_progress=said.append,
    )
    assert whole.protocol["set_aside"] == 1
    assert said[0].startswith("1 rows dated more than 30 days past")
    for name in ("held_out_from", "test_from", "consumers"):
        assert whole.protocol[name] == found[0].protocol[name]
    assert whole.figures["counts"] == found[0].figures["counts"]
