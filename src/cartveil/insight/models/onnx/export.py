"""One trained model as one ONNX file, its batch and its time of any size.

Inputs are named as the encoder's fields, `numeric` where there are numeric features, and `lengths`. What each model
answers:

- `NextItem`: `scores` (batch, items) after the last step;
- `RiskModel`: `risk` (batch,), the probability after the last step;
- `FieldsModel`: `next_FIELD` (batch, time, ids), log-probabilities;
- `QuantileModel`: `quantiles` (batch, time, targets, levels);
- `CountModel`: `counts` (batch, time, targets, 3K + 1), which `counts_of` makes a distribution;
- `TagModel`: `scores` (batch, time, tags) and `moves` (tags + 2, tags), from which `best_tags` chooses.

After a sequence's length there stand numbers that mean nothing, as in PyTorch.
"""

import importlib.util
from pathlib import Path
from typing import Any

from torch import nn

from cartveil.errors import MissingExtraError, ModelError
from cartveil.events.writing import replace_file
from cartveil.insight.models.counts import CountModel
from cartveil.insight.models.encoder import Encoder, EncoderConfig
from cartveil.insight.models.fields import FieldsModel
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.models.onnx.encoding import LENGTHS, NUMERIC, add_encoder, add_last
from cartveil.insight.models.onnx.graph import Graph
from cartveil.insight.models.quantiles import GAP, QuantileModel
from cartveil.insight.models.risk import RiskModel
from cartveil.insight.models.tags import TagModel

#: The oldest set of operators that has all that is needed, and the file format that goes with it.
OPSET, FILE_FORMAT = 17, 8

#: Bytes of weights above which a file cannot be written; some are left for the graph.
LARGEST = (1 << 31) - (1 << 20)

#: Shape of a result; a name is an axis of any size.
Shape = tuple[str | int, ...]


def export_onnx(model: nn.Module, path: str | Path) -> None:
    """Write a model as ONNX, in single precision; the model stays as it is.

    Args:
        model: A `NextItem`, `RiskModel`, `FieldsModel`, `QuantileModel`, `CountModel` or `TagModel`.
        path: The file, replaced where it exists.

    Raises:
        MissingExtraError: The package `onnx` is not installed.
        ModelError: Another model, a field that has the name of another input or of a result, or 2 GiB of weights.
        StorageError: The file cannot be written.
    """
    if importlib.util.find_spec("onnx") is None:
        raise MissingExtraError("exporting needs the extra `onnx`", hint="pip install 'cartveil[onnx]'")
    graph = Graph()
    results = _add_model(graph, model)
    data = _file_of(graph, _inputs(model.encoder), results)  # type: ignore[arg-type]
    replace_file(Path(path), lambda new: new.write_bytes(data))


def _add_model(graph: Graph, model: nn.Module) -> dict[str, Shape]:
    match model:
        case NextItem():
            last = add_last(graph, add_encoder(graph, model.encoder))
            graph.add("Identity", graph.linear(last, model.head.weight, model.head.bias), name="scores")
            return {"scores": ("batch", model.config.items)}
        case RiskModel():
            odds = graph.linear(add_last(graph, add_encoder(graph, model.encoder)), model.head.weight, model.head.bias)
            graph.add("Sigmoid", graph.add("Squeeze", odds, graph.whole(1)), name="risk")
            return {"risk": ("batch",)}
        case FieldsModel():
            return _add_fields(graph, model)
        case QuantileModel():
            return _add_quantiles(graph, model)
        case CountModel():
            seen = _beside_features(graph, model.encoder)
            raw = graph.linear(seen, model.head.weight, model.head.bias)
            targets, numbers = model.config.targets, 3 * model.config.parts + 1
            graph.add("Reshape", raw, graph.whole(0, 0, targets, numbers), name="counts")
            return {"counts": ("batch", "time", targets, numbers)}
        case TagModel():
            states = add_encoder(graph, model.encoder)
            graph.add("Identity", graph.linear(states, model.head.weight, model.head.bias), name="scores")
            graph.add("Identity", graph.weight(model.moves.weight + model.rules), name="moves")
            tags = model.config.tags
            return {"scores": ("batch", "time", tags), "moves": (tags + 2, tags)}
        case _:
            raise ModelError(f"a `{type(model).__name__}` cannot be exported", hint="see the guide for those that can")


def _add_fields(graph: Graph, model: FieldsModel) -> dict[str, Shape]:
    scores = graph.linear(add_encoder(graph, model.encoder), model.head.weight, model.head.bias)
    results: dict[str, Shape] = {}
    for part, (field, size) in zip(graph.split(scores, model.sizes), model.config.fields, strict=True):
        graph.add("LogSoftmax", part, axis=-1, name=f"next_{field}")
        results[f"next_{field}"] = ("batch", "time", size)
    return results


def _add_quantiles(graph: Graph, model: QuantileModel) -> dict[str, Shape]:
    targets, levels = model.config.targets, len(model.config.levels)
    raw = graph.linear(_beside_features(graph, model.encoder), model.head.weight, model.head.bias)
    raw = graph.add("Reshape", raw, graph.whole(0, 0, targets, levels))
    if levels > 1:
        first, rest = graph.split(raw, [1, levels - 1])
        rises = graph.add("Softplus", graph.add("Sub", rest, graph.weight(model.head.bias.new_tensor([GAP]))))
        raw = graph.add("Concat", first, rises, axis=-1)
    graph.add("CumSum", raw, graph.number(3), name="quantiles")
    return {"quantiles": ("batch", "time", targets, levels)}


def _beside_features(graph: Graph, encoder: Encoder) -> str:
    """Return the states with the numeric features beside them, which such heads read too."""
    states = add_encoder(graph, encoder)
    return graph.add("Concat", states, NUMERIC, axis=-1) if encoder.config.numeric else states


def _inputs(encoder: Encoder) -> dict[str, Shape]:
    config: EncoderConfig = encoder.config
    inputs: dict[str, Shape] = {name: ("batch", "time") for name, _ in config.categorical}
    inputs |= {name: ("batch", "time", f"{name}_size") for name, _ in config.bags}
    if taken := sorted({NUMERIC, LENGTHS} & set(inputs)):
        raise ModelError(f"field `{taken[0]}` has the name of another input", hint="name the field otherwise")
    return inputs | ({NUMERIC: ("batch", "time", config.numeric)} if config.numeric else {}) | {LENGTHS: ("batch",)}


def _file_of(graph: Graph, inputs: dict[str, Shape], results: dict[str, Shape]) -> bytes:
    from onnx import TensorProto, checker, helper

    def described(name: str, shape: Shape) -> Any:
        kind = TensorProto.INT64 if name in inputs and name != NUMERIC else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, shape)

    if taken := sorted(set(inputs) & set(results)):
        raise ModelError(f"field `{taken[0]}` has the name of a result", hint="name the field otherwise")
    if sum(len(weight.raw_data) for weight in graph.weights) > LARGEST:
        raise ModelError("weights are too large for one ONNX file", hint="2 GiB is the most; take fewer units or items")
    whole = helper.make_graph(
        graph.nodes,
        "cartveil",
        [described(*one) for one in inputs.items()],
        [described(*one) for one in results.items()],
        graph.weights,
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(whole, opset_imports=opset, ir_version=FILE_FORMAT, producer_name="cartveil")
    checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data
