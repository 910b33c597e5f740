import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.recommend.loading import load_recommender
from cartveil.insight.decisions.recommend.recommender import Recommender
from cartveil.insight.decisions.recommend.sequential import (
    PrivateSequenceConfig,
    SequenceConfig,
    SequenceRecommender,
    train_private_recommender,
    train_sequence_recommender,
)
from cartveil.insight.decisions.recommend.shelf import Article, shelf_of
from cartveil.insight.models.card import save_model
from cartveil.insight.models.config import read_config
from cartveil.insight.privacy.randomness import seeded_for_tests
from cartveil.insight.training.loop import TrainingConfig

PLAIN = SequenceConfig(
    hidden=16, dropout=0.0, spread=0.0, own=0.0, batch=64, training=TrainingConfig(epochs=2, learning_rate=1e-2)
)
PRIVATE = PrivateSequenceConfig(epsilon=8, delta=1e-5, own=0.0)
SMALL = TrainingConfig(epochs=1, learning_rate=1e-2)


@pytest.fixture(scope="module")
def plain(shop):
    return train_sequence_recommender(shop, config=PLAIN)


@pytest.fixture(scope="module")
def private(shop, catalogue):
    return train_private_recommender(shop, config=PRIVATE, catalogue=catalogue, random=seeded_for_tests(3))


def partner_found(recommender, release):
    """Of how many pairs does the second item come first after the first."""
    found = [recommender.recommend(release([("x", 1.0, f"{pair}a")]).table, k=1)[0].item for pair in range(8)]
    return sum(item == f"{pair}b" for pair, item in enumerate(found))


def test_a_plain_network_learns_what_follows(plain, release):
    assert partner_found(plain, release) == 8
    assert plain.card["metrics"]["ndcg@10"] > 1.5 * plain.card["baselines"]["popularity"]["ndcg@10"]
    assert set(plain.card["baselines"]) == {"lstm", "popularity", "markov", "item_knn"}
    assert plain.promise == ""


def test_the_same_seed_gives_the_same_lists(release, pairs, shop):
    config = replace(PLAIN, training=SMALL)
    one, other = (train_sequence_recommender(release(pairs(150)), config=config) for _ in range(2))
    assert one.recommend(shop.of("c00001")) == other.recommend(shop.of("c00001"))


def test_a_private_recommender_learns_what_goes_together_within_its_promise(private, release):
    assert partner_found(private, release) == 8
    privacy = private.card["privacy"]
    assert privacy["epsilon"] <= 8
    assert (privacy["delta"], privacy["unit"], privacy["relation"]) == (1e-5, "consumer", "add or remove one")


def test_seeded_randomness_promises_nothing(private):
    assert "NOTHING is promised" in private.promise
    assert private.card["privacy"]["secret"] is False


def test_a_private_card_tells_no_score(private):
    assert private.card["metrics"] == private.card["baselines"] == {}


def test_less_epsilon_is_more_noise(shop, catalogue):
    few = train_private_recommender(
        shop, config=PrivateSequenceConfig(epsilon=0.01, delta=1e-5), catalogue=catalogue, random=seeded_for_tests(3)
    )
    assert few.card["privacy"]["epsilon"] <= 0.01
    assert few.card["privacy"]["noise_multiplier"] > 100


def test_without_a_catalogue_only_items_of_many_are_known(release):
    rows = [(f"c{number}", 1.0, "common") for number in range(300)] + [("c0", 2.0, "of one alone")]
    found = train_private_recommender(release(rows), config=PRIVATE)  # the operating system's randomness
    assert found.vocabulary.words == ("common",)
    assert "epsilon" in found.promise
    assert found.descriptions == {}


def test_items_that_nobody_shares_are_a_clear_error(release):
    rows = [(f"c{number}", 1.0, f"own {number}") for number in range(50)]
    with pytest.raises(ModelError, match="no item was bought by enough consumers"):
        train_private_recommender(release(rows), config=PRIVATE)


