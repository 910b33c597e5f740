"""The one LSTM encoder: what every model of Cartveil reads a sequence with.

Per-field embeddings, bags of embeddings (a basket is the mean of its items) and numeric features are laid side by
side, projected, and read by an LSTM with the standard gates. Heads turn the hidden states into decisions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: Id 0 pads every vocabulary, id 1 stands for everything that training did not see.
PADDING, UNKNOWN = 0, 1


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of the encoder.

    Args:
        categorical: (name, vocabulary size) of each field with one value per step.
        bags: (name, vocabulary size) of each field with several values per step.
        numeric: How many numeric features a step has.
        embedding: Units per embedded field.
        hidden: Units of the LSTM.
        layers: Stacked LSTM layers.
        dropout: Share of units dropped on the input and the output, in training.
    """

    categorical: tuple[tuple[str, int], ...] = ()
    bags: tuple[tuple[str, int], ...] = ()
    numeric: int = 0
    embedding: int = 64
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.2


@dataclass(frozen=True)
class Batch:
    """Sequences of B consumers, T steps, right-padded with `PADDING`.

    Args:
        categorical: Field name -> ids (B, T).
        bags: Field name -> ids (B, T, K), padded with `PADDING`.
        numeric: Features (B, T, F).
        lengths: Steps of each sequence (B,), at least 1.
    """

    categorical: Mapping[str, Tensor]
    bags: Mapping[str, Tensor]
    numeric: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """Return which steps are real, (B, T)."""
        steps = torch.arange(self.numeric.shape[1], device=self.numeric.device)
        return steps[None, :] < self.lengths[:, None]  # (B, T)

    def to(self, device: torch.device | str) -> "Batch":
        """Return the same batch on another device."""
        return Batch(
            {name: ids.to(device) for name, ids in self.categorical.items()},
            {name: ids.to(device) for name, ids in self.bags.items()},
            self.numeric.to(device),
            self.lengths.to(device),
        )


class Encoder(nn.Module):
    """Read sequences of events into hidden states.

    Args:
        config: The shape; see `EncoderConfig`.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        fields = (*config.categorical, *config.bags)
        self.embeddings = nn.ModuleDict(
            {name: nn.Embedding(size, config.embedding, padding_idx=PADDING) for name, size in fields}
        )
        for embedding in self.embeddings.values():
            nn.init.normal_(embedding.weight, std=config.embedding**-0.5)  # type: ignore[arg-type]
        width = config.embedding * len(fields) + config.numeric
        self.project = nn.Linear(width, config.hidden)
        self.lstm = nn.LSTM(config.hidden, config.hidden, config.layers, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Return hidden states (B, T, H); what stands after a sequence's length is to be ignored."""
        parts = [self.embeddings[name](ids) for name, ids in batch.categorical.items()]  # (B, T, E) each
        parts += [self._bag(name, ids) for name, ids in batch.bags.items()]  # (B, T, E) each
        step = torch.cat([*parts, batch.numeric], dim=-1)  # (B, T, fields * E + F)
        states, _ = self.lstm(self.dropout(torch.relu(self.project(step))))  # (B, T, H)
        hidden: Tensor = self.dropout(states)
        return hidden

    def last(self, batch: Batch) -> Tensor:
        """Return the hidden state after the last real step, (B, H)."""
        states = self.forward(batch)
        return states[torch.arange(len(states), device=states.device), batch.lengths - 1]

    def _bag(self, name: str, ids: Tensor) -> Tensor:
        count = (ids != PADDING).sum(-1, keepdim=True).clamp(min=1)  # (B, T, 1)
        total: Tensor = self.embeddings[name](ids).sum(-2)  # (B, T, E)
        return total / count
