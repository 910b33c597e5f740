"""The encoder as a part of an ONNX graph."""

from typing import cast

from torch import Tensor, nn

from cartveil.insight.models.encoder import PADDING, Encoder
from cartveil.insight.models.onnx.graph import Graph
from cartveil.insight.models.stack import Layer

#: Names of the inputs that are no field.
NUMERIC, LENGTHS = "numeric", "lengths"


def add_encoder(graph: Graph, encoder: Encoder) -> str:
    """Add what `Encoder.forward` does; return the name of the hidden states (B, T, H)."""
    config = encoder.config
    parts = [graph.add("Gather", graph.weight(_matrix(encoder, name)), name) for name, _ in config.categorical]
    parts += [_bag(graph, _matrix(encoder, name), name) for name, _ in config.bags]  # (B, T, E) each
    parts += [NUMERIC] if config.numeric else []  # (B, T, F)
    step = graph.add("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0]
    if encoder.project is not None:
        step = graph.add("Relu", graph.linear(step, encoder.project.weight, encoder.project.bias))
    steps = graph.add("Transpose", step, perm=[1, 0, 2])  # (T, B, H)
    lengths = graph.add("Cast", LENGTHS, to=_type("INT32"))
    if encoder.lstm is not None:
        for number in range(config.layers):
            steps = graph.lstm(steps, lengths, [(encoder.lstm, number)])
    else:
        for layer in cast(nn.Module, encoder.stack).layers:  # type: ignore[union-attr]
            steps = _layer(graph, cast(Layer, layer), steps, lengths)
    return graph.add("Transpose", steps, perm=[1, 0, 2])  # (B, T, H)


def add_last(graph: Graph, states: str) -> str:
    """Add what picks the state after the last real step of each sequence, (B, H)."""
    place = graph.add("Sub", LENGTHS, graph.whole(1))  # (B,)
    return graph.add("GatherND", states, graph.add("Unsqueeze", place, graph.whole(1)), batch_dims=1)


def _bag(graph: Graph, matrix: Tensor, name: str) -> str:
    axis = graph.whole(2)
    total = graph.add("ReduceSum", graph.add("Gather", graph.weight(matrix), name), axis, keepdims=0)  # (B, T, E)
    real = graph.add("Not", graph.add("Equal", name, graph.whole(PADDING)))  # (B, T, K)
    count = graph.add("ReduceSum", graph.add("Cast", real, to=_type("FLOAT")), axis, keepdims=1)  # (B, T, 1)
    return graph.add("Div", total, graph.add("Max", count, graph.weight(matrix.new_ones(1))))


def _layer(graph: Graph, layer: Layer, steps: str, lengths: str) -> str:
    ways = [(layer.forwards, 0)] + ([] if layer.backwards is None else [(layer.backwards, 0)])
    states = graph.lstm(steps, lengths, [(lstm, number) for lstm, number in ways])
    if layer.residual:
        states = graph.add("Add", states, steps)
    if layer.norm is None:
        return states
    weights = graph.weight(layer.norm.weight), graph.weight(layer.norm.bias)
    return graph.add("LayerNormalization", states, *weights, axis=-1, epsilon=layer.norm.eps)


def _matrix(encoder: Encoder, name: str) -> Tensor:
    return cast(nn.Embedding, encoder.embeddings[name]).weight


def _type(name: str) -> int:
    from onnx import TensorProto

    return int(getattr(TensorProto, name))
