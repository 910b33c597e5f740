"""The sampled softmax: items are drawn as often as it says, and its sum is right on average."""

import pytest
import torch
from torch.nn import functional

from cartveil.insight.models import sampled
from cartveil.insight.models.sampled import draw_items, expected_draws, sampled_losses

ITEMS = 40


def lesson(*, steps=6, units=5):
    torch.manual_seed(0)
    states = torch.randn(3, steps, units, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(ITEMS, units, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(ITEMS, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(3, steps, dtype=torch.float64)
    weights[1, 2:] = 0
    return states, torch.randint(0, ITEMS, (3, steps)), weights, matrix, bias


def exact(states, targets, weights, matrix, bias):
    scores = functional.linear(states, matrix, bias).transpose(1, 2)
    return (functional.cross_entropy(scores, targets, reduction="none") * weights).sum(1)


def test_items_are_drawn_as_often_as_expected():
    count = 400_000
    found = torch.bincount(draw_items(count, ITEMS, generator=torch.Generator().manual_seed(0)), minlength=ITEMS)
    expected = expected_draws(torch.arange(ITEMS), count, ITEMS)
    assert expected.sum().item() == pytest.approx(count)
    # Six standard deviations of a binomial count, for each of 40 items.
    assert ((found - expected).abs() < 6 * expected.sqrt()).all()


@pytest.mark.parametrize("items", [1, 2, 3, 1_000_000])
@pytest.mark.parametrize("count", [1, 7])
def test_every_size_of_vocabulary_can_be_drawn_from(items, count):
    drawn = draw_items(count, items)
    assert len(drawn) == count
    assert 0 <= drawn.min() <= drawn.max() < items
    assert (expected_draws(drawn, count, items) > 0).all()


def test_the_most_frequent_item_is_likeliest_and_reserved_ids_are_not():
    expected = expected_draws(torch.arange(ITEMS), 1000, ITEMS)
    assert expected.argmax() == 2
    assert (expected[2:].diff() < 0).all()
    assert expected[0] < expected[2:].min()


def test_the_estimated_sum_is_right_on_average():
    states, targets, weights, matrix, bias = lesson(steps=1)
    generator = torch.Generator().manual_seed(0)
    sums = []
    for _ in range(1500):
        drawn = draw_items(8, ITEMS, generator=generator)
        losses = sampled_losses(states, targets, weights, matrix=matrix, bias=bias, drawn=drawn).detach()
        sums.append((losses / weights[:, 0]).exp())  # (B,) sum of exponential scores over that of the target
    found, expected = torch.stack(sums), (exact(states, targets, weights, matrix, bias) / weights[:, 0]).exp()
    error = found.std(0) / len(sums) ** 0.5
    assert ((found.mean(0) - expected).abs() < 5 * error).all()


def test_with_every_item_drawn_many_times_it_is_the_exact_loss_and_gradient():
    states, targets, weights, matrix, bias = lesson()
    drawn = draw_items(300_000, ITEMS, generator=torch.Generator().manual_seed(0))
    found = sampled_losses(states, targets, weights, matrix=matrix, bias=bias, drawn=drawn)
    expected = exact(states, targets, weights, matrix, bias)
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0.0)
    inputs = (states, matrix, bias)
    for one, other in zip(
        torch.autograd.grad(found.sum(), inputs), torch.autograd.grad(expected.sum(), inputs), strict=True
    ):
        assert (one - other).norm() < 0.02 * other.norm()


def test_tiles_change_nothing(monkeypatch):
    states, targets, weights, matrix, _ = lesson()
    drawn = draw_items(16, ITEMS)
    whole = sampled_losses(states, targets, weights, matrix=matrix, bias=None, drawn=drawn)
    monkeypatch.setattr(sampled, "TILE", 1)
    torch.testing.assert_close(sampled_losses(states, targets, weights, matrix=matrix, bias=None, drawn=drawn), whole)


def test_a_target_that_is_drawn_is_not_counted_twice():
    states, targets, weights, matrix, bias = lesson(steps=1)
    drawn = targets[0].expand(4)  # nothing but the first sequence's target
    losses = sampled_losses(states, targets, weights, matrix=matrix, bias=bias, drawn=drawn)
    assert losses[0].item() == 0.0
    assert torch.isfinite(torch.autograd.grad(losses.sum(), matrix)[0]).all()


def test_nothing_to_learn_from_costs_nothing():
    states, targets, weights, matrix, bias = lesson()
    losses = sampled_losses(states, targets, 0 * weights, matrix=matrix, bias=bias, drawn=draw_items(4, ITEMS))
    assert losses.tolist() == [0, 0, 0]
