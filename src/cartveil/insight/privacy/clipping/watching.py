"""Watching a layer: it computes as ever, and tells what it read and the slopes of what it gave."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

#: (what the layer read, slopes of what it gave).
Note = Callable[[Tensor, Tensor], None]


def watched(layer: nn.Module, note: Note) -> Callable[[Tensor], Tensor] | None:
    """Return what to call in place of a layer's `forward`, or nothing if the layer is of no kind we know.

    Args:
        layer: Linear, embedding or layer norm, not a subclass that computes something else.
        note: Called in the backward pass, instead of a gradient of the layer's parameters.
    """
    kind: Any = type(layer)
    if isinstance(layer, nn.Linear) and kind.forward is nn.Linear.forward:
        return partial(_linear, layer, note)
    if isinstance(layer, nn.Embedding) and kind.forward is nn.Embedding.forward and _is_simple(layer):
        return partial(_embedding, layer, note)
    if isinstance(layer, nn.LayerNorm) and kind.forward is nn.LayerNorm.forward and len(layer.normalized_shape) == 1:
        return partial(_norm, layer, note)
    return None


def _is_simple(layer: nn.Embedding) -> bool:
    return layer.max_norm is None and not layer.scale_grad_by_freq and not layer.sparse


def _linear(layer: nn.Linear, note: Note, inputs: Tensor) -> Tensor:
    given = functional.linear(inputs, layer.weight.detach(), _detached(layer.bias))
    return _watch(given, partial(note, inputs.detach()))


def _embedding(layer: nn.Embedding, note: Note, ids: Tensor) -> Tensor:
    return _watch(functional.embedding(ids, layer.weight.detach()), partial(note, ids))


def _norm(layer: nn.LayerNorm, note: Note, inputs: Tensor) -> Tensor:
    normal = functional.layer_norm(inputs, layer.normalized_shape, eps=layer.eps)
    given = normal if layer.weight is None else normal * layer.weight.detach()
    given = given if layer.bias is None else given + layer.bias.detach()
    return _watch(given, partial(note, normal.detach()))


def _detached(parameter: Tensor | None) -> Tensor | None:
    return None if parameter is None else parameter.detach()


def _watch(given: Tensor, note: Callable[[Tensor], None]) -> Tensor:
    # Back-propagation must come here though no parameter asks for it.
    anchor = given.new_zeros((), requires_grad=True)
    result: Tensor = _Watch.apply(anchor, given, note)  # type: ignore[no-untyped-call]
    return result


class _Watch(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, _: Tensor, given: Tensor, note: Callable[[Tensor], None]) -> Tensor:
        ctx.note = note
        return given.view_as(given)

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> Any:
        ctx.note(slopes)
        return None, slopes if ctx.needs_input_grad[1] else None, None


def leaves(values: Tensor) -> set[int]:
    """Return the identities of all tensors of which a backward pass from some values would compute the gradient."""
    found: set[int] = set()
    seen: set[Any] = set()
    ahead: list[Any] = [values.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        ahead.extend(before for before, _ in node.next_functions)
    return found
