"""The count head: how many units will be sold, as a distribution over whole numbers.

Demand of one item is mostly zeros, or some thousands with a rare order of ten times that. A mixture of log-logistic
distributions, cut into whole numbers, with a share that is zero for sure, fits both: its tails are heavy, its
distribution function is in closed form, and so are the likelihood, every quantile, and how likely "none" is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig

#: The least width of a part, in logarithms: narrower would be surer than counts ever are.
NARROWEST = 0.02
#: Log of the farthest that a part's middle lies from the item's scale.
_FAR = 8.0
#: First widths lie around this.
_WIDTH = 0.6
#: Largest fall and rise of a width, in logarithms.
_FALL, _RISE = -4.0, 3.0
#: Steps of bisection after which every quantile that 64-bit numbers hold apart is found.
_HALVINGS = 60


@dataclass(frozen=True)
class CountConfig:
    """Shape of a count model.

    Args:
        encoder: How the past is read.
        targets: How many quantities are forecast at each step.
        parts: Log-logistic parts K of each distribution, besides the share that is zero.

    Raises:
        ModelError: No target or no part, or an encoder that reads from both ends.
    """

    encoder: EncoderConfig
    targets: int
    parts: int = 3

    def __post_init__(self) -> None:
        self.encoder.require_one_way()
        if min(self.targets, self.parts) < 1:
            raise ModelError("a count model needs a target and a part", hint="three parts are usual")


class CountModel(nn.Module):
    """Read a series and, after each step, give the distribution of what follows.

    Args:
        config: See `CountConfig`.
    """

    def __init__(self, config: CountConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder)
        width = config.encoder.width + config.encoder.numeric
        self.head = nn.Linear(width, config.targets * (3 * config.parts + 1))
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            self.head.bias.copy_(_first_bias(config))

    def forward(self, batch: Batch) -> Tensor:
        """Return what `Counts` is made of, (B, T, targets, 3K + 1)."""
        # The features pass by the LSTM too: the level of the last periods is most of the answer.
        seen = torch.cat([self.encoder(batch), batch.numeric], dim=-1)  # (B, T, H + F)
        return torch.unflatten(self.head(seen), -1, (self.config.targets, -1))  # (B, T, targets, 3K + 1)

    def losses(self, batch: Batch, targets: Tensor, weights: Tensor) -> Tensor:
        """Return each sequence's weighted sum of minus the log-likelihood, (B,), in a scale of 1.

        Args:
            batch: The series.
            targets: Whole numbers that came after each step, (B, T, targets).
            weights: What each of them counts, (B, T, targets) float; 0 where nothing is known.
        """
        counts = counts_of(self(batch), torch.ones_like(targets[..., 0]))
        return -(counts.log_chance(targets) * weights).sum((1, 2))


@dataclass(frozen=True)
class Counts:
    """Distributions over 0, 1, 2, ... .

    Args:
        weights: Log of the share that is zero, then of each part, (..., K + 1).
        middles: Log of one more than the median of each part, (..., K).
        widths: Of each part in logarithms, (..., K).

    Source: Salimans et al., PixelCNN++, 2017, equation 2 (mixture of logistics, cut into whole numbers), here in the
        logarithm of one more than the count.
    """

    weights: Tensor
    middles: Tensor
    widths: Tensor

    def log_chance(self, counts: Tensor) -> Tensor:
        """Return the log-probability of each count, (...).

        Args:
            counts: Whole numbers of at least 0, (...).
        """
        at = counts[..., None]  # (..., 1)
        upper = (torch.log1p(at) - self.middles) / self.widths  # (..., K)
        # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), which keeps its digits in both tails.
        some = at.clamp(min=1)
        lower = (torch.log(some) - self.middles) / self.widths
        step = torch.log1p(1 / some) / self.widths  # b - a
        inside = functional.logsigmoid(upper) + functional.logsigmoid(-lower) + torch.log(-torch.expm1(-step))
        parts = torch.where(at > 0, inside, functional.logsigmoid(upper))  # (..., K)
        never = torch.where(at > 0, -torch.inf, 0.0).to(parts.dtype)  # (..., 1)
        return torch.logsumexp(self.weights + torch.cat([never, parts], dim=-1), dim=-1)

    def share_up_to(self, counts: Tensor) -> Tensor:
        """Return the probability of at most each count, (..., L); 0 below zero.

        Args:
            counts: (..., L).
        """
        at = torch.log1p(counts.clamp(min=0))[..., None]  # (..., L, 1)
        parts = torch.sigmoid((at - self.middles[..., None, :]) / self.widths[..., None, :])  # (..., L, K)
        weights = self.weights.exp()[..., None, :]  # (..., 1, K + 1)
        found = weights[..., 0] + (parts * weights[..., 1:]).sum(-1)  # (..., L)
        return torch.where(counts < 0, 0.0, found)

    def jittered(self, levels: Sequence[float]) -> Tensor:
        """Return quantiles of the count plus a uniform number between 0 and 1, (..., levels), in double precision.

        The count's own quantile is `ceil(z - 1)` of what is returned. Unlike the count, z has a quantile that is
        exceeded with exactly the chance that its level says.

        Args:
            levels: Between 0 and 1.

        Source: Machado and Santos Silva, Quantiles for Counts, JASA 2005, section 2, theorem 2.
        """
        exact = Counts(self.weights.double(), self.middles.double(), self.widths.double())
        wanted = torch.tensor(levels, dtype=torch.float64)
        count = exact._smallest(wanted)  # (..., levels)
        below, upto = exact.share_up_to(count - 1), exact.share_up_to(count)
        return count + ((wanted - below) / (upto - below).clamp(min=1e-12)).clamp(1e-3, 1)

    def _smallest(self, wanted: Tensor) -> Tensor:
        """Return the smallest count with at least this share up to it, (..., levels)."""
        # No part lies higher than its own highest quantile: that bounds the mixture.
        far = torch.logit(wanted.max()) * self.widths + self.middles  # (..., K)
        high = torch.ceil(torch.exp(far.amax(-1).clamp(0, 40)))[..., None].repeat_interleave(len(wanted), -1)
        low = torch.full_like(high, -1.0)
        for _ in range(_HALVINGS):
            middle = torch.floor((low + high) / 2)
            enough = self.share_up_to(middle) >= wanted
            low, high = torch.where(enough, low, torch.maximum(low, middle)), torch.where(enough, middle, high)
            if bool((high - low <= 1).all()):
                break
        return high


def counts_of(raw: Tensor, scale: Tensor) -> Counts:
    """Return the distributions that a model's output stands for.

    Args:
        raw: (..., targets, 3K + 1).
        scale: Typical counts of each series at each step, above 0, (...).
    """
    parts, raw = (raw.shape[-1] - 1) // 3, raw.float()
    weights, middles, widths = torch.split(raw, [parts + 1, parts, parts], dim=-1)
    return Counts(
        torch.log_softmax(weights, dim=-1),
        middles.clamp(-_FAR, _FAR) + scale.log()[..., None, None],
        widths.clamp(_FALL, _RISE).exp() * _WIDTH + NARROWEST,
    )


def _first_bias(config: CountConfig) -> Tensor:
    """Return the bias from which training starts: parts spread around the scale, alike in weight and width."""
    parts = config.parts
    spread = torch.arange(parts) - (parts - 1) / 2 - 0.5
    one = torch.cat([torch.zeros(parts + 1), spread, torch.zeros(parts)])
    return one.repeat(config.targets)
