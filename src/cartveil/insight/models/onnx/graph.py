"""An ONNX graph under construction: nodes in order, weights, and a name for every result.

The graph is written out by hand: it holds one LSTM node per layer, which reads each sequence to its own length, and
nothing that PyTorch's exporter would add (which takes seconds, and fixes sizes by accident).
"""

from typing import Any

import torch
from torch import Tensor, nn

#: Where PyTorch's gates i, f, c~, o stand in ONNX's order i, o, f, c~.
_GATES = (0, 3, 1, 2)


class Graph:
    """Nodes and weights, in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node of one result.

        Args:
            kind: Operator of ONNX.
            inputs: Names of what it reads.
            name: Of the result; a new one where none is given.
            attributes: Of the operator.
        """
        result = name or self._name(kind)
        return self._node(kind, inputs, [result], attributes)[0]

    def split(self, value: str, sizes: list[int]) -> list[str]:
        """Cut the last axis into parts of these sizes."""
        results = [self._name(f"Split{number}") for number in range(len(sizes))]
        return self._node("Split", (value, self.whole(*sizes)), results, {"axis": -1})

    def weight(self, tensor: Tensor) -> str:
        """Add a tensor of numbers, in single precision."""
        return self._kept(tensor.detach().float().cpu())

    def whole(self, *numbers: int) -> str:
        """Add a vector of whole numbers."""
        return self._kept(torch.tensor(numbers, dtype=torch.int64))

    def number(self, number: int) -> str:
        """Add one whole number."""
        return self._kept(torch.tensor(number))

    def linear(self, value: str, matrix: Tensor, bias: Tensor | None) -> str:
        """Add value times matrix (out, in) transposed, plus bias."""
        product = self.add("MatMul", value, self.weight(matrix.T))
        return product if bias is None else self.add("Add", product, self.weight(bias))

    def lstm(self, steps: str, lengths: str, ways: list[tuple[nn.LSTM, int]]) -> str:
        """Add one layer over steps (T, B, D): states (T, B, H), or both ways beside each other, (T, B, 2H).

        Args:
            steps: Name of the steps.
            lengths: Name of the lengths, int32 (B,).
            ways: The LSTM and its layer that read from the start, then those that read from the end.
        """
        into, across = (
            self.weight(torch.stack([_gates(lstm, f"{name}_l{layer}") for lstm, layer in ways]))  # (ways, 4H, D)
            for name in ("weight_ih", "weight_hh")
        )
        biases = [
            torch.cat([_gates(lstm, f"bias_ih_l{layer}"), _gates(lstm, f"bias_hh_l{layer}")]) for lstm, layer in ways
        ]
        bias, units = self.weight(torch.stack(biases)), ways[0][0].hidden_size  # (ways, 8H)
        direction = "bidirectional" if len(ways) > 1 else "forward"
        states = self.add("LSTM", steps, into, across, bias, lengths, hidden_size=units, direction=direction)
        turned = self.add("Transpose", states, perm=[0, 2, 1, 3])  # (T, B, ways, H)
        return self.add("Reshape", turned, self.whole(0, 0, len(ways) * units))

    def _node(self, kind: str, inputs: tuple[str, ...], results: list[str], attributes: dict[str, Any]) -> list[str]:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), results, **attributes))
        return results

    def _kept(self, tensor: Tensor) -> str:
        from onnx import numpy_helper

        name = f"/weight/{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(tensor.contiguous().numpy(), name))
        return name

    def _name(self, kind: str) -> str:
        return f"/{kind}/{len(self.nodes)}"


def _gates(lstm: nn.LSTM, name: str) -> Tensor:
    parts = getattr(lstm, name).detach().chunk(4)
    return torch.cat([parts[place] for place in _GATES])  # (4H, ...)
