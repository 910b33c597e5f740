from datetime import datetime

import numpy as np
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend import evaluate
from cartveil.insight.decisions.recommend.counts import (
    count_neighbours,
    count_personal_popularity,
    count_popularity,
)
from cartveil.insight.decisions.recommend.measures import judged, ndcg_and_recall
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.occasions import occasions_at
from cartveil.insight.sequences.vocabulary import learn_vocabulary

ROWS = [
    ("a", 1, "pen", "1"),
    ("a", 2, "pen", "2"),
    ("a", 2, "ink", "2"),
    ("b", 3, "pen", "3"),
    ("b", 3, "cup", "3"),
    ("a", 40, "pen", "4"),
    ("a", 41, "cup", "5"),
    ("b", 42, "ink", "6"),
    ("c", 43, "pen", "7"),
]
SINCE = datetime(2024, 1, 31)


def _baseline(release, make):
    past = release(ROWS[:5]).table
    vocabulary = learn_vocabulary(past["item"], at_most=10)
    return make(baskets_of(past, vocabulary), vocabulary, until=19723 + 30)


def test_only_consumers_with_a_past_are_scored_and_only_on_their_first_basket(release):
    found = evaluate(_baseline(release, count_popularity), release(ROWS), since=SINCE)
    assert found["consumers"] == 2  # c has no past
    # pen is most popular: a finds it first; b finds ink among the two of one buyer.
    assert found["all"]["recall@10"] == 1.0


def test_new_counts_only_items_never_bought(release):
    found = evaluate(_baseline(release, count_personal_popularity), release(ROWS), since=SINCE)
    # a's first basket brings nothing new; b's brings ink, the only item left to rank.
    assert found["new"] == {"recall@10": 1.0, "ndcg@10": 1.0}


def test_personal_popularity_puts_counts_before_popularity(release):
    scorer = _baseline(release, count_personal_popularity)
    table = release(ROWS[:3]).table
    baskets = baskets_of(table, scorer.vocabulary)
    scores = scorer.scores(baskets, occasions_at(baskets, 19723 + 30))[0]
    order = [scorer.vocabulary.word(int(number)) for number in scores[2:].argsort(descending=True) + 2]
    assert order == ["pen", "ink", "cup"]


def test_neighbours_share_buyers(release):
    scorer = _baseline(release, count_neighbours)
    pen, ink, cup = (scorer.vocabulary.words.index(word) + 2 for word in ("pen", "ink", "cup"))
    assert float(scorer.weights[pen, ink]) == 0.5  # one buyer of both, two of either
    assert float(scorer.weights[ink, cup]) == 0.0


def test_nobody_to_score_is_a_clear_error(release):
    with pytest.raises(ModelError, match="no consumer to score"):
        evaluate(_baseline(release, count_popularity), release(ROWS[:5]), since=SINCE)


def test_a_perfect_list_scores_one_however_large_the_basket():
    target = torch.zeros(2, 30)
    target[0, 4], target[1, :15] = 1, 1
    ndcg, recall = ndcg_and_recall(target.clone(), target).T
    assert ndcg.tolist() == pytest.approx([1.0, 1.0])
    assert recall.tolist() == pytest.approx([1.0, 10 / 15])


def test_ndcg_agrees_with_the_formula_written_out():
    generator = np.random.default_rng(3)
    scores, target = generator.random((20, 40)), generator.random((20, 40)) < 0.1
    target[:, 0] = True
    found = ndcg_and_recall(torch.tensor(scores), torch.tensor(target, dtype=torch.float32))[:, 0]
    for row in range(20):
        ranked = np.argsort(-scores[row])[:10]
        gained = sum(1 / np.log2(place + 2) for place, item in enumerate(ranked) if target[row, item])
        best = sum(1 / np.log2(place + 2) for place in range(min(10, target[row].sum())))
        assert float(found[row]) == pytest.approx(gained / best, abs=1e-6)


def test_bought_items_cannot_be_found_among_the_new():
    scores, target = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[1.0, 0.0, 1.0]])
    over_all, over_new = judged(scores, target, torch.tensor([[True, False, False]]))
    assert over_all[0, 1] == 1.0
    assert over_new[0, 0] == pytest.approx(1 / np.log2(3))


def test_scores_that_are_none_are_refused():
    with pytest.raises(ModelError, match="a score is NaN"):
        ndcg_and_recall(torch.tensor([[1.0, torch.nan]]), torch.tensor([[1.0, 0.0]]))


@pytest.mark.parametrize("make", [count_popularity, count_personal_popularity, count_neighbours])
def test_a_scorer_that_has_seen_the_test_period_is_refused(release, make):
    scorer = _baseline(release, make)  # made before January the 31st
    assert evaluate(scorer, release(ROWS), since=SINCE)["consumers"] == 2
    with pytest.raises(ModelError, match="made from events up to 2024-01-31T00:00:00"):
        evaluate(scorer, release(ROWS), since=datetime(2024, 1, 30))
