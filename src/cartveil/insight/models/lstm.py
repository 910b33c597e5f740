"""The recurrent core: `nn.LSTM`, which can also give away what private training needs to know.

Without a tap it is `nn.LSTM`, with the same parameters under the same names. With a tap set, the same equations run
step by step and keep the gates; the backward pass computes the gradients of the pre-activations only, and hands them
to the tap instead of multiplying them into a gradient per parameter.

    >>> lstm = Lstm(8, 16)
    >>> lstm(torch.zeros(2, 5, 8))[0].shape
    torch.Size([2, 5, 16])
"""

from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Hidden and cell state.
State = tuple[Tensor, Tensor]


class RecurrentTap(Protocol):
    """What listens to an LSTM: the tape of private training, or a test."""

    def take(self, *shape: int, like: Tensor) -> Tensor:
        """Lend memory, of any content, until the backward pass is over."""

    def note_recurrent(self, layer: nn.Module, suffix: str, read: Tensor, delta: Tensor) -> None:
        """Take note of one layer.

        Args:
            layer: The LSTM.
            suffix: What the names of this layer's parameters end in.
            read: What the gates read: the input, the hidden state before each step, and 1, (T, B, E + H + 1).
            delta: Gradient of the gates' pre-activations, (T, B, 4H).

        Both are lent, free to be changed.
        """


class Lstm(nn.LSTM):
    """Read sequences (B, T, E) into states (B, T, H).

    The two biases of `nn.LSTM` act as their sum. One of them, `bias_hh`, stays zero and is not trained, or the bias
    would count twice in the norm of a gradient; what is loaded into it moves to the other.

    Args:
        width: Units of the input E.
        hidden: Units of the state H.
        layers: Stacked layers.
        dropout: Share of units dropped between layers, in training.
        bidirectional: Read from the end too, padding included; states are then (B, T, 2H).
        one_bias: Train one bias alone; False trains both, as `nn.LSTM` does.

    Guarantees:
        - States, and the gradients that the tap can make of its notes, are those of `nn.LSTM` within rounding.
    """

    tap: RecurrentTap | None

    def __init__(
        self,
        width: int,
        hidden: int,
        layers: int = 1,
        *,
        dropout: float = 0.0,
        bidirectional: bool = False,
        one_bias: bool = True,
    ) -> None:
        super().__init__(width, hidden, layers, batch_first=True, dropout=dropout, bidirectional=bidirectional)
        self.tap = None
        self.one_bias = one_bias
        if one_bias:
            for suffix in self.suffixes:
                getattr(self, f"bias_hh{suffix}").requires_grad_(False)
            self._fold_biases()

    @property
    def suffixes(self) -> list[str]:
        """Return what the names of a layer's parameters end in, from the first layer to the last."""
        ends = ("", "_reverse") if self.bidirectional else ("",)
        return [f"_l{layer}{end}" for layer in range(self.num_layers) for end in ends]

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:  # type: ignore[override]
        """Return states (B, T, H), and the last hidden and cell state of each layer, (layers, B, H) each.

        Args:
            inputs: (B, T, E).
            state: Hidden and cell state to begin with, (layers, B, H) each; zero where not given.
        """
        if self.tap is None:
            result: tuple[Tensor, State] = super().forward(inputs, state)
            return result
        return self._tapped(inputs, state)

    def _tapped(self, inputs: Tensor, state: State | None) -> tuple[Tensor, State]:
        ways = 2 if self.bidirectional else 1
        start = inputs.new_zeros(self.num_layers * ways, inputs.shape[0], self.hidden_size)
        hidden, cell = state or (start, start)
        below, ends = inputs.transpose(0, 1), []  # (T, B, E)
        for place in range(0, self.num_layers * ways, ways):
            if place and self.dropout and self.training:
                below = functional.dropout(below, self.dropout)
            sides = []
            for side in range(place, place + ways):
                read = below.flip(0) if side > place else below
                states, end = self._layer(read, (hidden[side], cell[side]), side)
                sides.append(states.flip(0) if side > place else states)
                ends.append((states[-1].clone(), end))
            below = torch.cat(sides, dim=-1) if ways > 1 else sides[0]  # (T, B, ways * H)
        return below.transpose(0, 1), (torch.stack([h for h, _ in ends]), torch.stack([c for _, c in ends]))

    def _layer(self, inputs: Tensor, state: State, place: int) -> tuple[Tensor, Tensor]:
        suffix = self.suffixes[place]
        into, across = (getattr(self, name + suffix).detach() for name in ("weight_ih", "weight_hh"))
        bias = (getattr(self, f"bias_ih{suffix}") + getattr(self, f"bias_hh{suffix}")).detach()
        anchor = inputs.new_zeros((), requires_grad=True)  # back-propagation must come here though nobody else asks
        core = _Fused if inputs.is_cuda else _Steps
        result: tuple[Tensor, Tensor] = core.apply(anchor, inputs, *state, (into, across, bias), (self, suffix))  # type: ignore[no-untyped-call]
        return result

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        if self.one_bias:
            self._fold_biases()

    def _fold_biases(self) -> None:
        with torch.no_grad():
            for suffix in self.suffixes:
                spare = getattr(self, f"bias_hh{suffix}")
                getattr(self, f"bias_ih{suffix}").add_(spare)
                spare.zero_()


