"""Cross-entropy over all items against targets that may be spread over neighbours, rounded where that is fast.

With a few purchases of each item, a network soon knows by heart what followed what. Spreading a part of each target
over the items that go with it, as item-kNN counts them, tells it what might as well have followed.

Processors with bfloat16 units multiply its matrices several times faster. The products are rounded, and what is summed
over the steps of a batch is kept in full precision.

Source: Szegedy et al., Rethinking the Inception Architecture, CVPR 2016, section 7 (smoothed targets, evenly spread).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.sequential.transitions import Transitions

#: Scores held at once, of some steps and all items.
_CELLS = 1 << 24

#: A chance below this has lost its digits in bfloat16.
_LEAST = 1e-9


@dataclass(frozen=True)
class Spread:
    """Which items share a target, in flat tensors.

    Args:
        share: Part of each target that its neighbours get, 0 to below 1.
        offsets: Neighbours of item a stand at `offsets[a]:offsets[a + 1]`, (V + 1,).
        items: Item ids, (entries,).
        weights: Of each, those of an item with neighbours add up to 1, (entries,).
    """

    share: float
    offsets: Tensor
    items: Tensor
    weights: Tensor


def spread_over(neighbours: Transitions, share: float, *, at_most: int) -> Spread:
    """Return how targets are spread over the nearest neighbours of an item.

    Args:
        neighbours: Which items go with which.
        share: See `Spread`.
        at_most: Neighbours of one item.
    """
    count = np.diff(neighbours.offsets)
    owner = np.repeat(np.arange(len(count)), count)
    order = np.lexsort((-neighbours.weight, owner))
    place = np.arange(len(owner)) - np.repeat(neighbours.offsets[:-1], count)
    kept = order[(place < at_most) & (neighbours.weight[order] > 0)]
    total = np.bincount(owner[kept], weights=neighbours.weight[kept], minlength=len(count))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=len(count)))])
    weights = neighbours.weight[kept] / total[owner[kept]]
    return Spread(
        share, torch.from_numpy(offsets), torch.from_numpy(neighbours.follower[kept]), torch.from_numpy(weights).float()
    )


def spread_entropies(
    rows: Tensor, matrix: Tensor, wanted: Tensor, *, spread: Spread | None = None, rounded: bool = False
) -> Tensor:
    """Return the sum of the cross-entropies of all rows, a scalar in nats.

    Args:
        rows: States (R, H).
        matrix: One row for each item, (V, H).
        wanted: The item that followed, (R,).
        spread: Over which items targets are spread; None for one item a target.
        rounded: Multiply in bfloat16.
    """
    total: Tensor = _Crossing.apply(rows, matrix, wanted, spread, torch.bfloat16 if rounded else matrix.dtype)  # type: ignore[no-untyped-call]
    return total


class _Crossing(torch.autograd.Function):
    """Turn the scores of a tile of steps into gradients while they are at hand."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, matrix: Tensor, wanted: Tensor, spread: Any, kind: torch.dtype) -> Tensor:
        quick, below, sums = matrix.to(kind), torch.empty_like(rows), torch.zeros_like(matrix.T)
        total = rows.new_zeros(())
        size = max(1, _CELLS // len(matrix))
        for begin in range(0, len(rows), size):
            part = slice(begin, begin + size)
            read = rows[part].to(kind)
            chances = torch.softmax(read @ quick.T, dim=1)  # (R, V)
            cell, value = _targets(wanted[part], spread)
            flat = chances.view(-1)
            index = cell[0] * len(matrix) + cell[1]
            total -= (flat[index].float().clamp(min=_LEAST).log() * value).sum()
            flat.index_add_(0, index, -value.to(kind))  # chances less targets
            below[part] = (chances @ quick).to(below.dtype)
            sums += (read.T @ chances).to(sums.dtype)
        ctx.save_for_backward(below, sums.T.contiguous())
        return total

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Any:
        below, sums = ctx.saved_tensors
        return below * slope, sums * slope, None, None, None


def _targets(wanted: Tensor, spread: Spread | None) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return row and item of everything that a tile is asked for, (entries,) each, and its share (entries,)."""
    rows = torch.arange(len(wanted), device=wanted.device)
    if spread is None:
        return (rows, wanted), torch.ones(len(wanted), device=wanted.device)
    begin, count = spread.offsets[wanted], spread.offsets[wanted + 1] - spread.offsets[wanted]
    ends = count.cumsum(0)
    place = torch.repeat_interleave(begin - (ends - count), count) + torch.arange(int(count.sum()))
    own = torch.where(count > 0, 1 - spread.share, 1.0)  # an item without neighbours keeps its target whole
    return (
        (torch.cat([rows, torch.repeat_interleave(rows, count)]), torch.cat([wanted, spread.items[place]])),
        torch.cat([own, spread.share * spread.weights[place]]),
    )
