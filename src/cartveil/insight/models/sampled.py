"""Cross-entropy over very many items, from a few that are drawn: the sampled softmax with its correction.

A softmax over V items costs V products per step. Here the sum over all other items is estimated from N drawn ones, each
divided by how often it was to be expected (in logarithms: minus log Q). The estimate of the sum is right on average
whatever the items are drawn by, so the loss goes to the exact one as N grows.

Items are drawn half by rank, as popular ones weigh most and a vocabulary stands in order of frequency, and half evenly,
so that no weight is extreme where it does not. Nothing about a consumer enters the draw.

Source: Bengio and Senecal, Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language
Model, 2008, section 3; drawn items that are the target are left out as in Jean et al., On Using Very Large Target
Vocabulary for Neural Machine Translation, ACL 2015, section 3.1.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from cartveil.insight.models.heads import NEVER

#: Ids that stand for no item and are least likely to be drawn: padding and unknown.
_RESERVED = 2

#: Scores of one tile.
TILE = 1 << 21


def draw_items(count: int, items: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Draw items with replacement, (count,) int64.

    Args:
        count: How many.
        items: Size of the vocabulary V, whose items stand from most to least frequent.
        generator: Where from; PyTorch's own, which the loop has seeded, where none is given.
    """
    ranked, even = torch.rand(2, count, dtype=torch.float64, generator=generator)  # (count,) each
    rank = ((ranked * math.log(items + 1)).exp() - 1).long().clamp(max=items - 1)
    half = torch.arange(count) % 2 == 0
    drawn = torch.where(half, rank, (even * items).long())
    return (drawn + _RESERVED) % items


def expected_draws(ids: Tensor, count: int, items: int) -> Tensor:
    """Return how often each item is expected among `count` drawn ones, shaped as `ids`, float64.

    Args:
        ids: Items.
        count: As in `draw_items`.
        items: As in `draw_items`.
    """
    rank = ((ids - _RESERVED) % items).double()
    ranked = torch.log1p(1 / (rank + 1)) / math.log(items + 1)
    return (count + 1) // 2 * ranked + count // 2 / items


def sampled_losses(
    states: Tensor, targets: Tensor, weights: Tensor, *, matrix: Tensor, bias: Tensor | None, drawn: Tensor
) -> Tensor:
    """Return the weighted sum of each sequence's estimated cross-entropies, (B,), in nats.

    Args:
        states: (B, T, H).
        targets: The item that follows each step, (B, T).
        weights: Weight of each step (B, T) float; steps of weight zero cost nothing.
        matrix: One row per item (V, H).
        bias: One score per item (V,), or none.
        drawn: What `draw_items` returned, for all steps alike.
    """
    place = weights.flatten().nonzero().squeeze(1)  # (R,)
    rows, wanted = states.flatten(0, 1)[place], targets.flatten()[place]  # (R, H), (R,)
    own = (rows * matrix[wanted]).sum(-1)  # (R,)
    shift = -expected_draws(drawn, len(drawn), len(matrix)).log().to(matrix)  # (N,)
    if bias is not None:
        own, shift = own + bias[wanted], shift + bias[drawn]
    others = _log_sums(rows, wanted, matrix[drawn], shift, drawn)  # (R,)
    each = functional.softplus(others - own) * weights.flatten()[place]  # (R,)
    return each.new_zeros(len(states)).index_add(0, place // weights.shape[1], each)


def _log_sums(rows: Tensor, wanted: Tensor, matrix: Tensor, shift: Tensor, drawn: Tensor) -> Tensor:
    size = max(1, TILE // len(drawn))
    tiles = [(rows[at : at + size], wanted[at : at + size]) for at in range(0, len(rows), size)]
    # Scores are computed again in the backward pass: all tiles' scores at once would be what is to be avoided.
    sums = [checkpoint(_log_sum, *tile, matrix, shift, drawn, use_reentrant=False) for tile in tiles]
    return torch.cat(sums) if sums else rows.new_zeros(0)


def _log_sum(rows: Tensor, wanted: Tensor, matrix: Tensor, shift: Tensor, drawn: Tensor) -> Tensor:
    # Added apart: in mixed precision the product is short, the shift must not be.
    scores = rows @ matrix.T + shift  # (R, N)
    return torch.logsumexp(scores.masked_fill(wanted[:, None] == drawn, NEVER), dim=1)
