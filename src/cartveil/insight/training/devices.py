"""Where a training computes, and with how many bits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError

#: `full` is float32; `mixed` multiplies matrices in bfloat16 where the device has it and is `full` elsewhere.
Precision = Literal["full", "mixed"]


def device_named(name: str) -> torch.device:
    """Return a device that can be computed on here.

    Raises:
        ModelError: There is no such device here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"no device is called `{name}`", hint="use `cpu` or `cuda`") from None
    missing = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if missing or device.type not in ("cpu", "cuda"):
        raise ModelError(f"device `{name}` is not here", hint="use `cpu`, or a build of torch for this device")
    return device


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's parameters are; the CPU for a model without any."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def placed(sample: Any, device: torch.device) -> Any:
    """Return a batch with all its tensors on a device.

    Args:
        sample: A tensor, anything with `to(device)`, or a tuple, list, mapping or dataclass of such; all else stays.
        device: Where to.
    """
    if hasattr(sample, "to"):
        return sample.to(device)
    if isinstance(sample, Mapping):
        return {name: placed(value, device) for name, value in sample.items()}
    if isinstance(sample, tuple | list):
        return tuple(placed(value, device) for value in sample)
    if is_dataclass(sample) and not isinstance(sample, type):
        return replace(sample, **{each.name: placed(getattr(sample, each.name), device) for each in fields(sample)})
    return sample


def has_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


@dataclass(frozen=True)
class PlacedLoss:
    """A loss that brings its batch to the model's device, and computes in the precision asked for.

    Args:
        loss: (model, batch) -> loss.
        device: Where the model is.
        precision: See `Precision`.

    Raises:
        ModelError: There is no such precision.
    """

    loss: Callable[[Any, Any], Tensor]
    device: torch.device
    precision: Precision = "full"

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise ModelError(f"no precision is called `{self.precision}`", hint="one of full, mixed")

    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        """Return the loss of a batch that may be anywhere."""
        here = batch if self.device.type == "cpu" else placed(batch, self.device)
        if self.precision == "full" or not has_bfloat16(self.device):
            return self.loss(model, here)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            return self.loss(model, here)
