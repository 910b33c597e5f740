"""Norms of the consumers' gradients, which rounding never makes too small.

A norm that comes out too small lets its consumer move the sum by more than the clip, and the noise was not made for
that. A Gram matrix adds up large numbers of both signs where the gradients of many steps cancel, such as those of one
target between the same two items over and over: what is left may be rounding alone.

With s the sum of the norms of the steps' gradients, the squared norm by Gram matrices is wrong by about eps s^2, and a
gradient that was added up by eps s. So both are added to what was found, and whoever's squared norm is a hundredth of
s^2 or less has it taken anew, from the gradient itself. Nobody's norm is then too small, and too large by 1e-5 only
where rounding is as large in the sum of gradients itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cartveil.insight.privacy.clipping import lookups, products, scalings
from cartveil.insight.privacy.clipping.lookups import Lookup
from cartveil.insight.privacy.clipping.products import Product
from cartveil.insight.privacy.clipping.scalings import Scaling

#: A squared norm below this part of s^2 is not left to Gram matrices.
CANCELLED = 0.01

#: Rounding of a gradient that is added up, in units of eps s: of the sum itself, and of the factor.
_SPREAD = 2.0


@dataclass(frozen=True)
class _Layer:
    """A layer that multiplies, and look-ups of rows of its own matrix."""

    product: Product
    tied: tuple[Lookup, ...]

    @property
    def doubtful(self) -> bool:
        """Return whether the squared norm is a sum that may cancel."""
        return bool(self.tied) or products.by_gram(self.product)

    def measured(self, size: int) -> tuple[Tensor, Tensor]:
        """Return the squared norms and s, (B,) float64 each."""
        square, total = products.squares(self.product)
        for lookup in self.tied:
            own, steps = lookups.squares(lookup, size=size)
            square = square + own + 2 * lookups.cross(lookup, self.product)
            total = total + steps
        return square, total


def norms(
    layers: Sequence[Product], found: Sequence[Lookup], scaled: Sequence[Scaling], *, size: int, like: Tensor
) -> Tensor:
    """Return the norm of each consumer's gradient over all parameters, (B,) float64.

    Args:
        layers: Merged.
        found: Merged.
        scaled: Merged.
        size: B.
        like: A trained parameter: where and with how many digits is computed.

    Guarantees:
        - No norm is smaller than that of the gradient as it is added up.
        - None is larger by more than 1e-5 of it, unless it is less than a fortieth of s.
    """
    grouped = [_Layer(layer, tuple(each for each in found if _shares(layer, each))) for layer in layers]
    free = [each for each in found if not any(_shares(layer, each) for layer in layers)]
    square = torch.zeros(size, dtype=torch.float64, device=like.device)
    sure, grams, steps = square.clone(), square.clone(), square.clone()
    for each in grouped:
        own, total = each.measured(size)
        square += own
        steps += total.square()
        if each.doubtful:
            grams += total.square()
        else:
            sure += own
    for lookup in free:
        own, total = lookups.squares(lookup, size=size)
        sure, square, steps = sure + own, square + own, steps + total.square()
    for scaling in scaled:
        own = scalings.squares(scaling)
        sure, square = sure + own, square + own
    eps = torch.finfo(like.dtype).eps
    safe = square + eps * grams
    for consumer in (square < CANCELLED * grams).nonzero().flatten().tolist():  # no number is below nothing
        safe[consumer] = sure[consumer] + sum(_anew(each, consumer) for each in grouped if each.doubtful)
    return safe.clamp_(min=0).sqrt_().add_(steps.sqrt_(), alpha=_SPREAD * eps)


def _shares(layer: Product, lookup: Lookup) -> bool:
    return any(name == lookup.weight for name, _, _ in layer.weights)


def _anew(layer: _Layer, consumer: int) -> Tensor:
    """Return the squared norm of one consumer's gradient, from the gradient itself in double precision."""
    inputs, slopes = (
        layer.product.of_each(rows)[consumer].double() for rows in (layer.product.inputs, layer.product.slopes)
    )
    whole = inputs.T @ slopes  # (I + 1, O)
    total = len(layer.product.biases) * whole[-1].square().sum()
    for name, first, end in layer.product.weights:
        weight = whole[first:end].T  # (O, I)
        for lookup in layer.tied:
            if name == lookup.weight:
                own = lookup.owner == consumer
                weight = weight.index_add(0, lookup.ids[own], lookup.slopes[own].double())
        total = total + weight.square().sum()
    return total
