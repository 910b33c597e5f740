"""Layers that one nn.LSTM cannot express: normalised, with a way past each layer, or read from both ends.

Each layer is an LSTM of one layer and one direction, so that whatever knows such an LSTM (private clipping, the
reference cell) knows these models too. A sequence is read from its end by turning its real steps round, never its
padding.
"""

import torch
from torch import Tensor, nn

from cartveil.insight.models.lstm import Lstm

#: Hidden and cell state, each (layers, B, H).
State = tuple[Tensor, Tensor]


class Layer(nn.Module):
    """Read steps into states, once or from both ends.

    Args:
        width: Numbers per step.
        hidden: Units of each direction.
        bidirectional: Read from both ends.
        layer_norm: Normalise what comes out.
        residual: Add the steps to what comes out, where the widths agree.
    """

    def __init__(
        self, width: int, hidden: int, *, bidirectional: bool = False, layer_norm: bool = False, residual: bool = False
    ) -> None:
        super().__init__()
        out = hidden * (2 if bidirectional else 1)
        self.residual = residual and width == out
        self.forwards = Lstm(width, hidden)
        self.backwards = Lstm(width, hidden) if bidirectional else None
        self.norm = nn.LayerNorm(out) if layer_norm else None

    def forward(self, steps: Tensor, lengths: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return states (B, T, H), and the state after step T of the reading from the start, (1, B, H) each."""
        states, after = self.forwards(steps, state)  # (B, T, H)
        if self.backwards is not None:
            turned, _ = self.backwards(reverse(steps, lengths))
            states = torch.cat([states, reverse(turned, lengths)], dim=-1)  # (B, T, 2H)
        if self.residual:
            states = states + steps
        return (states if self.norm is None else self.norm(states)), after


class Stack(nn.Module):
    """Layers one above the other.

    Args:
        width: Numbers per step.
        hidden: Units of each direction.
        layers: How many.
        options: Of every `Layer`.
    """

    def __init__(self, width: int, hidden: int, layers: int, **options: bool) -> None:
        super().__init__()
        out = hidden * (2 if options.get("bidirectional") else 1)
        self.layers = nn.ModuleList(Layer(out if above else width, hidden, **options) for above in range(layers))

    def forward(self, steps: Tensor, lengths: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return states (B, T, H) of the highest layer, and the state of all layers, (layers, B, H) each."""
        after = []
        for number, layer in enumerate(self.layers):
            own = None if state is None else (state[0][number : number + 1], state[1][number : number + 1])
            steps, ended = layer(steps, lengths, own)
            after.append(ended)
        hidden, cell = zip(*after, strict=True)
        return steps, (torch.cat(hidden), torch.cat(cell))


def reverse(steps: Tensor, lengths: Tensor) -> Tensor:
    """Turn the real steps of each sequence round and leave its padding where it is, (B, T, F).

    Args:
        steps: (B, T, F).
        lengths: Real steps of each sequence (B,).
    """
    place = torch.arange(steps.shape[1], device=steps.device)[None, :]  # (1, T)
    turned = torch.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)  # (B, T)
    return steps.gather(1, turned[..., None].expand_as(steps))  # (B, T, F)
