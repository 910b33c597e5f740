"""The field heads: how likely each field of the next event is, given the events before it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig


@dataclass(frozen=True)
class FieldsConfig:
    """Shape of a next-event model.

    Args:
        encoder: How the past is read.
        fields: (name, number of ids) of each field that is predicted.
    """

    encoder: EncoderConfig
    fields: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        self.encoder.require_one_way()


class FieldsModel(nn.Module):
    """Predict every field of an event from the events before it.

    Args:
        config: See `FieldsConfig`.
    """

    def __init__(self, config: FieldsConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder)
        self.sizes = [size for _, size in config.fields]
        # One matrix for all fields: a product over 300 columns beats twenty over 15.
        self.head = nn.Linear(config.encoder.width, sum(self.sizes))

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return log-probabilities (B, T, ids) of each field; step t sees what the batch holds up to t."""
        parts = self.head(self.encoder(batch)).split(self.sizes, dim=-1)
        return tuple(functional.log_softmax(part, dim=-1) for part in parts)

    def surprise(self, batch: Batch, actual: Tensor) -> Tensor:
        """Return minus the log-likelihood of each field in nats, (B, T, fields).

        Args:
            batch: What was known before each event.
            actual: Ids of the event's fields (B, T, fields).
        """
        each = [-scores.gather(-1, actual[..., place : place + 1]) for place, scores in enumerate(self.forward(batch))]
        return torch.cat(each, dim=-1)

    def losses(self, batch: Batch, targets: Tensor, weights: Tensor) -> Tensor:
        """Return each sequence's weighted sum of surprise over steps and fields in nats, (B,).

        Args:
            batch: What was known before each event.
            targets: Ids of the event's fields (B, T, fields).
            weights: What each step counts, (B, T) float; 0 where nothing is asked.
        """
        return (self.surprise(batch, targets).sum(-1) * weights).sum(-1)
