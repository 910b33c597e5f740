import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cartveil.errors import ModelError
from cartveil.insight.privacy.clipping import ClippedSum, clipped_sum, plain_sum, products
from insight.privacy.clipping.reference import Model, Part, Stock, error, one_by_one, sequences

CLIP = 0.5

MODELS = {
    "one layer": {},
    "two layers": {"layers": 2},
    "tied": {"tied": True},
    "tied, two layers, no bias": {"tied": True, "layers": 2, "bias": False},
    "projection and norm": {"between": True},
    "both ends": {"layers": 2, "bidirectional": True},
    "both biases": {"one_bias": False},
}


def clipped(norm):
    return min(1.0, CLIP / float(norm))


def in_parts(model: Model, part: Part, size: int = 3, **options: object) -> ClippedSum:
    return clipped_sum(model, Model.losses, part.tiles(size), **{"clip": CLIP, **options})


@pytest.mark.parametrize("last", [False, True], ids=["every step", "last step"])
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS.keys())
def test_is_the_sum_of_one_consumer_at_a_time_through_torch(options, padded, last):
    torch.manual_seed(0)
    model, part = Model(**options), sequences(padded=padded, last=last)
    stock = Stock(model)
    expected = one_by_one(stock, stock.losses, part, clipped)
    found = in_parts(model, part)
    assert error(found.gradients, expected) < 1e-5
    assert found.examples == len(part.items)
    assert found.bound == CLIP


@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(1, 6),
    steps=st.integers(1, 12),
    tied=st.booleans(),
    clip=st.floats(1e-3, 10),
    seed=st.integers(0, 999),
)
def test_is_exact_for_any_sizes(size, steps, tied, clip, seed):
    torch.manual_seed(seed)
    model, part = Model(tied=tied), sequences(size, steps)
    expected = one_by_one(model, model.losses, part, lambda norm: min(1.0, clip / float(norm)))
    assert error(in_parts(model, part, clip=clip).gradients, expected) < 1e-5


@pytest.mark.parametrize("cost", [0.0, 1e9], ids=["by Gram matrices", "by products"])
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("tied", [False, True], ids=["apart", "tied"])
def test_both_ways_to_a_norm_agree(cost, padded, tied, monkeypatch):
    torch.manual_seed(0)
    model, part = Model(tied=tied).double(), sequences(padded=padded)
    part = Part(part.items, part.targets, part.weights.double())
    expected = one_by_one(model, model.losses, part, clipped)
    monkeypatch.setattr(products, "_GRAM_COST", cost)
    assert error(in_parts(model, part).gradients, expected) < 1e-12


@pytest.mark.parametrize("steps", [1, 2, 9, 17, 32])
def test_half_of_a_wide_gram_matrix_is_enough(steps, monkeypatch):
    torch.manual_seed(0)
    model, part = Model().double(), sequences(steps=steps, padded=False)
    part = Part(part.items, part.targets, part.weights.double())
    expected = one_by_one(model, model.losses, part, clipped)
    monkeypatch.setattr(products, "_GRAM_COST", 0.0)
    monkeypatch.setattr(products, "_WIDE", 1)
    assert error(in_parts(model, part).gradients, expected) < 1e-12


def test_no_consumer_contributes_more_than_the_bound():
    torch.manual_seed(0)
    model, part = Model(), sequences(12)
    part = Part(part.items, part.targets, part.weights * torch.logspace(-4, 4, 12)[:, None])
    for row in range(12):
        gradients = in_parts(model, part.rows(slice(row, row + 1))).gradients.values()
        assert float(torch.stack([each.double().square().sum() for each in gradients]).sum().sqrt()) <= CLIP * 1.00001


def test_counts_who_was_clipped():
    torch.manual_seed(0)
    model, part = Model(), sequences(12)
    part = Part(part.items, part.targets, part.weights * torch.tensor([1e-6] * 5 + [1e6] * 7)[:, None])
    assert in_parts(model, part).clipped == 7


def test_the_sizes_of_the_parts_do_not_matter():
    torch.manual_seed(0)
    model, part = Model(layers=2), sequences(7)
    assert error(in_parts(model, part, 7).gradients, in_parts(model, part, 2).gradients) < 1e-6


def test_automatic_clipping_scales_the_smaller_gradients_up():
    torch.manual_seed(0)
    model, part = Model(), sequences()
    expected = one_by_one(model, model.losses, part, lambda norm: CLIP / (float(norm) + 0.01))
    assert error(in_parts(model, part, automatic=True).gradients, expected) < 1e-5


def test_windows_of_one_consumer_divide_its_bound():
    torch.manual_seed(0)
    model, part = Model(), sequences(4)
    shares = torch.tensor([0.25, 0.75, 1.0, 0.5])
    expected = {name: 0 for name, p in model.named_parameters() if p.requires_grad}
    for row, share in enumerate(shares.tolist()):
        alone = in_parts(model, part.rows(slice(row, row + 1)), clip=CLIP * share).gradients
        expected = {name: expected[name] + alone[name] for name in expected}
    assert error(in_parts(model, part, shares=shares).gradients, expected) < 1e-6


