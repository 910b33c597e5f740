import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cartveil.insight.privacy.clipping import clipped_sum, norms
from cartveil.insight.privacy.clipping.tape import Tape
from insight.privacy.clipping.reference import Model, Part, error, one_by_one, sequences

STEPS, ITEMS, UNITS = 8, 64, 96

#: What rounding may add to the bound.
ROUNDING = 1 + 1e-5


def norm_of(gradients):
    return sum(float(each.double().square().sum()) for each in gradients.values()) ** 0.5


def cancelling(left, *, steps=STEPS, wide=ITEMS):
    """Return what a layer reads (1, T, UNITS), and slopes (1, T, wide) of which hardly more than `left` is left."""
    inputs = torch.randn(UNITS).expand(1, steps, UNITS)
    slopes = torch.randn(1, steps, wide)
    slopes[0, -1] = left * torch.randn(wide) - slopes[0, :-1].sum(0)
    return inputs, slopes


def product_loss(model, part):
    inputs, slopes = part
    return (model(inputs) * slopes).sum((1, 2))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    left=st.floats(-7, 0).map(lambda power: 10**power),
    size=st.floats(-2, 2).map(lambda power: 10**power),
    tight=st.floats(0.01, 1.0),
    automatic=st.booleans(),
)
def test_gradients_that_cancel_over_time_stay_within_the_clip(seed, left, size, tight, automatic):
    torch.manual_seed(seed)
    model = nn.Linear(UNITS, ITEMS)
    inputs, slopes = cancelling(left)
    own = norm_of(clipped_sum(model, product_loss, [(inputs, size * slopes)], clip=1e9).gradients)
    clip = tight * own
    found = clipped_sum(model, product_loss, [(inputs, size * slopes)], clip=clip, automatic=automatic)
    assert norm_of(found.gradients) <= clip * ROUNDING


class Tied(nn.Module):
    """A table and an output layer that share a matrix, and whose gradients are whatever the part says."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(ITEMS, UNITS)
        self.out = nn.Linear(UNITS, ITEMS, bias=False)
        self.out.weight = self.table.weight

    @staticmethod
    def losses(model, part):
        ids, inputs, slopes, looked_up = part
        return (model.out(inputs) * slopes).sum((1, 2)) + (model.table(ids) * looked_up).sum((1, 2))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.integers(1, STEPS),
    left=st.floats(-6, -1).map(lambda power: 10**power),
    automatic=st.booleans(),
)
def test_a_look_up_that_cancels_the_output_of_a_tied_matrix_stays_within_the_clip(seed, steps, left, automatic):
    torch.manual_seed(seed)
    ids, inputs = torch.randint(ITEMS, (1, steps)), 30 * torch.randn(1, steps, UNITS)
    slopes = nn.functional.one_hot(ids, ITEMS).float()
    part = (ids, inputs, slopes, -inputs * (1 + left * torch.randn_like(inputs)))
    own = norm_of(clipped_sum(Tied(), Tied.losses, [part], clip=1e9).gradients)
    found = clipped_sum(Tied(), Tied.losses, [part], clip=own / 2, automatic=automatic)
    assert norm_of(found.gradients) <= own / 2 * ROUNDING


@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize("more", [0.002, 0.004, 0.008, 0.016])
def test_one_target_between_the_same_two_items_over_and_over_is_clipped_as_in_double(more, automatic):
    model, part = _over_and_over(more)
    own = norm_of(clipped_sum(model, Model.losses, [part], clip=1e9).gradients)
    clip = 1.0 if automatic else own / 3
    found = clipped_sum(model, Model.losses, [part], clip=clip, automatic=automatic)
    assert norm_of(found.gradients) <= clip * ROUNDING
    double = one_by_one(
        model.double(),
        model.losses,
        Part(part.items, part.targets, part.weights.double()),
        lambda norm: clip / float(norm + 0.01) if automatic else min(1.0, clip / float(norm)),
    )
    assert 0.97 * norm_of(double) < norm_of(found.gradients) < 1.01 * norm_of(double)


def _over_and_over(more):
    """Return a model whose states stand still, and a sequence whose targets come as often as they are expected."""
    torch.manual_seed(1)
    model, units, before = Model(600, 128), 128, 40
    counts = torch.tensor([9, 7, 5, 11, 8])
    targets = torch.repeat_interleave(torch.arange(2, 7), counts)[torch.randperm(40)]
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(-40.0)
        model.head.bias[2:7] = (counts / counts.sum()).log()
        gates = model.lstm.bias_ih_l0.view(4, units)
        gates += torch.stack([torch.full((units,), 6.0), torch.full((units,), -2.0), gates[2].sign() * 4, gates[0] + 6])
    weights = torch.cat([torch.zeros(before), torch.ones(40)])
    weights[-1] += more
    items = torch.full((1, before + 40), 5)
    return model, Part(items, torch.cat([torch.full((before,), 2), targets])[None], weights[None])


@pytest.mark.parametrize(
    "options",
    [{}, {"tied": True}, {"tied": True, "layers": 2, "bias": False}, {"between": True}, {"one_bias": False}],
    ids=["one layer", "tied", "tied, two layers, no bias", "projection and norm", "both biases"],
)
def test_a_norm_that_is_taken_anew_is_that_of_the_gradient(monkeypatch, options):
    torch.manual_seed(0)
    model, part = Model(200, 64, **options), sequences(padded=False)
    kept = clipped_sum(model, Model.losses, [part], clip=0.3)
    taken = []
    anew = norms._anew
    monkeypatch.setattr(norms, "_anew", lambda *given: taken.append(given) or anew(*given))
    monkeypatch.setattr(norms, "CANCELLED", 1e9)
    found = clipped_sum(model, Model.losses, [part], clip=0.3)
    expected = one_by_one(model, model.losses, part, lambda norm: min(1.0, 0.3 / float(norm)))
    assert taken
    assert error(found.gradients, expected) < 3e-6
    assert error(kept.gradients, expected) < 1e-5


def test_no_norm_is_too_small_and_none_much_too_large():
    torch.manual_seed(0)
    model, part = Model(tied=True, layers=2), sequences(padded=False)
    wanted = []
    one_by_one(model, model.losses, part, lambda norm: wanted.append(float(norm)) or 1.0)
    with Tape(model) as tape:
        tape.run(model.losses(part))
        ratio = tape.norms() / torch.tensor(wanted[:: len(wanted) // len(part.items)])  # it asks for each parameter
    assert bool(((ratio > 1) & (ratio < 1 + 1e-5)).all())


def test_a_gradient_that_cancels_to_nothing_has_a_norm_of_nothing_but_rounding():
    torch.manual_seed(0)
    inputs, slopes = cancelling(0.0)
    with Tape(model := nn.Linear(UNITS, ITEMS)) as tape:
        tape.run(product_loss(model, (inputs, slopes)))
        assert 0 <= float(tape.norms()) < 1e-3
