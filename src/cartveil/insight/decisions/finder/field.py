"""The conditional random field by products of matrices: the losses of `models.tags`, several times faster.

Probabilities are scaled at each step instead of kept as logarithms, and the gradient is written out: what the field
expects of each tag and each move, minus what is there. Moves are shared by all sequences, so this serves plain training
alone; private training needs each sequence's own, and takes `TagModel.losses`.

Source: Rabiner, A Tutorial on Hidden Markov Models, 1989, section V.A; gradient: Sutton and McCallum, An Introduction
to Conditional Random Fields, 2012, equation 5.7.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.tags import TagModel, score_of


@dataclass(frozen=True)
class Lattice:
    """All taggings of some sequences, summed up.

    Args:
        ahead: How likely each tag is given what stands before and at each step, (B, T, K).
        behind: What remains to be multiplied by to know what stands after, too, (B, T, K).
        after: `behind` with the step's own score, 0 at the first step and after the last, (B, T, K).
        between: Exponential scores of the moves, (K, K).
        total: Log of the summed exponential scores, (B,).
    """

    ahead: Tensor
    behind: Tensor
    after: Tensor
    between: Tensor
    total: Tensor

    @property
    def likely(self) -> Tensor:
        """Return how likely each tag is at each step given the whole sequence, (B, T, K)."""
        return self.ahead * self.behind

    def expected(self, weights: Tensor) -> Tensor:
        """Return how often each move from tag to tag is to be expected, (K, K).

        Args:
            weights: Of each sequence, (B,).
        """
        weighted = self.after[:, 1:] * weights[:, None, None]  # (B, T - 1, K)
        return self.between * (self.ahead[:, :-1].flatten(0, 1).T @ weighted.flatten(0, 1))


def losses_of(model: TagModel, batch: Batch, tags: Tensor) -> Tensor:
    """Return minus the log-likelihood of each sequence's tags, (B,).

    Args:
        model: Whose scores and moves.
        batch: The sequences.
        tags: (B, T); what stands after a sequence's length is ignored.

    Guarantees:
        - Losses and gradients are those of `TagModel.losses` within rounding.
    """
    losses: Tensor = _Losses.apply(model(batch).double(), moves_of(model).double(), tags, batch.mask)  # type: ignore[no-untyped-call]
    return losses


def moves_of(model: TagModel) -> Tensor:
    """Return the scores of the moves: from tag to tag, then from the start, then to the end, (K + 2, K)."""
    moves: Tensor = model.moves.weight + model.rules
    return moves


def lattice(scores: Tensor, moves: Tensor, mask: Tensor) -> Lattice:
    """Sum up all taggings.

    Args:
        scores: Of each tag at each step, (B, T, K) float64: single precision has too few exponents.
        moves: (K + 2, K) float64.
        mask: Which steps are real, (B, T).
    """
    most = scores.amax(-1, keepdim=True)  # (B, T, 1)
    own = (scores - most).exp()
    between, first, last = moves[:-2].exp(), moves[-2].exp(), moves[-1].exp()
    ahead, scales = _forward(own, first, between, mask)
    ends = ahead[:, -1] @ last  # (B,)
    behind, after = _backward(own / scales[..., None], last / ends[:, None], between, mask)
    total = ((scales.log() + most.squeeze(-1)) * mask).sum(-1) + ends.log()
    return Lattice(ahead, behind, after, between, total)


def _forward(own: Tensor, first: Tensor, between: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scaled sums from the start, (B, T, K), frozen after a sequence's length, and the scales, (B, T)."""
    here = own[:, 0] * first
    scale = here.sum(-1, keepdim=True)
    here = here / scale
    sums, scales = [here], [scale]
    for step, real in zip(own[:, 1:].unbind(1), mask[:, 1:, None].unbind(1), strict=True):
        reached = (here @ between) * step
        scale = reached.sum(-1, keepdim=True)
        here = torch.where(real, reached / scale, here)
        sums.append(here)
        scales.append(torch.where(real, scale, 1.0))
    return torch.stack(sums, dim=1), torch.cat(scales, dim=1)


def _backward(own: Tensor, last: Tensor, between: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scaled sums from the end, without and with the step's own score, (B, T, K) each."""
    back, here = between.T.contiguous(), last
    sums, withs = [here], []
    for step, real in zip(reversed(own[:, 1:].unbind(1)), reversed(mask[:, 1:, None].unbind(1)), strict=True):
        joint = step * here
        withs.append(torch.where(real, joint, 0.0))
        here = torch.where(real, joint @ back, here)
        sums.append(here)
    withs.append(torch.zeros_like(here))
    return torch.stack(sums[::-1], dim=1), torch.stack(withs[::-1], dim=1)


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, moves: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        found = lattice(scores, moves, mask)
        ctx.lattice = found
        ctx.save_for_backward(tags, mask)
        return found.total - score_of(tags, scores, moves.expand(len(tags), -1, -1), mask)

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> Any:
        tags, mask = ctx.saved_tensors
        found: Lattice = ctx.lattice
        likely = found.likely
        there = torch.nn.functional.one_hot(tags.masked_fill(~mask, 0), likely.shape[-1]).to(likely.dtype)
        weights = above[:, None, None] * mask[..., None]
        missed = (likely - there) * weights  # (B, T, K)
        last = mask.sum(-1)[:, None, None].expand(-1, 1, likely.shape[-1]) - 1
        ends = torch.stack([missed[:, 0].sum(0), missed.gather(1, last).squeeze(1).sum(0)])  # (2, K)
        counted = there[:, :-1].flatten(0, 1).T @ (there * weights)[:, 1:].flatten(0, 1)  # (K, K)
        return missed, torch.cat([found.expected(above) - counted, ends]), None, None
