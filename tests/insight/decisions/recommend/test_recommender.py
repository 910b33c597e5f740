import json
from dataclasses import replace

import pyarrow as pa
import pytest

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend import Recommender
from cartveil.insight.decisions.recommend.loading import load_recommender
from cartveil.insight.decisions.recommend.training import descriptions_of


def test_what_is_bought_again_and_again_comes_first(trained, shop):
    events = shop.of("c007")
    counts = events["item"].value_counts().to_pylist()
    favourites = {row["values"] for row in sorted(counts, key=lambda row: -row["counts"])[:3]}
    assert {found.item for found in trained.recommend(events, k=3)} == favourites


def test_the_list_is_as_long_as_asked_best_first_and_without_repeats(trained, shop):
    found = trained.recommend(shop.of("c001"), k=12)
    assert len({one.item for one in found}) == 12
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_list_longer_than_the_shop_holds_every_item_once(trained, shop):
    assert len(trained.recommend(shop.of("c001"), k=1000)) == 30


def test_bought_items_can_be_left_out(trained, shop):
    bought = set(shop.of("c001")["item"].to_pylist())
    found = trained.recommend(shop.of("c001"), k=1000, exclude_bought=True)
    assert len(found) == 30 - len(bought)
    assert not bought & {one.item for one in found}


def test_the_reason_for_a_bought_item_counts_its_baskets(release, trained):
    rows = [("x", day, "i00", f"o{day}") for day in (3, 50, 170.5)] + [("x", 170.5, "i01", "o170.5")]
    reasons = {one.item: one.reason for one in trained.recommend(release(rows).table, k=30)}
    days = int(trained.as_of - (19723 + 170.5))  # 1 January 2024 is day 19,723
    assert reasons["i00"] == f"bought 3 times, last {days} days ago"
    assert reasons["i01"] == f"bought once, last {days} days ago"


def test_the_reason_for_a_new_item_names_a_bought_one_or_its_buyers(trained, release):
    events = release([("x", 190, "i00", "o1"), ("x", 190, "i31", "o1")]).table
    reasons = {one.item: one.reason for one in trained.recommend(events, k=30, exclude_bought=True)}
    assert reasons["i02"] == "because of THING i00: who bought it often bought this"
    assert reasons["i35"] == "because of THING i31: who bought it often bought this"
    assert reasons["i20"].startswith("popular: bought by ")


def test_descriptions_stand_beside_items(trained, shop):
    assert all(one.description == f"THING {one.item}" for one in trained.recommend(shop.of("c001"), k=3))


def test_somebody_without_events_gets_what_is_popular(trained, shop):
    found = trained.recommend(shop.table.slice(0, 0), k=3)
    assert len(found) == 3
    assert all(one.reason.startswith("popular") for one in found)


def test_unknown_items_are_passed_over(trained, release):
    assert len(trained.recommend(release([("x", 100, "never seen", "o")]).table, k=3)) == 3


def test_events_of_two_consumers_are_refused(trained, shop):
    with pytest.raises(ModelError, match="several consumers"):
        trained.recommend(shop.table)


def test_a_list_of_nothing_is_refused(trained, shop):
    with pytest.raises(ModelError, match="at least 1"):
        trained.recommend(shop.of("c001"), k=0)


def test_a_loaded_recommender_gives_the_same_lists(trained, shop, tmp_path):
    trained.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    for subject in ("c000", "c041"):
        assert loaded.recommend(shop.of(subject)) == trained.recommend(shop.of(subject))
    assert loaded.config == trained.config


def test_no_file_of_a_saved_recommender_holds_a_pseudonym(trained, shop, tmp_path):
    trained.save(tmp_path)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(subject.encode() in written for subject in set(shop.table["subject"].to_pylist()))


def test_a_card_that_lost_a_part_is_refused(trained, tmp_path):
    trained.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    del card["items"]
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="do not fit together"):
        Recommender.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"config": 3},
        {"config": {}},
        {"config": {"hidden": "x"}},
        {"config": {"training": 5}},
        {"config": {"unheard": 1}},
        {"items": None},
        {"items": "word"},
        {"items": [1, 2]},
        {"descriptions": None},
        {"as_of": "x"},
        {"as_of": float("nan")},
        {"shared_weights": {"a": ["b"]}},
    ],
    ids=str,
)
def test_a_damaged_card_is_refused_with_its_path(trained, tmp_path, damage):
    trained.save(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, **damage}))
    with pytest.raises(ModelError) as caught:
        load_recommender(tmp_path)
    assert str(tmp_path) in (caught.value.path or "")


def test_an_item_without_a_name_has_no_description():
    table = pa.table({"item": ["a", None, "a", "b"], "description": ["THING", "NOTHING", "THING", None]})
    assert descriptions_of(table) == {"a": "THING"}


def test_a_consumer_whose_pseudonym_is_a_number_is_found_by_its_text(trained, shop):
    numbers = pa.array([int(name[1:]) for name in shop.table["subject"].to_pylist()])
    place = shop.table.column_names.index("subject")
    numbered = replace(shop, table=shop.table.set_column(place, "subject", numbers))
    assert trained.recommend(numbered.of("7"), k=5) == trained.recommend(shop.of("c007"), k=5)
    assert len(numbered.of("nobody")) == 0
    assert len(numbered.without(["7"])) == len(shop) - len(shop.of("c007"))
