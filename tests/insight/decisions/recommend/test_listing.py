"""What every recommender offers beside its scores."""

import inspect

import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.recommend.listing import Article, ListTerms, listed, most_bought, shelf_of
from cartveil.insight.sequences.vocabulary import Vocabulary

KNOWN = Vocabulary(("mug", "cup", "rake", "hose"))
NAMES = {"mug": "RED MUG", "cup": "BLUE MUG", "rake": "GARDEN RAKE", "hose": "GARDEN HOSE"}
SCORES = torch.tensor([9.0, 9.0, 4.0, 3.0, 2.0, 1.0])


def items(shelf, k=10, scores=SCORES, **more):
    return [each.item for each in listed(scores, shelf, k, reason=str, **more)]


def test_the_best_come_first_and_reserved_ids_never():
    assert items(shelf_of(KNOWN, NAMES), 3) == ["mug", "cup", "rake"]
    assert items(shelf_of(KNOWN, NAMES)) == ["mug", "cup", "rake", "hose"]


def test_only_what_the_shop_sells_and_has_in_stock_is_listed():
    shelf = shelf_of(KNOWN, NAMES, [Article("mug", stock=0), Article("cup", stock=2), Article("hose")])
    assert items(shelf) == ["cup", "hose"]


def test_a_shelf_with_nothing_to_sell_gives_an_empty_list():
    assert items(shelf_of(KNOWN, NAMES, [Article("mug", stock=0), Article("cup", stock=-1)])) == []
    assert items(shelf_of(KNOWN, NAMES, [])) == []


def test_what_must_not_stand_there_is_left_out():
    shelf = shelf_of(KNOWN, NAMES)
    assert items(shelf, without=shelf.places_of(pa.chunked_array([["mug", "rake", "mug", "unheard"]]))) == [
        "cup",
        "hose",
    ]


def test_a_new_item_stands_where_what_is_called_like_it_stands():
    shelf = shelf_of(KNOWN, NAMES, [*(Article(word) for word in KNOWN.words), Article("new", "GREEN MUG")])
    (found,) = (each for each in listed(SCORES, shelf, 10, reason=lambda at: f"why {at}") if each.item == "new")
    assert items(shelf).index("new") == 2  # behind the mugs, before the garden
    assert found.reason == "new, like RED MUG: why 2"
    assert found.description == "GREEN MUG"


def test_a_new_item_without_a_name_is_a_middling_one():
    shelf = shelf_of(KNOWN, NAMES, [*(Article(word) for word in KNOWN.words), Article("new")])
    (found,) = (each for each in listed(SCORES, shelf, 10, reason=str) if each.item == "new")
    assert (found.score, found.reason) == (2.0, "new")


def test_a_new_item_is_known_by_its_category():
    articles = [Article(word, category="kitchen" if word in ("mug", "cup") else "garden") for word in KNOWN.words]
    shelf = shelf_of(KNOWN, {}, [*articles, Article("new", category="kitchen")])
    assert items(shelf).index("new") == 1  # between the two of its category


def test_new_items_are_judged_by_the_scores_that_are_given_for_it():
    shelf = shelf_of(KNOWN, NAMES, [*(Article(word) for word in KNOWN.words), Article("new", "GREEN MUG")])
    assert float(shelf.scored(SCORES, by=-SCORES)[-1]) < 0 < float(shelf.scored(SCORES)[-1])
    both = shelf.scored(SCORES.repeat(3, 1))
    assert torch.equal(both, shelf.scored(SCORES).repeat(3, 1))


def test_a_category_fills_at_most_its_places_and_no_category_is_no_limit():
    articles = [Article("mug", category="a"), Article("cup", category="a"), Article("rake"), Article("hose")]
    assert items(shelf_of(KNOWN, NAMES, articles), terms=ListTerms(per_category=1)) == ["mug", "rake", "hose"]


def test_variety_puts_the_unlike_before_the_like_and_loses_nothing():
    shelf = shelf_of(KNOWN, NAMES)
    assert items(shelf, terms=ListTerms(diversity=0.5)) == ["mug", "rake", "cup", "hose"]
    assert items(shelf, 2, terms=ListTerms(diversity=1.0)) == ["mug", "rake"]


def test_variety_without_names_leaves_the_order():
    assert items(shelf_of(KNOWN, {}), terms=ListTerms(diversity=0.9)) == ["mug", "cup", "rake", "hose"]


@given(
    st.integers(1, 8),
    st.floats(0, 1),
    st.none() | st.integers(1, 3),
    st.lists(st.integers(-1, 3), min_size=6, max_size=6),
)
def test_whatever_is_asked_a_list_holds_only_what_may_be_listed_each_once(k, diversity, per_category, stocks):
    words = (*KNOWN.words, "new", "newer")
    articles = [
        Article(word, f"THING {word}", "ab"[at % 2], stock)
        for at, (word, stock) in enumerate(zip(words, stocks, strict=True))
    ]
    found = items(shelf_of(KNOWN, {}, articles), k, terms=ListTerms(diversity, per_category))
    sold = {article.item for article in articles if article.stock > 0}
    of_one = [sum(article.item in found and article.category == each for article in articles) for each in "ab"]
    assert len(found) == len(set(found)) <= k
    assert set(found) <= sold
    assert max(of_one) <= (per_category or 6)
    if per_category is None:
        assert len(found) == min(k, len(sold))


def test_the_list_for_everybody_takes_nothing_that_could_hold_a_history():
    assert [*inspect.signature(most_bought).parameters] == ["popularity", "shelf", "k", "reason", "terms"]
    found = most_bought(SCORES, shelf_of(KNOWN, NAMES), 2, reason=str)
    assert [each.item for each in found] == ["mug", "cup"]


def test_a_shelf_of_another_model_is_refused():
    with pytest.raises(ModelError, match="another model"):
        items(shelf_of(Vocabulary(("a",)), {}))


@pytest.mark.parametrize("articles", [[Article("a"), Article("a")], [Article("")]])
def test_articles_that_cannot_be_told_apart_are_refused(articles):
    with pytest.raises(InputError):
        shelf_of(KNOWN, NAMES, articles)


@pytest.mark.parametrize("terms", [{"diversity": -0.1}, {"diversity": 1.5}, {"per_category": 0}])
def test_terms_that_make_no_sense_are_refused(terms):
    with pytest.raises(InputError):
        ListTerms(**terms)


def test_a_list_of_nothing_is_refused():
    with pytest.raises(ModelError, match="at least 1"):
        items(shelf_of(KNOWN, NAMES), 0)
