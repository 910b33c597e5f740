"""What no tape can take notes of: layers through which consumers see one another, though nothing of them is trained."""

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cartveil.errors import ModelError

#: A buffer, and how often it had been changed in place.
Stamp = tuple[Tensor, int]

_HINT = "normalise each step for itself, as `nn.LayerNorm` does, or put the layer into evaluation mode"


def check_rows_apart(model: nn.Module) -> None:
    """Refuse layers that normalise by the batch, with or without weights of their own.

    Raises:
        ModelError: There is one.
    """
    for name, layer in model.named_modules():
        if isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None):
            raise ModelError(f"`{name}` is a `{type(layer).__name__}`, which looks across the batch", hint=_HINT)


def stamps(model: nn.Module) -> dict[str, Stamp]:
    """Return what tells whether a buffer has changed."""
    return {name: (each, each._version) for name, each in model.named_buffers()}


def check_unchanged(model: nn.Module, before: dict[str, Stamp]) -> None:
    """Refuse a model that has changed a buffer: it keeps something of the batch, past clipping and noise.

    Raises:
        ModelError: One was changed, replaced or made.
    """
    after = stamps(model)
    for name, (each, version) in after.items():
        known = before.get(name)
        if known is None or known[0] is not each or known[1] != version:
            layer = name.rpartition(".")[0]
            found = f"`{layer}` is a `{type(model.get_submodule(layer)).__name__}`, which"
            raise ModelError(f"{found} changes its buffer `{name}` during a step", hint=_HINT)
