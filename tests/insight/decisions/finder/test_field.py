"""The fast field against the one of `models.tags`, which is tested against every tagging written out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.insight.decisions.finder.field import lattice, losses_of, moves_of
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.tags import TagModel, TagsConfig, begin_inside


def problem(size, steps, seed):
    torch.manual_seed(seed)
    forbidden, never_first = begin_inside(("O", "B-a", "I-a", "B-b", "I-b"))
    encoder = EncoderConfig((("c", 7),), embedding=4, hidden=4, dropout=0.0, bidirectional=True)
    model = TagModel(TagsConfig(encoder, 5, forbidden, never_first))
    torch.nn.init.normal_(model.moves.weight)
    lengths = torch.randint(1, steps + 1, (size,))
    batch = Batch({"c": torch.randint(1, 7, (size, steps))}, {}, torch.zeros(size, steps, 0), lengths)
    tags = torch.zeros(size, steps, dtype=torch.int64)
    tags[:, 0] = 1
    return model, batch, tags


shapes = {"size": st.integers(1, 4), "steps": st.integers(1, 7), "seed": st.integers(0, 2**16)}


@settings(max_examples=25, deadline=None)
@given(**shapes)
def test_losses_and_gradients_are_those_of_the_tag_model(size, steps, seed):
    model, batch, tags = problem(size, steps, seed)
    weights = torch.rand(size)
    slow = model.losses(batch, tags)
    slow_gradients = torch.autograd.grad((slow * weights).sum(), [p for p in model.parameters() if p.requires_grad])
    fast = losses_of(model, batch, tags)
    gradients = torch.autograd.grad((fast * weights).sum(), [p for p in model.parameters() if p.requires_grad])
    torch.testing.assert_close(fast.float(), slow, rtol=1e-4, atol=1e-4)
    for mine, theirs in zip(gradients, slow_gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(**shapes)
def test_marginals_are_those_of_the_tag_model(size, steps, seed):
    model, batch, _ = problem(size, steps, seed)
    with torch.no_grad():
        found = lattice(model(batch).double(), moves_of(model).double(), batch.mask)
    likely = (found.likely * batch.mask[..., None]).float()
    torch.testing.assert_close(likely, model.marginals(batch), rtol=1e-3, atol=1e-4)


def test_extreme_scores_give_finite_losses():
    model, batch, tags = problem(3, 6, 1)
    with torch.no_grad():
        model.head.bias[:] = torch.tensor([300.0, -300.0, 0.0, 0.0, 0.0])
    losses = losses_of(model, batch, tags)
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert all(torch.isfinite(each.grad).all() for each in model.parameters() if each.grad is not None)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_moves_are_expected_as_often_as_there_are_steps_between(length):
    moves = torch.randn(5, 3, dtype=torch.float64)
    found = lattice(torch.randn(1, length, 3, dtype=torch.float64), moves, torch.ones(1, length, dtype=torch.bool))
    assert float(found.expected(torch.ones(1, dtype=torch.float64)).sum()) == pytest.approx(length - 1)
