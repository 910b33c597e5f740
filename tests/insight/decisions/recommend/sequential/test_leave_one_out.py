from dataclasses import dataclass

import numpy as np
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
from cartveil.insight.decisions.recommend.sequential.leave_one_out import judge_next_item, ranks_of
from cartveil.insight.decisions.recommend.sequential.transitions import (
    Counting,
    count_buyers,
    count_companions,
    count_followers,
    count_markov,
)


@dataclass(frozen=True)
class Fixed:
    table: torch.Tensor

    def scores_after(self, histories):
        return self.table[: len(histories)]


def test_a_rank_counts_only_items_not_in_the_history():
    histories = histories_from([[2, 3]], item_count=6)
    scores = torch.tensor([[9.0, 9.0, 9.0, 9.0, 1.0, 2.0]])
    assert ranks_of(scores, histories, torch.tensor([4])).tolist() == [2.0]


def test_equal_scores_share_their_mean_rank():
    histories = histories_from([[2]], item_count=6)
    assert ranks_of(torch.zeros(1, 6), histories, torch.tensor([4])).tolist() == [2.0]


def test_what_stands_in_its_own_history_ranks_last():
    histories = histories_from([[4]], item_count=6)
    assert ranks_of(torch.ones(1, 6), histories, torch.tensor([4])).tolist() == [6.0]


def test_hit_rate_and_ndcg_are_means_over_consumers():
    table = torch.zeros(2, 40)
    table[0, 5], table[0, 6] = 2, 3  # rank 2
    table[1, 10:30] = torch.arange(20.0, 0, -1)
    found = judge_next_item(Fixed(table), histories_from([[2], [2]], item_count=40), np.array([5, 25]))
    assert found["hr@10"] == 0.5
    assert found["ndcg@10"] == pytest.approx(0.5 / np.log2(3))


def test_a_scorer_that_tells_nothing_apart_gains_nothing():
    histories = histories_from([[2]] * 3, item_count=50)
    assert judge_next_item(Fixed(torch.zeros(3, 50)), histories, np.array([3, 4, 5])) == {"hr@10": 0, "ndcg@10": 0}


def test_who_has_no_target_is_not_scored():
    histories = histories_from([[2], []], item_count=5)
    found = judge_next_item(Fixed(torch.eye(5)[[3, 4]]), histories, np.array([3, 4]))
    assert found["hr@10"] == 1.0
    with pytest.raises(ModelError, match="no consumer to score"):
        judge_next_item(Fixed(torch.eye(5)), histories, np.array([0, 0]))


def test_popularity_counts_each_buyer_once():
    assert count_buyers(histories_from([[2, 2, 3], [3]], item_count=5)).counts.tolist() == [0, 0, 1, 2, 0]


def test_followers_count_what_came_right_after_the_last_item():
    scores = count_followers(histories_from([[2, 3, 4], [2, 3], [2, 4]], item_count=5)).scores_after(
        histories_from([[4, 2]], item_count=5)
    )
    assert scores.tolist() == [[0, 0, 0, 2, 1]]


FORMULA = Counting(gap_decay=0.8, backward=0.3, given=0.2, popular=0.4, memory=0.45)


def test_companions_weigh_distance_direction_and_age_as_the_formula_says():
    past = histories_from([[2, 3, 4], [3, 4]], item_count=5)
    found = count_companions(past, FORMULA).scores_after(histories_from([[2, 3]], item_count=5))[0]
    pairs = {(2, 3): 1.0, (3, 4): 2.0, (2, 4): 0.8}
    weight = pairs | {(b, a): 0.3 * value for (a, b), value in pairs.items()}
    row = {a: sum(value for (x, _), value in weight.items() if x == a) for a in (2, 3, 4)}
    column = {b: sum(value for (_, y), value in weight.items() if y == b) for b in (2, 3, 4)}
    damped = {pair: value / (row[pair[0]] ** 0.2 * column[pair[1]] ** 0.4) for pair, value in weight.items()}
    assert float(found[4]) == pytest.approx(damped[3, 4] + 0.45 * damped[2, 4])
    assert float(found[2]) == pytest.approx(damped[3, 2])


def test_who_bought_nothing_that_goes_with_anything_is_told_what_is_popular():
    past = histories_from([[2, 3], [4]], item_count=5)
    popularity = torch.tensor([0, 0, 0.4, 0.4, 0.2])
    chances = count_companions(past).chances_after(histories_from([[4], [], [2]], item_count=5), popularity)
    assert chances[0].tolist() == chances[1].tolist() == pytest.approx(popularity.tolist())
    assert chances[2].tolist() == [0, 0, 0, 1, 0]


def test_the_item_that_speaks_most_is_named_with_its_share():
    past = histories_from([[2, 3], [2, 3], [4, 3]], item_count=6)
    counted = count_companions(past, Counting(given=0, popular=0, memory=1.0))
    assert counted.speaks_most(histories_from([[2, 4, 5]], item_count=6), 3) == (2, pytest.approx(2 / 3))
    assert counted.speaks_most(histories_from([[5]], item_count=6), 3) == (0, 0.0)
    assert counted.speaks_most(histories_from([[]], item_count=6), 3) == (0, 0.0)


def test_a_markov_chain_falls_back_on_what_is_popular():
    past = histories_from([[2, 3], [4], [4]], item_count=6)
    scores = count_markov(past).scores_after(histories_from([[2], [5]], item_count=6))
    assert scores.argmax(1).tolist() == [3, 4]


def test_scores_that_are_none_are_refused_and_not_ranked():
    histories = histories_from([[2]], item_count=6)
    scores = torch.tensor([[0.0, 0.0, 1.0, 2.0, torch.nan, 3.0]])
    for target in (3, 4):
        with pytest.raises(ModelError, match="a score is NaN"):
            ranks_of(scores, histories, torch.tensor([target]))
