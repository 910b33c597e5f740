"""The compiled kernel as a way to obtain gradients: for next item models on a processor, privately or not.

Where the kernel is missing or does not know the model, the same gradients come from torch: nothing but time depends on
it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.privacy import kernel
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.training.devices import PlacedLoss
from cartveil.insight.training.lessons import Lesson, losses_of, mean_loss
from cartveil.insight.training.updates import PlainUpdate, not_finite

#: Rows that the kernel is handed at once: enough for all threads, few enough for dropout masks to be small.
ROWS = 256


class CompiledUpdate:
    """Obtain the gradients of `mean_loss` by the compiled kernel; see `Update`.

    Args:
        threads: Of the kernel; sums differ in their last bits from number to number.

    Guarantees:
        - The gradients are those of `PlainUpdate` but for rounding, and for which units dropout drops.
    """

    bounded = False

    def __init__(self, *, threads: int = 1) -> None:
        self.threads = threads
        self._plain = PlainUpdate()

    def gradients(self, model: nn.Module, loss: Callable[[Any, Any], Tensor], batch: Any) -> float:
        """Return the loss, its gradients left at the parameters.

        Raises:
            ModelError: The loss is not finite, or is another than `mean_loss`.
        """
        if _loss_of(loss) is not mean_loss:
            raise ModelError("the compiled kernel knows another loss", hint="fit with `mean_loss`, or `PlainUpdate`")
        if not (knows(model) and isinstance(batch, Lesson)):
            return self._plain.gradients(model, loss, batch)
        total = batch.weights.sum().clamp(min=1e-6)
        # Weighted so, the sum is the mean: no gradient needs to be gone through again.
        sums, losses = kernel.plain_sum(model, batch.batch, batch.targets, batch.weights / total, threads=self.threads)
        if not torch.isfinite(losses).all():
            raise not_finite()
        for name, parameter in model.named_parameters():
            parameter.grad = sums.get(name)
        return float(losses.sum())

    def state(self) -> Mapping[str, Any]:
        """Return nothing: all that this update knows stands in the batch."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Keep nothing."""


def knows(model: nn.Module) -> bool:
    """Return whether the kernel obtains what `mean_loss` does: it draws no items where the model would."""
    return isinstance(model, NextItem) and kernel.fits(model) and model.config.items <= model.config.sampled_above


def clips(model: nn.Module, losses: Callable[[Any, Any], Tensor]) -> bool:
    """Return whether the kernel can clip these losses of this model."""
    return _loss_of(losses) is losses_of and kernel.fits(model)


def compiled_clipped_sum(
    model: nn.Module, lessons: Iterable[Lesson], *, clip: float, automatic: bool, shares: Tensor, threads: int
) -> ClippedSum:
    """Return what `clipping.clipped_sum` does, by the kernel.

    Args:
        model: One that `clips`.
        lessons: The batch in some pieces, at least one.
        clip: Largest norm of what one row adds, before its share.
        automatic: See `clipping.clipped_sum`.
        shares: Of each row in the order of the lessons, (rows,).
        threads: Of the kernel.
    """
    gradients: dict[str, Tensor] = {}
    examples = clipped = non_finite = 0
    for lesson in lessons:
        own = shares[examples : examples + len(lesson.lengths)]
        found = kernel.clipped_sum(
            model,
            lesson.batch,
            lesson.targets,
            lesson.weights,
            clip=clip,
            automatic=automatic,
            shares=own,
            threads=threads,
        )
        gradients = {name: each + gradients[name] if gradients else each for name, each in found.gradients.items()}
        examples, clipped = examples + found.examples, clipped + found.clipped
        non_finite += found.non_finite
    # Rows of a consumer may lie in several pieces; their shares bound them together, so the bound stays.
    return ClippedSum(gradients, clip, examples, clipped, non_finite)


def _loss_of(loss: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    return loss.loss if isinstance(loss, PlacedLoss) else loss
