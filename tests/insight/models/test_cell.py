"""The reference cell against nn.LSTM, in double precision."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cartveil.errors import ModelError
from cartveil.insight.models.cell import Cell, Gate, cell_of, lstm_of, read
from cartveil.insight.models.lstm import Lstm
from cartveil.insight.privacy.clipping import plain_sum


def cells_of(lstm):
    return tuple(cell_of(lstm, layer=number) for number in range(lstm.num_layers))


def test_one_unit_by_hand():
    def gate(w, u, b):
        return Gate(torch.tensor([[w]]), torch.tensor([[u]]), torch.tensor([b]))

    cell = Cell(
        keep=gate(1.0, 0.0, 0.0), take=gate(0.0, 1.0, 0.0), candidate=gate(2.0, 0.0, 1.0), show=gate(0.0, 0.0, 3.0)
    )
    hidden, inner = cell(torch.tensor([[0.5]]), (torch.tensor([[0.25]]), torch.tensor([[2.0]])))
    sigmoid = lambda value: 1 / (1 + math.exp(-value))  # noqa: E731
    expected = sigmoid(0.5) * 2.0 + sigmoid(0.25) * math.tanh(2.0)
    assert inner.item() == pytest.approx(expected, rel=1e-6)
    assert hidden.item() == pytest.approx(sigmoid(3.0) * math.tanh(expected), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(1, 5),
    units=st.integers(1, 6),
    layers=st.integers(1, 3),
    steps=st.integers(1, 7),
    seed=st.integers(0, 2**20),
)
def test_nn_lstm_follows_the_equations_in_every_shape(width, units, layers, steps, seed):
    torch.manual_seed(seed)
    lstm = nn.LSTM(width, units, layers, batch_first=True).double()
    x = torch.randn(2, steps, width, dtype=torch.float64)
    state = (
        torch.randn(layers, 2, units, dtype=torch.float64),
        torch.randn(layers, 2, units, dtype=torch.float64),
    )
    torch.testing.assert_close(read(cells_of(lstm), x, state), lstm(x, state), rtol=1e-12, atol=1e-12)


def squares(states):
    return states.pow(2).sum((1, 2))


def gradients_by_the_equations(lstm, x):
    trained = {name: weight for name, weight in lstm.named_parameters() if weight.requires_grad}
    found = torch.autograd.grad(squares(read(cells_of(lstm), x)[0]).sum(), list(trained.values()))
    return dict(zip(trained, found, strict=True))


def test_gradients_of_nn_lstm_follow_the_equations():
    torch.manual_seed(0)
    lstm, x = nn.LSTM(3, 4, 2, batch_first=True).double(), torch.randn(5, 6, 3, dtype=torch.float64)
    squares(lstm(x)[0]).sum().backward()
    for name, expected in gradients_by_the_equations(lstm, x).items():
        torch.testing.assert_close(getattr(lstm, name).grad, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_gradients_of_the_fast_path_follow_the_equations(layers):
    torch.manual_seed(0)
    lstm, x = Lstm(3, 4, layers).double(), torch.randn(5, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(lstm(x), read(cells_of(lstm), x), rtol=1e-12, atol=1e-12)
    found = plain_sum(lstm, lambda model, part: squares(model(part)[0]), [x[:3], x[3:]])
    expected = gradients_by_the_equations(lstm, x)
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-10, atol=1e-12)


def test_without_a_state_it_starts_from_zeros():
    torch.manual_seed(0)
    lstm, x = nn.LSTM(3, 4, 2, batch_first=True).double(), torch.randn(5, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(read(cells_of(lstm), x), lstm(x), rtol=1e-12, atol=1e-12)


def test_single_precision_can_be_read_in_double():
    torch.manual_seed(0)
    lstm, x = nn.LSTM(3, 4, batch_first=True), torch.randn(2, 6, 3)
    exact, _ = read((cell_of(lstm, dtype=torch.float64),), x.double())
    assert exact.dtype == torch.float64
    torch.testing.assert_close(lstm(x)[0].double(), exact, rtol=1e-5, atol=1e-6)


def test_what_goes_out_comes_back_with_one_bias():
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 4, 2, batch_first=True).double()
    back = lstm_of(cells_of(lstm))
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(back(x), lstm(x), rtol=1e-12, atol=1e-12)
    assert all(not weight.any() for name, weight in back.named_parameters() if name.startswith("bias_hh"))
    assert torch.equal(back.bias_ih_l1, lstm.bias_ih_l1 + lstm.bias_hh_l1)


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"proj_size": 2}])
def test_what_has_other_equations_is_refused(options):
    with pytest.raises(ModelError, match="one direction, without projection"):
        cell_of(nn.LSTM(3, 4, **options))
