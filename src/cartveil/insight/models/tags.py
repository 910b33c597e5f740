"""The tag head: one tag for each step, chosen together by a conditional random field over an LSTM.

A tagging that no label scheme allows (the inside of a name without its beginning) can be forbidden; then it has no
probability in training and is never answered.

Source: Lafferty, McCallum and Pereira, Conditional Random Fields, ICML 2001; over a bidirectional LSTM by Huang, Xu
and Yu, Bidirectional LSTM-CRF Models for Sequence Tagging, 2015, section 2.5.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig
from cartveil.insight.models.heads import NEVER


@dataclass(frozen=True)
class TagsConfig:
    """Shape of a tag model.

    Args:
        encoder: How the sequence is read; bidirectional is usual.
        tags: How many tags K there are.
        forbidden: (tag, tag) that never follow each other.
        never_first: Tags that begin no sequence.

    Raises:
        ModelError: No tag, or a rule names one that is not there.
    """

    encoder: EncoderConfig
    tags: int
    forbidden: tuple[tuple[int, int], ...] = ()
    never_first: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        named = {*self.never_first, *(tag for pair in self.forbidden for tag in pair)}
        if self.tags < 1 or not named <= set(range(self.tags)):
            raise ModelError(f"tags are numbers from 0 to below `{self.tags}`", hint="look at what is forbidden")


class TagModel(nn.Module):
    """Tag every step of a sequence.

    Args:
        config: See `TagsConfig`.
    """

    rules: Tensor

    def __init__(self, config: TagsConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, one_bias=True)
        self.head = nn.Linear(config.encoder.width, config.tags)
        # Rows: from each tag to each, then the start, then the end. As an embedding that every sequence looks up for
        # itself, so that private training sees each sequence's own gradient.
        self.moves = nn.Embedding(config.tags + 2, config.tags)
        nn.init.zeros_(self.moves.weight)
        self.register_buffer("rules", _rules(config), persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """Return the score of each tag at each step by itself, (B, T, K)."""
        scores: Tensor = self.head(self.encoder(batch))
        return scores

    def losses(self, batch: Batch, targets: Tensor) -> Tensor:
        """Return minus the log-likelihood of each sequence's tags, (B,).

        Args:
            batch: The sequences.
            targets: Tags (B, T); what stands after a sequence's length is ignored.
        """
        scores, moves = self(batch), self._moves(len(targets))
        return log_total(scores, moves, batch.mask) - score_of(targets, scores, moves, batch.mask)

    def tags(self, batch: Batch) -> Tensor:
        """Return the most likely tagging, (B, T); 0 after a sequence's length."""
        return best_tags(self(batch), self._moves(len(batch.lengths)), batch.mask)

    def marginals(self, batch: Batch) -> Tensor:
        """Return how likely each tag is at each step, (B, T, K); zeros after a sequence's length."""
        with torch.enable_grad():
            # The gradient of the log of the total with respect to a score is the probability of its tag there.
            scores = self(batch).detach().requires_grad_()
            total = log_total(scores, self._moves(len(scores)).detach(), batch.mask).sum()
            found: Tensor = torch.autograd.grad(total, scores)[0]
        return found

    def _moves(self, count: int) -> Tensor:
        rows = torch.arange(self.config.tags + 2, device=self.rules.device).expand(count, -1)  # (B, K + 2)
        return cast(Tensor, self.moves(rows)) + self.rules  # (B, K + 2, K)


def score_of(tags: Tensor, scores: Tensor, moves: Tensor, mask: Tensor) -> Tensor:
    """Return the score of one tagging of each sequence, (B,).

    Args:
        tags: (B, T).
        scores: Of each tag at each step, (B, T, K).
        moves: From tag to tag, then from the start, then to the end, (B, K + 2, K).
        mask: Which steps are real, (B, T).
    """
    real = mask.to(scores.dtype)
    tags = tags.masked_fill(~mask, 0)
    own = (scores.gather(-1, tags[..., None]).squeeze(-1) * real).sum(-1)  # (B,)
    row = torch.arange(len(tags), device=tags.device)
    steps = moves[row[:, None], tags[:, :-1], tags[:, 1:]]  # (B, T - 1)
    last = tags.gather(1, mask.sum(-1, keepdim=True) - 1).squeeze(1)  # (B,)
    ends = moves[row, -2, tags[:, 0]] + moves[row, -1, last]  # (B,)
    return own + (steps * real[:, 1:]).sum(-1) + ends


def log_total(scores: Tensor, moves: Tensor, mask: Tensor) -> Tensor:
    """Return the log of the summed exponential scores of all taggings (the forward algorithm), (B,).

    Args:
        scores: Of each tag at each step, (B, T, K).
        moves: As in `score_of`.
        mask: As in `score_of`.

    Source: Rabiner, A Tutorial on Hidden Markov Models, 1989, equations 19 to 21, in logarithms.
    """
    between = moves[:, :-2]  # (B, K, K)
    total = moves[:, -2] + scores[:, 0]  # (B, K)
    for now, real in zip(scores[:, 1:].unbind(1), mask[:, 1:].unbind(1), strict=True):
        after = torch.logsumexp(total[:, :, None] + between, dim=1) + now  # (B, K)
        total = torch.where(real[:, None], after, total)
    return torch.logsumexp(total + moves[:, -1], dim=-1)


def best_tags(scores: Tensor, moves: Tensor, mask: Tensor) -> Tensor:
    """Return the tagging of the highest score (Viterbi), (B, T); 0 after a sequence's length.

    Args:
        scores: Of each tag at each step, (B, T, K).
        moves: As in `score_of`.
        mask: As in `score_of`.

    Source: Rabiner 1989, equations 32 to 35.
    """
    between, came = moves[:, :-2], []
    best = moves[:, -2] + scores[:, 0]  # (B, K)
    stay = torch.arange(best.shape[1], device=best.device).expand_as(best)  # (B, K)
    for now, real in zip(scores[:, 1:].unbind(1), mask[:, 1:].unbind(1), strict=True):
        highest, source = (best[:, :, None] + between).max(dim=1)  # (B, K) each
        best = torch.where(real[:, None], highest + now, best)
        came.append(torch.where(real[:, None], source, stay))
    tag = (best + moves[:, -1]).argmax(-1, keepdim=True)  # (B, 1)
    tags = [tag]
    for source in reversed(came):
        tag = source.gather(1, tag)
        tags.append(tag)
    return torch.cat(tags[::-1], dim=1).masked_fill(~mask, 0)  # (B, T)


def begin_inside(labels: tuple[str, ...]) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Return what the scheme of `B-`, `I-` and `O` forbids: pairs of tags, and tags that begin no sequence.

    Args:
        labels: Label of each tag, such as `O`, `B-name`, `I-name`.

    >>> begin_inside(("O", "B-name", "I-name"))
    (((0, 2),), (2,))
    """
    inside = [(number, label[2:]) for number, label in enumerate(labels) if label.startswith("I-")]
    pairs = tuple(
        (before, number)
        for number, name in inside
        for before, label in enumerate(labels)
        if label not in (f"B-{name}", f"I-{name}")
    )
    return pairs, tuple(number for number, _ in inside)


def _rules(config: TagsConfig) -> Tensor:
    rules = torch.zeros(config.tags + 2, config.tags)
    for before, after in config.forbidden:
        rules[before, after] = NEVER
    for tag in config.never_first:
        rules[-2, tag] = NEVER
    return rules