def test_a_network_with_a_share_is_trained_within_the_same_promise(shop, catalogue):
    config = PrivateSequenceConfig(8, 1e-5, network=0.5, hidden=8, batch=400, training=SMALL)
    found = train_private_recommender(shop, config=config, catalogue=catalogue, random=seeded_for_tests(5))
    assert found.network is not None
    assert found.card["privacy"]["epsilon"] <= 8
    assert any("training" in line or "companions" in line for line in found.card["privacy"]["beside"])


def test_an_lstm_learns_the_noisy_pairs_from_walks_at_no_cost(private, shop, catalogue, release):
    config = replace(PRIVATE, walks=6000, hidden=16)
    found = train_private_recommender(shop, config=config, catalogue=catalogue, random=seeded_for_tests(3))
    assert found.card["privacy"] == private.card["privacy"]
    assert partner_found(replace(found, companions=None, mixture={"network": 1.0}), release) >= 6  # of 8


def test_own_purchases_come_first_and_are_no_part_of_the_model(shop, catalogue, release):
    config = PrivateSequenceConfig(epsilon=8, delta=1e-5, own=0.9)
    found = train_private_recommender(shop, config=config, catalogue=catalogue, random=seeded_for_tests(3))
    rows = [("x", day, "3a") for day in (1.0, 2.0)] + [("x", 3.0, "5b")]
    listed = found.recommend(release(rows).table, k=4)
    assert [(one.item, one.reason) for one in listed[:2]] == [
        ("3a", "bought 2 times before"),
        ("5b", "bought once before"),
    ]
    assert listed[0].description == "THING 3a"
    fresh = found.recommend(release(rows).table, k=2, exclude_bought=True)
    assert {one.item for one in fresh} == {"3b", "5a"}
    assert fresh[0].reason.startswith("often bought by those who bought THING ")


def test_somebody_new_is_told_what_is_popular(private, plain, shop):
    for recommender in (private, plain):
        listed = recommender.recommend(shop.table.slice(0, 0), k=3)
        assert len(listed) == 3
    assert private.recommend(shop.table.slice(0, 0), k=1)[0].reason == "popular"


def test_wrong_questions_are_refused(plain, shop):
    with pytest.raises(ModelError, match="several consumers"):
        plain.recommend(shop.table)
    with pytest.raises(ModelError, match="at least 1"):
        plain.recommend(shop.of("c00001"), k=0)


@pytest.mark.parametrize("kind", ["plain", "private"])
def test_a_loaded_recommender_gives_the_same_lists(kind, request, shop, tmp_path):
    trained = request.getfixturevalue(kind)
    trained.save(tmp_path)
    loaded = load_recommender(tmp_path)
    assert isinstance(loaded, SequenceRecommender)
    assert loaded.recommend(shop.of("c00007")) == trained.recommend(shop.of("c00007"))
    assert loaded.promise == trained.promise
    with pytest.raises(ModelError, match="is a `sequence recommender`"):
        Recommender.load(tmp_path)


def test_a_loaded_network_of_a_shelf_scores_alike(shop, catalogue, tmp_path):
    config = PrivateSequenceConfig(8, 1e-5, network=0.5, hidden=8, batch=400, training=SMALL)
    trained = train_private_recommender(shop, config=config, catalogue=catalogue, random=seeded_for_tests(5))
    trained.save(tmp_path)
    assert SequenceRecommender.load(tmp_path).recommend(shop.of("c00007")) == trained.recommend(shop.of("c00007"))


def test_a_card_that_lost_a_part_or_its_words_is_refused(private, tmp_path):
    private.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    for broken in ({"items": card["items"][::-1]}, {"mixture": None}):
        if broken.get("mixture", 0) is None:
            broken = {name: value for name, value in card.items() if name != "mixture"}
        else:
            broken = {**card, **broken}
        (tmp_path / "card.json").write_text(json.dumps(broken))
        with pytest.raises(ModelError):
            SequenceRecommender.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"mixture": {}},
        {"mixture": {"elsewhere": 1.0}},
        {"mixture": {"popularity": -1.0, "companions": 2.0}},
        {"mixture": {"popularity": "x"}},
        {"mixture": [1.0]},
        {"mixture": 5},
        {"own": "x"},
        {"own": None},
        {"own": 1.0},
        {"own": float("nan")},
        {"descriptions": None},
        {"descriptions": 5},
        {"network": 5},
        {"network": {"items": "x", "hidden": 4, "dropout": 7, "steps": 0, "private": True}},
        {"items": 5},
        {"items": None},
        {"privacy": 5},
        {"privacy": {"epsilon": None}},
        {"shared_weights": 5},
        {"config": 3},
    ],
    ids=str,
)
def test_a_damaged_card_is_refused_with_its_path(private, tmp_path, damage):
    private.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, **damage}))
    with pytest.raises(ModelError) as caught:
        load_recommender(tmp_path)
    assert str(tmp_path) in (caught.value.path or "")


