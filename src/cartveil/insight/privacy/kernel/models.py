"""Which models the compiled kernel knows, and where it finds their parameters.

Privacy knows no model classes: a model is recognised by what it is made of. Whatever is not recognised down to the
last parameter is left to `cartveil.insight.privacy.clipping`, which knows more.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.privacy.kernel.library import MAX_FIELDS, MAX_LAYERS, available

_LSTM = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass(frozen=True)
class Parts:
    """A next item model, taken apart.

    Args:
        fields: Name -> embedding of each field, as the LSTM reads them side by side.
        numeric: Numeric features of a step.
        lstm: The layers.
        head: What scores items: `weight` (V, H), and `bias` (V,) or nothing.
        head_bias: That bias.
        tied: Place among the fields of the embedding whose matrix is the head's, or -1.
        dropout: What is applied to the LSTM's input and output.
    """

    fields: dict[str, nn.Embedding]
    numeric: int
    lstm: nn.LSTM
    head: Tensor
    head_bias: Tensor | None
    tied: int
    dropout: nn.Module


def fits(model: nn.Module) -> bool:
    """Return whether the compiled kernel is there and can train this model.

    It can train `NextItem` with an encoder that hands its steps straight to one LSTM of 1 to 4 layers with one trained
    bias each, without bags, in single precision on the CPU.
    """
    return available() and _known(model)


def parts_of(model: nn.Module) -> Parts:
    """Take a model apart.

    Raises:
        ModelError: The kernel does not know it.
    """
    if not _known(model):
        raise ModelError(
            f"the compiled kernel does not know this `{type(model).__name__}`",
            hint="ask `kernel.fits` first; `clipping.clipped_sum` knows more models",
        )
    known: Any = model
    encoder, head = known.encoder, known.head
    fields = dict(encoder.embeddings.items())
    matrices = [id(field.weight) for field in fields.values()]
    tied = matrices.index(id(head.weight)) if id(head.weight) in matrices else -1
    numeric = encoder.lstm.input_size - sum(field.embedding_dim for field in fields.values())
    return Parts(fields, numeric, encoder.lstm, head.weight, head.bias, tied, encoder.dropout)


def _known(model: nn.Module) -> bool:
    encoder, head = getattr(model, "encoder", None), getattr(model, "head", None)
    # By exact name: a subclass may compute something else from the same parameters.
    names = [type(part).__name__ for part in (model, encoder, head)]
    return names == ["NextItem", "Encoder", "SoftmaxHead"] and _known_encoder(encoder) and _known_parameters(model)


def _known_encoder(encoder: Any) -> bool:
    lstm, fields = encoder.lstm, list(encoder.embeddings.values())
    if not isinstance(lstm, nn.LSTM) or encoder.project is not None or encoder.config.bags:
        return False
    plain = lstm.batch_first and lstm.bias and not lstm.bidirectional and not lstm.proj_size and not lstm.dropout
    alike = all(map(_known_embedding, fields)) and len({field.embedding_dim for field in fields}) <= 1
    return plain and alike and lstm.num_layers <= MAX_LAYERS and len(fields) <= MAX_FIELDS


def _known_embedding(field: Any) -> bool:
    return isinstance(field, nn.Embedding) and field.max_norm is None and not field.scale_grad_by_freq


def _known_parameters(model: Any) -> bool:
    lstm, head = model.encoder.lstm, model.head
    expected = [field.weight for field in model.encoder.embeddings.values()]
    spare = []
    for layer in range(lstm.num_layers):
        *trained, untrained = (getattr(lstm, f"{name}_l{layer}") for name in _LSTM)
        expected += trained
        spare.append(untrained)
    expected += [each for each in (head.weight, head.bias) if each is not None]
    known = {id(parameter) for parameter in (*expected, *spare)}
    return (
        {id(parameter) for parameter in model.parameters()} == known
        and all(parameter.requires_grad for parameter in expected)
        and not any(parameter.requires_grad for parameter in spare)
        and all(map(_plain, (*expected, *spare)))
    )


def _plain(parameter: Tensor) -> bool:
    return parameter.dtype == torch.float32 and parameter.device.type == "cpu" and parameter.is_contiguous()
