import numpy as np
import pytest
import torch

from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
from cartveil.insight.decisions.recommend.sequential.leave_one_out import judge_next_item
from cartveil.insight.decisions.recommend.sequential.pooling import pooled
from cartveil.insight.decisions.recommend.sequential.transitions import Counting, count_companions
from cartveil.insight.decisions.recommend.sequential.tuning import tuned_counting, tuned_weight


def wandering(consumers, *, seed=0):
    """Whoever starts at an item comes to the one ten further on, after two steps that say nothing."""
    generator = np.random.default_rng(seed)
    return histories_from(
        [[first, *generator.integers(32, 60, 2), first + 10] for first in generator.integers(2, 12, consumers)],
        item_count=60,
    )


def test_counting_is_tuned_to_what_the_held_out_items_follow():
    whole = wandering(400)
    learned, asked = whole.part(slice(0, 300)), whole.part(slice(300, 400))
    known, wanted = asked.without_last(1), asked.item_at(1)
    found = tuned_counting(learned, known, wanted)
    scores = [
        judge_next_item(count_companions(learned, each), known, wanted)["ndcg@10"] for each in (found, Counting())
    ]
    assert found.memory > Counting().memory
    assert scores[0] > scores[1] + 0.05


def knowing(wanted):
    chances = torch.zeros(len(wanted), 40)
    chances[torch.arange(len(wanted)), torch.from_numpy(wanted)] = 1.0
    return chances


@pytest.mark.parametrize("network_knows", [True, False])
def test_the_part_that_knows_gets_the_weight(network_knows):
    known, wanted = histories_from([[2]] * 6, item_count=40), np.arange(20, 26)
    wrong = torch.zeros(6, 40)
    wrong[:, 3:15] = 1.0
    parts = (knowing(wanted), wrong) if network_knows else (wrong, knowing(wanted))
    weight = tuned_weight(lambda _: parts[0], lambda _: parts[1], known, wanted)
    assert weight < 0.5 if network_knows else weight > 0.5


def test_a_pool_is_a_product_of_chances_and_neighbours_veto_nothing():
    network = torch.tensor([[0.0, 0.0, 0.1, 0.9]])
    neighbours = torch.tensor([[0.0, 0.0, 1.0, 0.0]])
    found = pooled(network, neighbours, 0.5)
    expected = torch.tensor([(0.1 * 1.25) ** 0.5, (0.9 * 0.25) ** 0.5])
    torch.testing.assert_close(found, torch.cat([torch.zeros(2), expected / expected.sum()])[None])
    torch.testing.assert_close(pooled(network, neighbours, 0.0), network)
