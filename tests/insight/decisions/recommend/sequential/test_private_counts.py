import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.insight.decisions.recommend.sequential.companions import (
    NoisyCounting,
    deviations,
    pair_sums,
    private_companions,
    private_votes,
)
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
from cartveil.insight.decisions.recommend.sequential.private import shelf_of
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.randomness import seeded_for_tests

ROWS = st.lists(st.lists(st.integers(2, 11), max_size=12), min_size=1, max_size=5)
ALMOST_NONE = 1e-6


def counting(multiplier=ALMOST_NONE, *, at_most=5, log=None):
    return NoisyCounting(multiplier, at_most, EventLog() if log is None else log, seeded_for_tests(1))


def norm_of_difference(rows, count):
    whole, without = (count(histories_from(each, item_count=12)) for each in (rows, [*rows[:-1], []]))
    return float((whole - without).norm())


@settings(deadline=None)
@given(ROWS)
def test_one_consumer_moves_all_votes_together_by_one_at_most(rows):
    assert norm_of_difference(rows, lambda histories: private_votes(histories, counting())) <= 1 + 1e-4


@settings(deadline=None)
@given(ROWS, st.integers(1, 12), st.integers(1, 12), st.sets(st.integers(2, 11), min_size=2))
def test_one_consumer_moves_all_pairs_together_by_one_at_most(rows, at_most, reach, shelf):
    items = torch.tensor(sorted(shelf))

    def sums(histories):
        return pair_sums(histories, items, at_most=at_most, reach=reach)

    assert norm_of_difference(rows, sums) <= 1 + 1e-9


def test_pairs_are_counted_once_and_within_reach():
    shelf = torch.tensor([2, 3, 4, 5])
    sums = pair_sums(histories_from([[2, 3, 2, 5, 4]], item_count=6), shelf, at_most=9, reach=2)
    # 2 was bought last after 3: in order 3 2 5 4, with five pairs two apart or less.
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for one, other in ((0, 1), (1, 3), (0, 3), (0, 2), (2, 3)):
        expected[one, other] = 1 / np.sqrt(5)
    assert torch.allclose(sums, expected)


def test_items_off_the_shelf_stand_between_nobody():
    sums = pair_sums(histories_from([[2, 7, 8, 9, 3]], item_count=12), torch.tensor([2, 3]), at_most=2, reach=1)
    assert float(sums[0, 1]) == 1.0


def test_every_count_is_written_into_the_account_with_its_noise():
    log, histories = EventLog(), histories_from([[2, 3]] * 4, item_count=12)
    private_votes(histories, counting(3.0, log=log))
    private_companions(histories, torch.tensor([2, 3]), reach=1, counting=counting(2.0, log=log))
    assert [(step.what, step.multiplier, step.bound) for step in log.steps] == [
        ("popularity", 3.0, 1.0),
        ("companions", 2.0, 1.0),
    ]


def test_an_item_that_nobody_bought_gets_noise_too():
    votes = private_votes(histories_from([[2]], item_count=400), counting(5.0))
    assert float(votes[3:].std()) == pytest.approx(5.0, rel=0.2)


def test_by_chance_alone_few_pairs_stand_out():
    nobody = histories_from([[]], item_count=302)
    found = private_companions(nobody, torch.arange(2, 302), reach=3, counting=counting(4.0))
    assert 20 < int((found.weights > 0).sum()) / 2 < 150  # half a companion an item, each shared by two: 75
    assert deviations(300) == pytest.approx(2.93, abs=0.02)


def test_the_shelf_holds_what_stands_out_and_two_items_at_least():
    votes = torch.tensor([0.0, 0.0, 9.0, 1.0, 8.0, -3.0, 7.0])
    assert shelf_of(votes, at_least=7.5, at_most=9).tolist() == [2, 4]
    assert shelf_of(votes, at_least=6, at_most=2).tolist() == [2, 4]
    assert shelf_of(votes, at_least=99, at_most=9).tolist() == [2, 4]
