"""The LSTM cell in plain equations: the specification that every fast path is held against.

With x the step, h the hidden state, c the cell state, s the logistic function:

    f  = s(W_f x + U_f h + b_f)        what of the cell is kept
    i  = s(W_i x + U_i h + b_i)        how much is taken in
    c~ = tanh(W_c x + U_c h + b_c)     what is taken in
    o  = s(W_o x + U_o h + b_o)        how much is shown
    c' = f * c + i * c~
    h' = o * tanh(c')

It is slow and obvious on purpose, runs in any precision, and autograd gives the gradients that a fast path must have.

    >>> lstm = nn.LSTM(3, 2, batch_first=True)
    >>> steps = torch.randn(4, 5, 3)
    >>> bool(torch.allclose(read((cell_of(lstm),), steps)[0], lstm(steps)[0], atol=1e-6))
    True

Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; the forget gate by Gers, Schmidhuber and Cummins,
Learning to Forget, 2000, section 3.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError

#: The order in which nn.LSTM stacks its four gates.
_ORDER = ("take", "keep", "candidate", "show")


@dataclass(frozen=True)
class Gate:
    """One affine map of step and hidden state.

    Args:
        steps: W, weights of the step (H, D).
        hidden: U, weights of the hidden state (H, H).
        bias: b (H,).
    """

    steps: Tensor
    hidden: Tensor
    bias: Tensor

    def __call__(self, step: Tensor, hidden: Tensor) -> Tensor:
        """Return W x + U h + b, (B, H)."""
        return step @ self.steps.T + hidden @ self.hidden.T + self.bias


@dataclass(frozen=True)
class Cell:
    """The weights of one layer.

    Args:
        keep: Forget gate f.
        take: Input gate i.
        candidate: c~ before the hyperbolic tangent.
        show: Output gate o.
    """

    keep: Gate
    take: Gate
    candidate: Gate
    show: Gate

    def __call__(self, step: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return hidden and cell state after one more step.

        Args:
            step: x (B, D).
            state: h and c, (B, H) each.
        """
        hidden, cell = state
        f = torch.sigmoid(self.keep(step, hidden))  # (B, H)
        i = torch.sigmoid(self.take(step, hidden))  # (B, H)
        candidate = torch.tanh(self.candidate(step, hidden))  # (B, H)
        o = torch.sigmoid(self.show(step, hidden))  # (B, H)
        cell = f * cell + i * candidate
        return o * torch.tanh(cell), cell


def read(
    cells: tuple[Cell, ...], steps: Tensor, state: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Read whole sequences, layer by layer and step by step.

    Args:
        cells: One per layer, the lowest first.
        steps: (B, T, D).
        state: h and c before the first step, (layers, B, H) each; zeros where none is given.

    Returns:
        Hidden states of the highest layer (B, T, H), and h and c after the last step, (layers, B, H) each.
    """
    after = []
    for number, cell in enumerate(cells):
        none = steps.new_zeros(len(steps), len(cell.keep.bias))  # (B, H)
        now = (none, none) if state is None else (state[0][number], state[1][number])
        seen = []
        for step in steps.unbind(1):
            now = cell(step, now)
            seen.append(now[0])
        steps = torch.stack(seen, dim=1)  # (B, T, H)
        after.append(now)
    hidden, cell_state = zip(*after, strict=True)
    return steps, (torch.stack(hidden), torch.stack(cell_state))


def cell_of(lstm: nn.LSTM, *, layer: int = 0, dtype: torch.dtype | None = None) -> Cell:
    """Take one layer of an nn.LSTM; its two biases become one, and gradients lead to its own weights.

    Args:
        lstm: Of one direction and without projection.
        layer: Which, from 0.
        dtype: Precision of the cell; that of the LSTM where none is given.

    Raises:
        ModelError: The LSTM reads from both ends or projects its states; these equations do neither.
    """
    if lstm.bidirectional or lstm.proj_size:
        raise ModelError("an LSTM of one direction, without projection, has these equations", hint="take it apart")
    steps, hidden, inner, outer = (
        getattr(lstm, f"{name}_l{layer}").to(dtype).chunk(4)  # 4 of (H, D), (H, H), (H,), (H,)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    rows = zip(steps, hidden, inner, outer, strict=True)
    return Cell(**{name: Gate(w, u, b + d) for name, (w, u, b, d) in zip(_ORDER, rows, strict=True)})


def lstm_of(cells: tuple[Cell, ...]) -> nn.LSTM:
    """Make an nn.LSTM of the same weights, batch first; all of the bias stands in `bias_ih`, `bias_hh` is zero."""
    width, units = cells[0].keep.steps.shape[1], len(cells[0].keep.bias)
    lstm = nn.LSTM(width, units, len(cells), batch_first=True, dtype=cells[0].keep.bias.dtype)
    with torch.no_grad():
        for number, cell in enumerate(cells):
            gates = [getattr(cell, name) for name in _ORDER]
            getattr(lstm, f"weight_ih_l{number}").copy_(torch.cat([gate.steps for gate in gates]))  # (4H, D)
            getattr(lstm, f"weight_hh_l{number}").copy_(torch.cat([gate.hidden for gate in gates]))  # (4H, H)
            getattr(lstm, f"bias_ih_l{number}").copy_(torch.cat([gate.bias for gate in gates]))  # (4H,)
            getattr(lstm, f"bias_hh_l{number}").zero_()
    return lstm
