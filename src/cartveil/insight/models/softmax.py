"""The softmax head: cross-entropy over many items, without ever holding the scores of all steps and items at once.

In plain training the scores of a tile of steps are turned into gradients in the forward pass, while they are at hand.
With a tap set, the scores of one part of the batch become p - y in place, and are handed to the tap in the backward
pass.

    >>> head = SoftmaxHead(16, 1000)
    >>> head.losses(torch.zeros(2, 5, 16), torch.ones(2, 5, dtype=torch.long), torch.ones(2, 5)).shape
    torch.Size([2])
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Scores of one tile in plain training: 8 MiB, which large caches hold.
TILE = 1 << 21

#: A probability below this has lost digits.
SMALLEST = 1e-30


class SoftmaxTap(Protocol):
    """What listens to a softmax head: the tape of private training, or a test."""

    def take(self, *shape: int, like: Tensor) -> Tensor:
        """Lend memory, of any content, until the backward pass is over."""

    def once(self, layer: nn.Module, make: Callable[[], Tensor]) -> Tensor:
        """Return what a layer makes of its parameters, made once for all parts of a batch."""

    def note_softmax(self, head: nn.Module, rows: Tensor, slopes: Tensor, factors: Tensor, owner: Tensor) -> None:
        """Take note of the R steps whose cross-entropy counts.

        Args:
            head: The softmax head.
            rows: Their states, (R, H).
            slopes: Probabilities less the target p - y, (R, V); what was lent, free to be changed.
            factors: What the gradient of each row is to be multiplied by, (R,).
            owner: Sequence of each row, rising, (R,).
        """


class SoftmaxHead(nn.Module):
    """Score every item after every step.

    Args:
        hidden: Units of a state H.
        items: How many items there are V.
        bias: Give each item a score of its own.
        weight: An embedding's matrix (V, H) to share; a matrix of its own where not given.
    """

    def __init__(self, hidden: int, items: int, *, bias: bool = True, weight: nn.Parameter | None = None) -> None:
        super().__init__()
        own = nn.Parameter(torch.empty(items, hidden).normal_(std=hidden**-0.5)) if weight is None else weight
        self.weight = own
        self.bias = nn.Parameter(torch.zeros(items)) if bias else None
        self.tap: SoftmaxTap | None = None

    def scores(self, states: Tensor) -> Tensor:
        """Return the score of each item (..., V) after states (..., H)."""
        return functional.linear(states, self.weight, self.bias)

    def losses(self, states: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted sum of each sequence's cross-entropies, (B,), in nats.

        Args:
            states: (B, T, H).
            targets: The item that follows each step, (B, T).
            weights: Weight of each step's cross-entropy (B, T); steps of weight zero cost nothing.

        Guarantees:
            - Values and gradients are those of `functional.cross_entropy` within rounding.
        """
        place = weights.flatten().nonzero().squeeze(1)  # (R,)
        owner = place // max(weights.shape[1], 1)
        factors = weights.flatten()[place]
        states = states.to(self.weight.dtype)  # autocast hands over bfloat16
        each = self._each(_Rows.apply(states, place), targets.flatten()[place], factors, owner)  # type: ignore[no-untyped-call]
        return each.new_zeros(len(states)).index_add(0, owner, each * factors)

    def _each(self, rows: Tensor, wanted: Tensor, factors: Tensor, owner: Tensor) -> Tensor:
        if self.tap is not None:
            each: Tensor = _Tapped.apply(rows, wanted, self, owner)  # type: ignore[no-untyped-call]
        elif torch.is_grad_enabled():
            each = _Tiled.apply(rows, self.weight, self.bias, wanted, factors)  # type: ignore[no-untyped-call]
        else:
            size = max(1, TILE // len(self.weight))
            tiles = zip(torch.split(rows, size), torch.split(wanted, size), strict=True)
            each = torch.cat([functional.cross_entropy(self.scores(r), at, reduction="none") for r, at in tiles])
        return each


class _Rows(torch.autograd.Function):
    """Pick rows of states (B, T, H), without the detours of indexing."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, place: Tensor) -> Tensor:
        ctx.shape, ctx.place = states.shape, place
        flat = states.reshape(-1, states.shape[-1])
        return flat if len(place) == len(flat) else flat[place]

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> Any:
        if len(slopes) == ctx.shape[0] * ctx.shape[1]:
            return slopes.view(ctx.shape), None
        whole = slopes.new_zeros(ctx.shape)
        whole.view(-1, ctx.shape[-1])[ctx.place] = slopes
        return whole, None


class _Tapped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, wanted: Tensor, head: Any, owner: Tensor) -> Tensor:
        matrix = head.tap.once(
            head, lambda: _joined(head.weight.detach(), None if head.bias is None else head.bias.detach())
        )
        inputs = _with_one(rows, matrix)
        scores = torch.mm(inputs, matrix.T, out=head.tap.take(len(rows), len(matrix), like=rows))  # (R, V)
        losses, slopes = _losses_and_slopes(scores, wanted, inputs, matrix)
        ctx.kept = (rows.detach(), slopes, head, owner)
        return losses

    @staticmethod
    def backward(ctx: Any, factors: Tensor) -> Any:
        rows, slopes, head, owner = ctx.kept
        ctx.kept = None  # what was lent must not be held any longer
        below = (slopes @ head.weight.detach()).mul_(factors[:, None])  # (R, H)
        head.tap.note_softmax(head, rows, slopes, factors, owner)
        return below, None, None, None


class _Tiled(torch.autograd.Function):
    """Gradients for the factors that are expected; others are a multiple of them, or computed anew."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Any, wanted: Tensor, factors: Tensor) -> Tensor:
        losses, ctx.gradients = _gradients(rows, weight, bias, wanted, factors)
        ctx.save_for_backward(rows, weight, bias, wanted, factors)
        return losses

    @staticmethod
    def backward(ctx: Any, factors: Tensor) -> Any:
        rows, weight, bias, wanted, expected = ctx.saved_tensors
        ratio = factors / expected
        if len(ratio) and bool(((ratio - ratio[0]).abs() <= 1e-6 * ratio[0].abs()).all()):
            found = tuple(None if each is None else each.mul_(ratio[0]) for each in ctx.gradients)
        else:
            found = _gradients(rows, weight, bias, wanted, factors)[1]
        ctx.gradients = None
        return *found, None, None


def _gradients(
    rows: Tensor, weight: Tensor, bias: Tensor | None, wanted: Tensor, factors: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor | None]]:
    """Return the losses (R,), and the gradients of rows (R, H), weight (V, H) and bias (V,)."""
    matrix = _joined(weight, bias)
    inputs = _with_one(rows, matrix)  # (R, H + 1)
    below = torch.empty_like(rows)
    sums = rows.new_zeros(matrix.shape[1], matrix.shape[0])  # (H + 1, V), the faster way round
    size = max(1, TILE // len(weight))
    scores = rows.new_empty(min(len(rows), size), len(weight))
    losses = []
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        tile = _product(inputs[part], matrix.T, into=scores[: len(rows[part])])
        loss, slopes = _losses_and_slopes(tile, wanted[part], inputs[part], matrix)
        losses.append(loss)
        _product(slopes, weight, into=below[part])
        _product((inputs[part] * factors[part, None]).T, slopes, into=sums, add=True)
    below.mul_(factors[:, None])
    wide = rows.shape[1]
    return torch.cat([rows.new_zeros(0), *losses]), (
        below,
        sums[:wide].T.contiguous(),
        None if bias is None else sums[wide],
    )


def _product(one: Tensor, other: Tensor, *, into: Tensor, add: bool = False) -> Tensor:
    """Multiply into memory that is there; under autocast in its precision, as products without `out` are."""
    if torch.is_autocast_enabled(one.device.type):
        found = torch.mm(one, other)
        return into.add_(found) if add else into.copy_(found)
    return into.addmm_(one, other) if add else torch.mm(one, other, out=into)


def _joined(weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the weight with the bias as a last column, (V, H + 1): one product instead of a product and a pass."""
    return weight if bias is None else torch.cat([weight, bias[:, None]], dim=1)


def _with_one(rows: Tensor, matrix: Tensor) -> Tensor:
    return rows if rows.shape[1] == matrix.shape[1] else torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)


def _losses_and_slopes(scores: Tensor, wanted: Tensor, inputs: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of each row (R,), and p - y (R, V) in the memory of the scores.

    Args:
        scores: inputs @ matrix.T, (R, V).
        wanted: The item that followed, (R,).
        inputs: (R, I).
        matrix: (V, I).
    """
    at = wanted[:, None]
    picked = scores.gather(1, at).squeeze(1)  # (R,)
    slopes = torch.softmax(scores, dim=1, out=scores)
    chance = slopes.gather(1, at).squeeze(1)
    losses = -chance.log()
    small = chance < SMALLEST
    if bool(small.any()):  # rounded away: by the score of the likeliest item instead, which the softmax overwrote
        most, item = slopes.max(1)
        losses = torch.where(small, (inputs * matrix[item]).sum(1) - most.log() - picked, losses)
    slopes.scatter_add_(1, at, slopes.new_full(at.shape, -1))
    return losses, slopes