@pytest.mark.parametrize("shares", [[1.0, 0.5], [1.0, 0.5, 1.5], [1.0, 0.5, -0.5], [1.0, 0.5, float("nan")]])
def test_shares_that_would_break_the_bound_are_refused(shares):
    with pytest.raises(ModelError, match="share from 0 to 1"):
        in_parts(Model(), sequences(3), shares=torch.tensor(shares))


def test_one_loss_for_all_is_refused():
    with pytest.raises(ModelError, match="losses have 0 axes"):
        clipped_sum(Model(), lambda model, part: model.losses(part).mean(), [sequences(3)], clip=CLIP)


def test_an_empty_part_adds_nothing():
    model, part = Model(between=True, layers=2), sequences(3)
    parts = [part, part.rows(slice(0, 0))]
    found = clipped_sum(model, Model.losses, parts, clip=CLIP)
    assert found.examples == 3
    assert error(found.gradients, in_parts(model, part).gradients) == 0


def test_lower_precision_around_it_does_not_reach_in():
    torch.manual_seed(0)
    model, part = Model(between=True), sequences(3)
    expected = in_parts(model, part).gradients
    with torch.autocast("cpu", torch.bfloat16):
        assert error(in_parts(model, part).gradients, expected) == 0


def test_no_consumer_at_all_gives_a_sum_of_zero():
    found = clipped_sum(Model(), Model.losses, [], clip=CLIP)
    assert all(float(each.abs().sum()) == 0 for each in found.gradients.values())
    assert (found.examples, found.clipped, found.non_finite) == (0, 0, 0)


@pytest.mark.parametrize("options", [{}, {"tied": True}, {"between": True}], ids=["plain", "tied", "between"])
@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 1e38])
def test_a_gradient_that_is_not_finite_is_left_out_and_counted(broken, options):
    torch.manual_seed(0)
    model, part = Model(**options), sequences(6)
    spoilt = part.weights.clone()
    spoilt[2, 0] = broken
    found = in_parts(model, Part(part.items, part.targets, spoilt))
    others = torch.tensor([0, 1, 3, 4, 5])
    expected = in_parts(model, Part(part.items[others], part.targets[others], part.weights[others]))
    assert (found.examples, found.non_finite) == (6, 1)
    assert found.clipped == expected.clipped
    assert error(found.gradients, expected.gradients) < 1e-6


def test_a_consumer_without_any_loss_contributes_nothing():
    torch.manual_seed(0)
    model, part = Model(), sequences(3)
    found = in_parts(model, Part(part.items, part.targets, torch.zeros_like(part.weights)), automatic=True)
    assert all(float(each.abs().sum()) == 0 for each in found.gradients.values())
    assert (found.examples, found.clipped, found.non_finite) == (3, 0, 0)


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan")])
def test_a_bound_must_be_above_zero(clip):
    with pytest.raises(ModelError, match="above zero"):
        clipped_sum(Model(), Model.losses, [], clip=clip)


def test_the_plain_sum_is_that_of_torch():
    torch.manual_seed(0)
    model, part = Model(tied=True, between=True), sequences()
    expected = one_by_one(model, model.losses, part, lambda _: 1.0)
    assert error(plain_sum(model, Model.losses, part.tiles(3)), expected) < 1e-5


def test_frozen_layers_take_no_share_of_the_bound():
    torch.manual_seed(0)
    model, part = Model(between=True), sequences()
    for frozen in (model.embedding, model.lstm, model.between[0].weight, model.head.bias):
        frozen.requires_grad_(False)
    expected = one_by_one(model, model.losses, part, clipped)
    found = in_parts(model, part)
    assert found.gradients.keys() == expected.keys()
    assert error(found.gradients, expected) < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS.keys())
def test_a_gpu_gives_the_same(options):
    torch.manual_seed(0)
    model, part = Model(**options), sequences()
    expected = in_parts(model, part).gradients
    there = Part(part.items.cuda(), part.targets.cuda(), part.weights.cuda())
    found = in_parts(model.cuda(), there).gradients
    assert error({name: each.cpu() for name, each in found.items()}, expected) < 1e-4


class Twice(nn.Module):
    """Calls one linear layer, one norm and one embedding twice each, and looks up one matrix by two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Embedding(12, 6), nn.Embedding(12, 6, padding_idx=0)
        self.second.weight = self.first.weight
        self.linear, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)

    def losses(self, part: Part) -> torch.Tensor:
        steps = self.first(part.items) + self.second(part.targets) * self.first(part.targets)
        states = self.norm(self.linear(self.norm(self.linear(steps))))
        return (states[:, :, 0].square() + self.linear(states[:, -1])[:, None, 1]).sum(1)


def test_a_layer_that_is_called_twice_counts_once():
    torch.manual_seed(0)
    model, part = Twice(), sequences(5, items=12)
    expected = one_by_one(model, model.losses, part, clipped)
    found = clipped_sum(model, Twice.losses, part.tiles(2), clip=CLIP)
    assert error(found.gradients, expected) < 1e-5