class _Steps(torch.autograd.Function):
    """One layer in one direction, step by step; gates stand in the order of `nn.LSTM`: i, f, c~, o.

    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; forget gate: Gers et al., 2000. The backward pass
    is the chain rule over the six equations of a step.
    """

    @staticmethod
    def forward(ctx: Any, _: Tensor, inputs: Tensor, hidden: Tensor, cell: Tensor, weights: Any, of: Any) -> Any:
        into, across, bias = weights
        take = of[0].tap.take
        steps, size, width = inputs.shape
        units = hidden.shape[1]
        read = take(steps, size, width + units + 1, like=inputs)  # (T, B, E + H + 1)
        read[..., :width], read[..., -1] = inputs, 1
        gates = take(steps * size, 4 * units, like=inputs)
        torch.addmm(bias, read.view(steps * size, width + units + 1)[:, :width], into.T, out=gates)
        gates = gates.view(steps, size, 4, units)
        states = inputs.new_empty(steps, size, units)  # not lent: it outlives the part
        cells, bent = take(steps + 1, size, units, like=inputs), take(steps, size, units, like=inputs)
        cells[0] = cell
        _run(gates, hidden, across.T.contiguous(), (cells, bent, states))
        read[0, :, width:-1], read[1:, :, width:-1] = hidden, states[:-1]
        ctx.kept, ctx.of = (read, gates, cells, bent, into, across), of
        return states, cells[-1].clone()

    @staticmethod
    def backward(ctx: Any, above: Tensor, late: Tensor) -> Any:
        read, gates, cells, bent, into, across = ctx.kept
        layer, suffix = ctx.of
        ctx.kept = ctx.of = None  # what was lent must not be held any longer
        delta = _slopes(gates, cells, bent, into=layer.tap.take(*gates.shape, like=gates))  # (T, B, 4, H)
        hidden, cell = _back(delta, (above, late), across, (gates, bent))
        rows = delta.view(-1, delta.shape[2] * delta.shape[3])  # (T * B, 4H)
        layer.tap.note_recurrent(layer, suffix, read, rows.view(*delta.shape[:2], -1))
        below = (rows @ into).view(*delta.shape[:2], -1) if ctx.needs_input_grad[1] else None  # (T, B, E)
        return None, below, hidden, cell, None, None


