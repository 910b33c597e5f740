"""Consumers of whom little is known, items that nobody has bought yet, and lists that look at nobody."""

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend import Article, ListTerms, Recommender, train_recommender
from cartveil.insight.decisions.recommend.listing import shelf_of
from cartveil.insight.sequences.vocabulary import Vocabulary


def shelf_with(trained, *more, **stocks):
    known = [Article(word, stock=stocks.get(word)) for word in trained.vocabulary.words]
    return shelf_of(trained.vocabulary, trained.descriptions, [*known, *more])


def test_a_first_event_already_moves_the_list_to_its_family(trained, release):
    for family in "024":
        events = release([("x", 199, f"i{family}0", "o")]).table
        found = trained.recommend(events, k=6, exclude_bought=True)
        assert sum(one.item.startswith(f"i{family}") for one in found) >= 4


def test_the_list_for_everybody_is_what_most_bought(trained):
    found = trained.recommend_to_anybody(5)
    assert [one.score for one in found] == trained.recent.sort(descending=True).values[:5].tolist()
    assert all(one.reason.startswith("popular: bought by ") for one in found)


def test_nothing_of_a_consumer_can_reach_the_list_for_everybody():
    assert [*inspect.signature(Recommender.recommend_to_anybody).parameters] == ["self", "k", "shelf", "terms"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 250), st.integers(0, 29)), min_size=1, max_size=8))
def test_the_list_for_everybody_is_the_same_whoever_was_served_before(trained, release, events):
    before = trained.recommend_to_anybody(5)
    rows = [("x", day, f"i{item // 6}{item % 6}", f"o{day}") for day, item in events]
    trained.recommend(release(rows).table, k=5, terms=ListTerms(diversity=0.5))
    assert trained.recommend_to_anybody(5) == before


def test_somebody_new_gets_what_everybody_gets(trained, shop):
    nobody = trained.recommend(shop.table.slice(0, 0), k=5)
    assert [one.item for one in nobody] == [one.item for one in trained.recommend_to_anybody(5)]


def test_a_new_item_follows_what_is_called_like_it(trained, shop):
    bought = shop.of("c007")["item"].value_counts().to_pylist()
    favourite = max(bought, key=lambda row: row["counts"])["values"]
    shelf = shelf_with(trained, Article("near", f"THING {favourite} DELUXE"), Article("far", "UNHEARD OF"))
    found = {one.item: place for place, one in enumerate(trained.recommend(shop.of("c007"), k=40, shelf=shelf))}
    assert found["near"] < found["far"]
    assert len(found) == 32
    (near,) = (one for one in trained.recommend(shop.of("c007"), k=40, shelf=shelf) if one.item == "near")
    assert near.reason.startswith(f"new, like THING {favourite}: bought ")


def test_a_new_item_that_was_bought_can_be_left_out(trained, release):
    shelf = shelf_with(trained, Article("fresh", "THING i00 DELUXE"))
    events = release([("x", 199, "i00", "o"), ("x", 199, "fresh", "o")]).table
    found = {one.item for one in trained.recommend(events, k=40, shelf=shelf, exclude_bought=True)}
    assert "fresh" not in found
    assert "i00" not in found
    assert "fresh" in {one.item for one in trained.recommend(events, k=40, shelf=shelf)}


def test_who_bought_only_what_the_model_does_not_know_is_known_by_its_name(trained, release):
    events = release([("x", 199, "i23 DELUXE", "o")]).table  # is called `THING i23 DELUXE`
    found = trained.recommend(events, k=3)
    assert found[0].item == "i23"
    assert found[0].reason == "like THING i23 DELUXE, which was bought"
    without = trained.recommend(events.drop_columns("description"), k=3)
    assert [one.item for one in without] == [one.item for one in trained.recommend_to_anybody(3)]


def test_what_is_out_of_stock_is_not_listed_however_often_it_was_bought(trained, shop):
    first = trained.recommend(shop.of("c007"), k=1)[0].item
    found = trained.recommend(shop.of("c007"), k=40, shelf=shelf_with(trained, **{first: 0}))
    assert len(found) == 29
    assert first not in {one.item for one in found}


def test_the_list_for_everybody_heeds_stock_and_limits_too(trained):
    articles = [Article(word, category=word[:2], stock=int(word != "i00")) for word in trained.vocabulary.words]
    shelf = shelf_of(trained.vocabulary, {}, articles)
    found = [one.item for one in trained.recommend_to_anybody(30, shelf=shelf, terms=ListTerms(per_category=1))]
    assert sorted(item[:2] for item in found) == ["i0", "i1", "i2", "i3", "i4"]
    assert "i00" not in found


def test_counts_alone_offer_the_same(release):
    rows = [(f"c{who}", day, f"i{(who + day) % 4}", f"o{who}{day}") for who in range(6) for day in range(3)]
    recommender = train_recommender(release(rows))
    shelf = shelf_of(recommender.vocabulary, recommender.descriptions, [Article("i1"), Article("n", "THING i1 TOO")])
    found = recommender.recommend(release(rows).of("c1"), k=5, shelf=shelf, terms=ListTerms(diversity=0.2))
    assert [one.item for one in found] == ["i1", "n"]


def test_a_new_item_does_not_inherit_that_its_relative_is_bought_again_and_again(release):
    rows = [(f"c{who}", day, item, f"o{day}") for who in range(4) for day in range(6) for item in ("tea", "cup")]
    events = release([*rows, ("x", 1, "cup", "1"), *(("x", day, "tea", f"{day}") for day in range(2, 7))])
    recommender = train_recommender(events)
    articles = [Article("tea", "GREEN TEA"), Article("cup", "CUP"), Article("new", "GREEN TEA TOO")]
    shelf = shelf_of(recommender.vocabulary, {}, articles)
    assert [one.item for one in recommender.recommend(events.of("x"), shelf=shelf)] == ["tea", "cup", "new"]


def test_a_shelf_of_another_model_is_refused(trained, shop):
    with pytest.raises(ModelError, match="another model"):
        trained.recommend(shop.of("c001"), shelf=shelf_of(Vocabulary(("a",)), {}))


def test_events_in_any_order_twice_or_in_the_future_give_a_list(trained, release):
    rows = [("x", 500, "i00", "late"), ("x", 3, "i01", "early"), ("x", 3, "i01", "early"), ("x", 90, "i02", "mid")]
    found = trained.recommend(release(rows).table, k=5)
    assert found == trained.recommend(release(rows[::-1]).table, k=5)
    assert "bought once, last within a day" in {one.reason for one in found}
