import copy
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend import evaluate, train_recommender
from cartveil.insight.decisions.recommend.samples import facts_at, sample_of
from cartveil.insight.decisions.recommend.training import _lift
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.occasions import occasions_with_target


def test_a_network_is_trained_and_its_card_compares_it_with_the_baselines(trained):
    assert trained.model is not None
    assert trained.card["scores_by"] == "network"
    assert set(trained.card["baselines"]) == {"popularity", "personal_popularity", "item_knn"}
    assert trained.card["metrics"]["all"]["ndcg@10"] > trained.card["baselines"]["popularity"]["all"]["ndcg@10"]


def test_the_card_holds_no_pseudonym(trained, shop):
    text = str(trained.card)
    assert not any(subject in text for subject in set(shop.table["subject"].to_pylist()))


def test_the_same_seed_gives_the_same_weights(trained, shop, small):
    again = train_recommender(shop, config=small)
    pairs = zip(trained.model.state_dict().values(), again.model.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_what_was_bought_before_is_lifted_where_the_held_out_period_says_so(trained, shop, small):
    baskets = baskets_of(shop.table, trained.vocabulary)
    held_out = trained.as_of - small.horizon
    asked = occasions_with_target(baskets, held_out, horizon=small.horizon)
    check = sample_of(baskets, asked, facts_at(baskets, held_out, ridge=small.ridge), steps=15, width=40)
    lifted = []
    for lowered in (0, 3, 4, 5, 6, 7, 8, 9, 10, 12):
        model = copy.deepcopy(trained.model)
        model.lift(-lowered)
        before = model.copy[-1].bias.item()
        _lift(model, check)
        lifted.append(model.copy[-1].bias.item() - before)
    assert lifted[0] == 0  # it is where it should be
    assert max(lifted) > 0.05


def test_events_from_until_on_are_not_looked_at(shop, small):
    until = datetime(2024, 5, 1)
    cut = train_recommender(shop, config=small, until=until)
    past = type(shop)(shop.table.filter(_before(shop, until)), shop.release, shop.mark)
    alone = train_recommender(past, config=small, until=until)
    assert torch.equal(cut.recent, alone.recent)
    assert torch.equal(cut.facts.weights, alone.facts.weights)
    pairs = zip(cut.model.state_dict().values(), alone.model.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_every_epoch_is_reported(shop, small):
    seen = []
    train_recommender(shop, config=small, on_epoch=seen.append)
    assert [epoch.number for epoch in seen] == [1, 2, 3]


def test_a_trained_recommender_can_be_evaluated_on_a_later_period(shop, small):
    since = datetime(2024, 6, 20)
    found = evaluate(train_recommender(shop, config=small, until=since), shop, since=since)
    assert found["consumers"] == 80
    assert found["all"]["recall@10"] > 0.8


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 1, "x", "1"), ("b", 2, "y", "2"), ("c", 3, "z", "3"), ("c", 4, "v", "4"), ("b", 5, "w", "5")],
        [("a", 1, "x", "1")],
        [(name, 7, item, name) for name in "abc" for item in "vwxyz"],
        [(f"c{number}", number / 10, f"i{number % 7}", f"{number}") for number in range(300)],
    ],
    ids=["three consumers, five items", "one event", "all at one time", "one event each"],
)
def test_with_too_little_to_learn_counts_decide(release, rows):
    events = release(rows)
    recommender = train_recommender(events)
    assert recommender.model is None
    assert recommender.card["scores_by"] == "counts"
    found = recommender.recommend(events.of(rows[0][0]), k=10)
    assert found[0].item in {row[2] for row in rows if row[0] == rows[0][0]}
    assert len({one.item for one in found}) == len(found) <= len({row[2] for row in rows})


def test_no_event_is_a_clear_error(release):
    with pytest.raises(ModelError, match="nothing to learn from"):
        train_recommender(release([]))


def test_no_event_before_until_is_a_clear_error(shop):
    with pytest.raises(ModelError, match="nothing to learn from"):
        train_recommender(shop, until=datetime(2020, 1, 1))


def test_a_missing_column_is_named(shop):
    without = type(shop)(shop.table.drop_columns("item"), shop.release, shop.mark)
    with pytest.raises(ModelError, match="no `item` column"):
        train_recommender(without)


def test_orders_and_descriptions_are_optional(shop, small):
    bare = type(shop)(shop.table.select(["subject", "time", "item"]), shop.release, shop.mark)
    recommender = train_recommender(bare, config=small)
    found = recommender.recommend(bare.of("c000"), k=3)
    assert [one.description for one in found] == ["", "", ""]


def _before(shop, until):
    return pc.less(shop.table["time"], pa.scalar(until, pa.timestamp("us")))


def test_a_recommender_is_not_judged_on_what_it_has_seen(trained, shop):
    with pytest.raises(ModelError, match="which the test asks for") as caught:
        evaluate(trained, shop, since=datetime(2024, 6, 20))
    assert "until=2024-06-20" in caught.value.hint


def test_an_order_that_a_wrong_clock_dated_changes_nothing(trained, shop, small, release):
    stray = release([("c000", 7000.0, "i00", "stray"), ("c000", 7000.0, "i01", "stray")])
    events = type(shop)(pa.concat_tables([shop.table, stray.table]), shop.release, shop.mark)
    said = []
    found = train_recommender(events, config=small, on_progress=said.append)
    assert found.card["data"]["set_aside"] == 2
    assert trained.card["data"]["set_aside"] == 0
    assert said[0].startswith("2 rows dated more than 30 days past")
    assert found.as_of == trained.as_of
    pairs = zip(trained.model.state_dict().values(), found.model.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
