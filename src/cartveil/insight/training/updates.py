"""An update is how the gradients of one step are obtained; plain, private and truncated training differ in it alone.

The loop draws a batch, asks the update for gradients, and takes the step. So schedules, weight decay, checkpoints and
progress are the same for all.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError


class Update(Protocol):
    """How the gradients of one step are obtained."""

    @property
    def bounded(self) -> bool:
        """Return whether the gradients were clipped already; others the loop clips to `TrainingConfig.clip_norm`."""
        ...

    def gradients(self, model: nn.Module, loss: Callable[[Any, Any], Tensor], batch: Any) -> float:
        """Leave a gradient at every parameter that is trained, and return the loss; NaN where it must not be told.

        Args:
            model: In training mode; no parameter has a gradient.
            loss: What `fit` was given, its batches brought to the model's device.
            batch: What `batches` yielded.

        Raises:
            ModelError: The loss is not finite.
        """
        ...

    def state(self) -> Mapping[str, Any]:
        """Return what a checkpoint must keep, in JSON's types."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        ...


class PlainUpdate:
    """Back-propagate the mean loss of the batch."""

    bounded = False

    def gradients(self, model: nn.Module, loss: Callable[[Any, Any], Tensor], batch: Any) -> float:
        """Return the loss, its gradients left at the parameters; see `Update`."""
        value = loss(model, batch)
        if not torch.isfinite(value):
            raise not_finite()
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    def state(self) -> Mapping[str, Any]:
        """Return nothing: all that this update knows stands in the batch."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Keep nothing."""


def not_finite() -> ModelError:
    """Return the error of a loss that is infinite or no number."""
    return ModelError("loss is not finite", hint="lower the learning rate, or look for extreme values")