@pytest.mark.parametrize("part", [{"epsilon": None}, {"epsilon": "x"}, {"beside": 5}, {"unheard": 1}], ids=str)
def test_a_card_whose_promise_cannot_be_told_is_refused(private, tmp_path, part):
    private.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "privacy": {**card["privacy"], **part}}))
    with pytest.raises(ModelError, match=r"do not fit together|no finite number"):
        load_recommender(tmp_path)


def test_a_plain_recommender_does_not_take_the_place_of_a_private_one(private, plain, tmp_path):
    private.save(tmp_path)
    with pytest.raises(ModelError, match="privacy statement") as caught:
        plain.save(tmp_path)
    assert caught.value.hint == "choose another --out"
    assert load_recommender(tmp_path).promise == private.promise


def test_what_is_no_recommender_is_refused_naming_both_kinds(tmp_path):
    save_model(tmp_path, {}, {"kind": "forecaster"})
    with pytest.raises(ModelError, match="is a `forecaster`, not a `recommender` or a `sequence recommender`"):
        load_recommender(tmp_path)


def test_a_plain_recommender_says_how_it_was_trained(plain, tmp_path):
    plain.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    assert read_config(SequenceConfig, card["config"], path=tmp_path) == PLAIN


def named(events):
    names = pa.array([f"THING {item}" for item in events["item"].to_pylist()], pa.string())
    return events.append_column("description", names)


@pytest.fixture(scope="module")
def described(release, pairs):
    few = release(pairs(150))
    return train_sequence_recommender(replace(few, table=named(few.table)), config=replace(PLAIN, training=SMALL))


def test_descriptions_come_from_the_release(described, shop):
    assert all(one.description == f"THING {one.item}" for one in described.recommend(shop.of("c00001"), k=3))


def test_reasons_name_what_was_bought_where_the_counts_speak(described, release):
    reason = described.recommend(release([("x", 1.0, "3a")]).table, k=1)[0].reason
    assert reason == "because of THING 3a: often bought after it"


def test_who_bought_only_what_the_model_does_not_know_is_matched_by_names(described, release):
    bought = release([("x", 1.0, "else")]).table.append_column("description", pa.array(["THING 5B"], pa.string()))
    found = described.recommend(bought, k=1)[0]
    assert (found.item, found.reason) == ("5b", "like THING 5B, which was bought")


def test_a_shelf_without_an_item_lists_the_next_best(plain, release):
    history = release([("x", 1.0, "3a")]).table
    articles = [Article(word) for word in plain.vocabulary.words if word != "3b"]
    shelf = shelf_of(plain.vocabulary, plain.descriptions, articles)
    assert plain.recommend(history, k=1)[0].item == "3b"
    assert "3b" not in {one.item for one in plain.recommend(history, k=20, shelf=shelf)}


def test_the_list_for_everybody_is_what_most_bought(plain):
    popularity = plain.popularity.tolist()
    listed = plain.recommend_to_anybody(3)
    assert [one.reason for one in listed] == ["popular"] * 3
    assert [one.score for one in listed] == pytest.approx(sorted(popularity, reverse=True)[:3])


def test_what_ships_learned_the_latest_items_too(release, pairs):
    rows = pairs(150) + [(f"c{number:05}", 99.0, "late") for number in range(150)]
    once, again = (
        train_sequence_recommender(release(rows), config=replace(PLAIN, again=again, training=SMALL))
        for again in (False, True)
    )
    late = once.vocabulary.ids(pa.chunked_array([["late"]]))[0]
    assert not (once.neighbours.follower == late).any()
    assert (again.neighbours.follower == late).any()


