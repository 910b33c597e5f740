import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.models import softmax as subject
from cartveil.insight.models.softmax import SoftmaxHead


class Listener:
    """A tap that makes of its note the gradients that it stands for."""

    def take(self, *shape: int, like: Tensor) -> Tensor:
        return like.new_full(shape, torch.nan)  # memory of any content

    def once(self, layer: nn.Module, make) -> Tensor:
        return make()

    def note_softmax(self, head: nn.Module, rows: Tensor, slopes: Tensor, factors: Tensor, owner: Tensor) -> None:
        self.rows, self.owner = rows, owner
        self.weight = (slopes * factors[:, None]).T @ rows
        self.bias = (slopes * factors[:, None]).sum(0)


def case(size: int = 3, steps: int = 5, items: int = 11, *, seed: int = 0, bias: bool = True) -> tuple:
    torch.manual_seed(seed)
    head = SoftmaxHead(4, items, bias=bias).double()
    if bias:
        nn.init.normal_(head.bias)
    states = torch.randn(size, steps, 4, dtype=torch.double, requires_grad=True)
    weights = torch.rand(size, steps, dtype=torch.double) * (torch.rand(size, steps) < 0.7)
    return head, states, torch.randint(items, (size, steps)), weights


def by_torch(head: SoftmaxHead, states: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    each = functional.cross_entropy(head.scores(states).flatten(0, 1), targets.flatten(), reduction="none")
    return (each.view(targets.shape) * weights).sum(1)


def gradients(losses: Tensor, head: SoftmaxHead, states: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(losses, [states, *head.parameters()]))


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 4), steps=st.integers(1, 6), items=st.integers(2, 30), seed=st.integers(0, 99))
def test_losses_and_gradients_are_those_of_torch(size: int, steps: int, items: int, seed: int) -> None:
    head, states, targets, weights = case(size, steps, items, seed=seed)
    ours, theirs = head.losses(states, targets, weights), by_torch(head, states, targets, weights)
    assert torch.allclose(ours, theirs)
    pairs = zip(gradients(ours.mean(), head, states), gradients(theirs.mean(), head, states), strict=True)
    assert all(torch.allclose(one, other) for one, other in pairs)


@pytest.mark.parametrize("tile", [1, 40, 1 << 20])
@pytest.mark.parametrize("bias", [True, False])
def test_tiles_change_nothing(tile: int, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    head, states, targets, weights = case(bias=bias)
    expected = gradients(by_torch(head, states, targets, weights).sum(), head, states)
    monkeypatch.setattr(subject, "TILE", tile)
    losses = head.losses(states, targets, weights)
    assert all(map(torch.allclose, gradients(losses.sum(), head, states), expected))
    with torch.no_grad():
        assert torch.allclose(head.losses(states, targets, weights), losses)


def test_a_loss_that_weighs_sequences_unevenly_gets_its_gradients_too() -> None:
    head, states, targets, weights = case()
    uneven = torch.tensor([1.0, 0.0, -2.0], dtype=torch.double)
    ours = gradients(head.losses(states, targets, weights) @ uneven, head, states)
    theirs = gradients(by_torch(head, states, targets, weights) @ uneven, head, states)
    assert all(map(torch.allclose, ours, theirs))


@pytest.mark.parametrize("tapped", [True, False])
def test_a_target_whose_probability_is_rounded_away_keeps_its_loss(tapped: bool) -> None:
    head, states, targets = SoftmaxHead(4, 11), torch.full((1, 2, 4), 50.0), torch.tensor([[3, 4]])
    nn.init.zeros_(head.weight)
    with torch.no_grad():
        head.weight[3] = 1.0  # a score of 200 for item 3, of 0 for all others
    head.tap = Listener() if tapped else None
    assert head.losses(states, targets, torch.ones(1, 2)).tolist() == pytest.approx([200.0])


def test_steps_of_weight_zero_cost_nothing() -> None:
    head, states, targets, weights = case()
    head.tap = listener = Listener()
    targets[weights == 0] = 10**9  # not even their target matters
    head.losses(states, targets, weights).sum().backward()
    assert len(listener.rows) == int((weights > 0).sum())
    assert torch.equal(listener.owner, (weights > 0).nonzero()[:, 0])


@pytest.mark.parametrize("bias", [True, False])
def test_notes_make_the_gradients_of_torch(bias: bool) -> None:
    head, states, targets, weights = case(bias=bias)
    uneven = torch.tensor([1.0, 0.5, -2.0], dtype=torch.double)
    expected = gradients(by_torch(head, states, targets, weights) @ uneven, head, states)
    head.tap = listener = Listener()
    (head.losses(states, targets, weights) @ uneven).backward()
    assert torch.allclose(states.grad, expected[0])
    assert torch.allclose(listener.weight, expected[1])
    assert not bias or torch.allclose(listener.bias, expected[2])
    assert head.weight.grad is None


def test_a_shared_matrix_is_one_parameter() -> None:
    embedding = nn.Embedding(11, 4)
    head = SoftmaxHead(4, 11, weight=embedding.weight)
    assert head.weight is embedding.weight
    assert torch.equal(head.scores(torch.eye(4)), embedding.weight.T + head.bias)


def test_no_step_that_counts_gives_losses_of_zero() -> None:
    head, states, targets, weights = case()
    losses = head.losses(states, targets, torch.zeros_like(weights))
    assert losses.tolist() == [0.0] * 3
    assert all(float(each.abs().sum()) == 0 for each in gradients(losses.sum(), head, states))