class _Fused(torch.autograd.Function):
    """The same by the device's own LSTM: fed pre-activations through identity weights, its gradient there is delta."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, inputs: Tensor, hidden: Tensor, cell: Tensor, weights: Any, of: Any) -> Any:
        into, across, bias = weights
        leaves = [functional.linear(inputs, into, bias), hidden[None], cell[None]]  # (T, B, 4H), (1, B, H) twice
        with torch.enable_grad():
            leaves = [leaf.detach().requires_grad_() for leaf in leaves]
            through = [torch.eye(len(across), dtype=across.dtype, device=across.device), across]
            with _full_precision():
                states, _, late = torch._VF.lstm(leaves[0], leaves[1:], through, False, 1, 0.0, True, False, False)
        ctx.kept, ctx.of = (inputs.detach(), hidden.detach(), leaves, states, late, into), of
        return states.detach(), late[0].detach()

    @staticmethod
    def backward(ctx: Any, above: Tensor, end: Tensor) -> Any:
        inputs, hidden, leaves, states, late, into = ctx.kept
        layer, suffix = ctx.of
        ctx.kept = ctx.of = None
        with _full_precision():
            delta, first, cell = torch.autograd.grad((states, late), leaves, (above, end[None]))
        before = torch.cat([hidden[None], states.detach()[:-1]])  # (T, B, H)
        read = torch.cat([inputs, before, torch.ones_like(before[..., :1])], dim=-1)
        layer.tap.note_recurrent(layer, suffix, read, delta)
        return None, delta @ into if ctx.needs_input_grad[1] else None, first[0], cell[0], None, None


def _full_precision() -> AbstractContextManager[None]:
    """Keep a GPU from rounding factors to ten bits, which it does in recurrent layers unless it is told."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def _run(gates: Tensor, hidden: Tensor, across: Tensor, into: tuple[Tensor, Tensor, Tensor]) -> None:
    """Turn pre-activations without their recurrent part into gates, in place, and fill cells, their tanh and states."""
    cells, bent, states = (each.unbind(0) for each in into)
    flat, admit, keep = gates.flatten(2).unbind(0), gates[:, :, 0].unbind(0), gates[:, :, 1].unbind(0)
    opened, seen, given = gates[:, :, :2].unbind(0), gates[:, :, 2].unbind(0), gates[:, :, 3].unbind(0)
    for step in range(len(flat)):
        flat[step].addmm_(hidden, across)  # (B, 4H)
        opened[step].sigmoid_()
        seen[step].tanh_()
        given[step].sigmoid_()
        cell = torch.mul(keep[step], cells[step], out=cells[step + 1])
        torch.tanh(cell.addcmul_(admit[step], seen[step]), out=bent[step])
        hidden = torch.mul(given[step], bent[step], out=states[step])


def _slopes(gates: Tensor, cells: Tensor, bent: Tensor, *, into: Tensor) -> Tensor:
    """Return what a gradient is multiplied by at each gate: that of the cell at i, f, c~, that of the state at o."""
    admit, keep, seen, given = gates.unbind(2)
    bend, flatten = torch.ops.aten.sigmoid_backward.grad_input, torch.ops.aten.tanh_backward.grad_input
    bend(seen, admit, grad_input=into[:, :, 0])
    bend(cells[:-1], keep, grad_input=into[:, :, 1])
    flatten(admit, seen, grad_input=into[:, :, 2])
    bend(bent, given, grad_input=into[:, :, 3])
    return into


def _back(delta: Tensor, above: State, across: Tensor, kept: tuple[Tensor, Tensor]) -> State:
    """Turn slopes into gradients of the pre-activations, in place; return those of the first hidden and cell state."""
    gates, bent = kept
    through = torch.ops.aten.tanh_backward.grad_input(gates[:, :, 3], bent, grad_input=bent).unbind(0)  # state to cell
    flat, inner, outer = delta.flatten(2).unbind(0), delta[:, :, :3].unbind(0), delta[:, :, 3].unbind(0)
    keep, reached = gates[:, :, 1].unbind(0), above[0].unbind(0)
    hidden, cell = reached[-1], above[1].clone()
    for step in range(len(flat) - 1, -1, -1):
        cell.addcmul_(hidden, through[step])
        inner[step].mul_(cell[:, None])
        outer[step].mul_(hidden)
        cell.mul_(keep[step])
        hidden = torch.addmm(reached[step - 1], flat[step], across) if step else flat[step] @ across
    return hidden, cell
