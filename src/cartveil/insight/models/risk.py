"""The risk head: how likely it is, after each event, that the sequence is what is looked for (fraud, takeover)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig


@dataclass(frozen=True)
class RiskConfig:
    """Shape of a risk model.

    Args:
        encoder: How the past is read.
        prior: What is answered before anything is learnt; the share of positives where they are rare.

    Raises:
        ModelError: The encoder reads from both ends, or the prior is no probability between 0 and 1.
    """

    encoder: EncoderConfig
    prior: float = 0.5

    def __post_init__(self) -> None:
        self.encoder.require_one_way()
        if not 0 < self.prior < 1:
            raise ModelError(f"prior `{self.prior}` is not between 0 and 1", hint="give the share of positives")


class RiskModel(nn.Module):
    """Say after each event how likely the sequence is bad.

    Args:
        config: See `RiskConfig`.

    Source: the start at the prior is that of Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, section 3.3.
    """

    def __init__(self, config: RiskConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, one_bias=True)
        self.head = nn.Linear(config.encoder.width, 1)
        # Rare positives drown in the first steps if the model starts by calling half of everything bad.
        nn.init.constant_(self.head.bias, math.log(config.prior / (1 - config.prior)))

    def forward(self, batch: Batch) -> Tensor:
        """Return log-odds after each step, (B, T)."""
        odds: Tensor = self.head(self.encoder(batch)).squeeze(-1)  # (B, T)
        return odds

    def losses(self, batch: Batch, targets: Tensor, weights: Tensor) -> Tensor:
        """Return each sequence's weighted sum of cross-entropies, (B,).

        Args:
            batch: The events.
            targets: 1 where it is bad, else 0, (B, T).
            weights: What each step counts, (B, T) float; for a label of the whole sequence, 1 at its last step.
        """
        missed = functional.binary_cross_entropy_with_logits(self(batch), targets.to(weights.dtype), reduction="none")
        return (missed * weights).sum(-1)

    def scores(self, batch: Batch) -> Tensor:
        """Return the probability after the last step, (B,)."""
        return torch.sigmoid(self.head(self.encoder.last(batch)).squeeze(-1))