def test_clocks_that_go_back_and_events_told_twice_change_nothing(plain, release):
    rows = [("x", 1.0, "3a"), ("x", 3.0, "5b"), ("x", 2.0, "1a")]
    straight = plain.recommend(release(sorted(rows, key=lambda row: row[1])).table, k=4)
    assert plain.recommend(release(rows).table, k=4) == straight
    assert plain.recommend(release([*rows, rows[0]]).table, k=4) == straight


def test_a_history_with_one_event_or_with_unknown_items_only_gets_a_list(plain, release):
    assert len(plain.recommend(release([("x", 1.0, "3a")]).table, k=3)) == 3
    assert len(plain.recommend(release([("x", 1.0, "never seen")]).table, k=3)) == 3


def test_how_long_it_takes_is_said_before_the_first_epoch(release, pairs):
    said = []
    train_sequence_recommender(
        release(pairs(100)),
        config=replace(PLAIN, training=SMALL),
        on_epoch=said.append,
        on_progress=said.append,
    )
    assert "histories in about" in said[0]


@pytest.mark.parametrize(
    "damage", [{"memory": "x", "reach": 20}, {"memory": 0.5, "reach": 0}, {"memory": 2.0, "reach": 20}, 5, {}], ids=str
)
def test_a_card_whose_neighbours_make_no_sense_is_refused(plain, tmp_path, damage):
    plain.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "neighbours": damage}))
    with pytest.raises(ModelError, match="do not fit together"):
        load_recommender(tmp_path)


def test_a_model_saved_before_neighbours_were_counted_still_loads(release, pairs, tmp_path, shop):
    config = replace(PLAIN, memory=0.0, again=False, training=SMALL)
    forgetful = train_sequence_recommender(release(pairs(100)), config=config)
    old = replace(forgetful, neighbours=None, mixture={"network": 1.0})
    old.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    del card["neighbours"], card["network"]["memory"]
    (tmp_path / "card.json").write_text(json.dumps(card))
    loaded = load_recommender(tmp_path)
    assert loaded.network.shape.memory == 0.0
    assert [one.reason for one in loaded.recommend(shop.of("c00001"), k=1)]


def test_no_file_of_a_saved_recommender_holds_a_pseudonym(private, shop, tmp_path):
    private.save(tmp_path)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(subject.encode() in written for subject in set(shop.table["subject"].to_pylist()))


def test_too_few_histories_are_a_clear_error(release):
    with pytest.raises(ModelError, match="too few histories"):
        train_sequence_recommender(release([("a", 1.0, "x"), ("a", 2.0, "y")]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epsilon": 0},
        {"epsilon": float("inf")},
        {"delta": 1.5},
        {"own": 1.0},
        {"popularity": 0.6, "network": 0.5},
        {"shelf": 1},
    ],
)
def test_a_promise_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        PrivateSequenceConfig(**{"epsilon": 1.0, "delta": 1e-6, **wrong})


def test_chances_add_up_to_one(private, plain, shop):
    from cartveil.insight.decisions.recommend.sequential.item_histories import histories_of
    from cartveil.insight.sequences.baskets import baskets_of

    for recommender in (private, plain):
        part = histories_of(baskets_of(shop.table, recommender.vocabulary)).part(np.arange(5))
        assert recommender.scores_after(part).sum(1).tolist() == pytest.approx([1.0] * 5, abs=1e-4)


def test_a_private_card_tells_no_count_and_no_digest(shop, catalogue, release):
    everybody = shop.table
    but_one = release([("c00001", 1.0, "0a"), ("c00001", 2.0, "0b")])
    for events in (shop, but_one):
        card = train_private_recommender(events, config=PRIVATE, catalogue=catalogue).card
        assert card["data"] == {"release": {"purpose": "recommendation", "schema": "orders"}}
        assert set(card) == {"data", "privacy", "metrics", "baselines"}
        assert str(len(everybody)) not in json.dumps(card["data"])
