"""The quantile head: demand of the coming weeks and of their sums, as quantiles that cannot cross."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig

#: Subtracted before rises are made positive, so that quantiles start close together.
GAP = 1.5


@dataclass(frozen=True)
class QuantileConfig:
    """Shape of a quantile model.

    Args:
        encoder: How the past is read.
        levels: Quantile levels, rising, between 0 and 1.
        targets: How many quantities are forecast at each step.
    """

    encoder: EncoderConfig
    levels: tuple[float, ...]
    targets: int

    def __post_init__(self) -> None:
        self.encoder.require_one_way()


class QuantileModel(nn.Module):
    """Read a series and, after each step, give quantiles of what follows.

    Args:
        config: See `QuantileConfig`.

    Guarantees:
        - A higher level never gets a lower value.
    """

    def __init__(self, config: QuantileConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder)
        width = config.encoder.width + config.encoder.numeric
        self.head = nn.Linear(width, config.targets * len(config.levels))

    def forward(self, batch: Batch) -> Tensor:
        """Return quantiles (B, T, targets, levels) in the scale of the features; below zero is not cut off."""
        # The features pass by the LSTM too: the level of the last weeks is most of the answer.
        seen = torch.cat([self.encoder(batch), batch.numeric], dim=-1)  # (B, T, H + F)
        raw = self.head(seen).unflatten(-1, (self.config.targets, len(self.config.levels)))  # (B, T, targets, levels)
        rises = functional.softplus(raw[..., 1:] - GAP)  # (B, T, targets, levels - 1)
        return torch.cumsum(torch.cat([raw[..., :1], rises], dim=-1), dim=-1)  # (B, T, targets, levels)

    def losses(self, batch: Batch, targets: Tensor, weights: Tensor) -> Tensor:
        """Return each sequence's weighted sum of the mean quantile loss over levels, (B,).

        Args:
            batch: The series.
            targets: What happened after each step, (B, T, targets).
            weights: What each of them counts, (B, T, targets) float; 0 where nothing is known.
        """
        levels = torch.tensor(self.config.levels, device=targets.device)
        missed = pinball(self(batch), targets, levels).mean(-1)  # (B, T, targets)
        return (missed * weights).sum((1, 2))


def pinball(quantiles: Tensor, actual: Tensor, levels: Tensor) -> Tensor:
    """Return the quantile loss of each forecast.

    Args:
        quantiles: Forecasts (..., levels).
        actual: What happened (...).
        levels: Quantile levels (levels,).

    Returns:
        Losses (..., levels).

    Source: Koenker and Bassett, Regression Quantiles, 1978, equation 2.
    """
    missed = actual[..., None] - quantiles  # (..., levels)
    return torch.maximum(levels * missed, (levels - 1) * missed)
