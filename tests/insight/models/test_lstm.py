import math

import pytest
import torch
from torch import Tensor, nn

from cartveil.insight.models import lstm as subject
from cartveil.insight.models.lstm import Lstm

STOCK = {"one layer": {}, "two layers": {"layers": 2}, "both ends": {"layers": 2, "bidirectional": True}}


class Listener:
    """A tap that keeps its notes and makes of them the gradients that they stand for."""

    def __init__(self) -> None:
        self.gradients: dict[str, Tensor] = {}

    def take(self, *shape: int, like: Tensor) -> Tensor:
        return like.new_full(shape, torch.nan)  # memory of any content

    def note_recurrent(self, layer: nn.Module, suffix: str, read: Tensor, delta: Tensor) -> None:
        whole = torch.einsum("tbo,tbi->oi", delta, read)  # (4H, E + H + 1)
        width = getattr(layer, f"weight_ih{suffix}").shape[1]
        self.gradients[f"weight_ih{suffix}"] = whole[:, :width]
        self.gradients[f"weight_hh{suffix}"] = whole[:, width:-1]
        self.gradients[f"bias_ih{suffix}"] = whole[:, -1]


def pair(**options: object) -> tuple[Lstm, nn.LSTM]:
    """Return our LSTM, and PyTorch's with the same weights."""
    torch.manual_seed(0)
    ours = Lstm(5, 4, **options).double()
    layers, rest = options.pop("layers", 1), options
    stock = nn.LSTM(5, 4, layers, batch_first=True, **{k: v for k, v in rest.items() if k != "one_bias"}).double()
    stock.load_state_dict(ours.state_dict())
    return ours, stock


def close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", STOCK.values(), ids=STOCK.keys())
@pytest.mark.parametrize("tapped", [True, False])
def test_states_are_those_of_torch(options: dict[str, object], tapped: bool) -> None:
    ours, stock = pair(**options)
    ours.tap = Listener() if tapped else None
    inputs = torch.randn(3, 6, 5, dtype=torch.double)
    states, (hidden, cell) = ours(inputs)
    expected, (last, end) = stock(inputs)
    assert close(states, expected)
    assert close(hidden, last)
    assert close(cell, end)


@pytest.mark.parametrize("core", ["_Steps", "_Fused"])
@pytest.mark.parametrize("options", STOCK.values(), ids=STOCK.keys())
def test_notes_make_the_gradients_of_torch(
    options: dict[str, object], core: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_Steps", getattr(subject, core))  # what a GPU uses works without one too
    ours, stock = pair(**options)
    ours.tap = listener = Listener()
    inputs = torch.randn(3, 6, 5, dtype=torch.double)
    factor = torch.randn(3, 6, stock(inputs)[0].shape[2], dtype=torch.double)
    (ours(inputs)[0] * factor).sum().backward()
    (stock(inputs)[0] * factor).sum().backward()
    for name, gradient in listener.gradients.items():
        assert close(gradient, getattr(stock, name).grad), name
    assert len(listener.gradients) == 3 * len(ours.suffixes)
    assert all(parameter.grad is None for parameter in ours.parameters())


@pytest.mark.parametrize("core", ["_Steps", "_Fused"])
def test_slopes_of_inputs_and_first_states_are_those_of_torch(core: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_Steps", getattr(subject, core))
    ours, stock = pair(layers=2)
    ours.tap = Listener()
    found = []
    for lstm in (ours, stock):
        torch.manual_seed(1)
        leaves = [torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in ((3, 6, 5), *[(2, 3, 4)] * 2)]
        states, (hidden, cell) = lstm(leaves[0], (leaves[1], leaves[2]))
        found.append(torch.autograd.grad(states.square().sum() + hidden.sum() + cell.cos().sum(), leaves))
    assert all(close(one, other) for one, other in zip(*found, strict=True))


def test_state_that_is_handed_on_outlives_the_memory_that_was_lent() -> None:
    ours, _ = pair()

    class Reused(Listener):
        lent, used = torch.zeros(4096, dtype=torch.double), 0

        def take(self, *shape: int, like: Tensor) -> Tensor:
            start, self.used = self.used, self.used + math.prod(shape)
            return self.lent[start : self.used].view(shape)

    ours.tap = Reused()
    states, (hidden, cell) = ours(torch.randn(3, 6, 5, dtype=torch.double))
    copies = states.clone(), hidden.clone(), cell.clone()
    ours.tap.used = 0
    ours(torch.randn(3, 6, 5, dtype=torch.double))
    assert all(torch.equal(one, other) for one, other in zip((states, hidden, cell), copies, strict=True))


def test_one_bias_is_trained_and_the_other_stays_zero() -> None:
    ours, _ = pair(layers=2)
    trained = {name for name, parameter in ours.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith("bias_hh") for name in trained)
    assert all(float(ours.state_dict()[f"bias_hh{suffix}"].abs().sum()) == 0 for suffix in ours.suffixes)
    assert all(parameter.requires_grad for parameter in Lstm(5, 4, one_bias=False).parameters())


def test_a_second_bias_that_is_loaded_moves_to_the_first() -> None:
    torch.manual_seed(0)
    stock, ours = nn.LSTM(5, 4, 2, batch_first=True), Lstm(5, 4, 2)
    ours.load_state_dict(stock.state_dict())
    inputs = torch.randn(3, 6, 5)
    assert torch.allclose(ours(inputs)[0], stock(inputs)[0], atol=1e-6)
    assert float(ours.bias_hh_l1.abs().sum()) == 0


def test_dropout_between_layers_acts_in_training_only() -> None:
    ours, stock = pair(layers=2, dropout=0.5)
    ours.tap = Listener()
    inputs = torch.randn(3, 6, 5, dtype=torch.double)
    assert not close(ours(inputs)[0], ours(inputs)[0])
    assert close(ours.eval()(inputs)[0], stock.eval()(inputs)[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_states_and_notes_on_a_gpu_are_those_of_the_processor() -> None:
    ours, _ = pair(layers=2)
    inputs = torch.randn(3, 6, 5, dtype=torch.double)
    found = []
    for device in ("cpu", "cuda"):
        ours.to(device).tap = listener = Listener()
        ours(inputs.to(device))[0].square().sum().backward()
        found.append({name: each.cpu() for name, each in listener.gradients.items()})
    assert all(torch.allclose(found[0][name], found[1][name], rtol=1e-6) for name in found[0])
