"""The one LSTM encoder: what every model of Cartveil reads a sequence with.

Per-field embeddings, bags of embeddings (a basket is the mean of its items) and numeric features, gaps of time among
them, are laid side by side, projected, and read by an LSTM with the standard gates. Heads turn the hidden states into
decisions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.models.lstm import Lstm
from cartveil.insight.models.stack import Stack, State

#: Id 0 pads every vocabulary, id 1 stands for everything that training did not see.
PADDING, UNKNOWN = 0, 1

#: More layers were never of use to sequences of events, and train badly.
MAX_LAYERS = 4


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of the encoder.

    Args:
        categorical: (name, vocabulary size) of each field with one value per step.
        bags: (name, vocabulary size) of each field with several values per step.
        numeric: How many numeric features a step has.
        embedding: Units per embedded field.
        hidden: Units of the LSTM.
        layers: Stacked LSTM layers, 1 to 4.
        dropout: Share of units dropped on the input and the output, in training.
        project: Bring each step to `hidden` units before the LSTM; without it the LSTM reads the step as it is.
        layer_norm: Normalise the output of every layer.
        residual: Add to the output of every layer its input, where the widths agree.
        bidirectional: Read from both ends, for tags and for sequences that are whole; a state then has 2 * `hidden`.

    Raises:
        ModelError: A number does not make sense, a field stands twice, or a step would hold nothing.
    """

    categorical: tuple[tuple[str, int], ...] = ()
    bags: tuple[tuple[str, int], ...] = ()
    numeric: int = 0
    embedding: int = 64
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.2
    project: bool = True
    layer_norm: bool = False
    residual: bool = False
    bidirectional: bool = False

    def __post_init__(self) -> None:
        names = [name for name, _ in (*self.categorical, *self.bags)]
        if not 1 <= self.layers <= MAX_LAYERS:
            raise ModelError(f"`{self.layers}` layers are not 1 to {MAX_LAYERS}", hint="one or two are usual")
        if min(self.embedding, self.hidden) < 1 or self.numeric < 0 or not 0 <= self.dropout < 1:
            raise ModelError("an encoder needs units of 1 or more and a dropout from 0 to below 1", hint="look at both")
        if len(set(names)) < len(names):
            raise ModelError("a field stands twice in the encoder", hint="give each field a name of its own")
        if not self.step_width:
            raise ModelError("an encoder has nothing to read", hint="name a field or a numeric feature")

    @property
    def step_width(self) -> int:
        """Return how many numbers a step is before it is projected."""
        return self.embedding * (len(self.categorical) + len(self.bags)) + self.numeric

    @property
    def width(self) -> int:
        """Return how many units a state has, both directions together."""
        return self.hidden * (2 if self.bidirectional else 1)

    def require_one_way(self) -> None:
        """Refuse to read from both ends: a state that has seen the future predicts nothing.

        Raises:
            ModelError: The encoder reads from both ends.
        """
        if self.bidirectional:
            raise ModelError("what predicts reads from one end only", hint="bidirectional is for tags")


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
        one_bias: Train one bias of the LSTM's two, as private training asks; two are what older models have.

    Guarantees:
        - What stands after a sequence's length changes no state before it.
    """

    def __init__(self, config: EncoderConfig, *, one_bias: bool = False) -> None:
        super().__init__()
        self.config = config
        fields = (*config.categorical, *config.bags)
        self.embeddings = nn.ModuleDict(
            {name: nn.Embedding(size, config.embedding, padding_idx=PADDING) for name, size in fields}
        )
        for embedding in self.embeddings.values():
            nn.init.normal_(embedding.weight, std=config.embedding**-0.5)  # type: ignore[arg-type]
        width = config.hidden if config.project else config.step_width
        self.project = nn.Linear(config.step_width, config.hidden) if config.project else None
        # One LSTM wherever one can do it, for speed and for models saved before; else a stack of single layers.
        plain = not (config.layer_norm or config.residual or config.bidirectional)
        self.lstm = Lstm(width, config.hidden, config.layers, one_bias=one_bias) if plain else None
        self.stack = None if plain else _stack(config, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Return hidden states (B, T, H); what stands after a sequence's length is to be ignored."""
        return self.read(self.embed(batch), batch.lengths)[0]

    def carry(self, batch: Batch, state: State | None = None) -> tuple[Tensor, State]:
        """Read one chunk of sequences that are longer, and hand on the state for the next chunk.

        Args:
            batch: The chunk; who has ended before it may have any length, its states are to be ignored.
            state: What the chunk before handed on; nothing for the first.

        Returns:
            Hidden states (B, T, H), and the state after step T, which carries no gradient (truncated back-propagation).

        Raises:
            ModelError: The encoder reads from both ends.

        Source: Williams and Peng, An Efficient Gradient-Based Algorithm for On-Line Training, 1990, section 3.
        """
        if self.config.bidirectional:
            raise ModelError("an encoder that reads from both ends carries no state", hint="give it whole sequences")
        states, (hidden, cell) = self.read(self.embed(batch), batch.lengths, state)
        return states, (hidden.detach(), cell.detach())

    def last(self, batch: Batch) -> Tensor:
        """Return the state in which each direction ends: after the last real step, and before the first, (B, H)."""
        states = self.forward(batch)
        final = states[torch.arange(states.shape[0], device=states.device), batch.lengths - 1]  # (B, H)
        if not self.config.bidirectional:
            return final
        units = self.config.hidden
        return torch.cat([final[:, :units], states[:, 0, units:]], dim=-1)  # (B, 2 * hidden)

    def embed(self, batch: Batch) -> Tensor:
        """Return each step as the numbers that stand for it, (B, T, step_width).

        Raises:
            ModelError: The batch does not hold what the encoder was made for.
        """
        _check_fit(self.config, batch)
        parts = [self.embeddings[name](batch.categorical[name]) for name, _ in self.config.categorical]  # (B, T, E)
        parts += [self._bag(name, batch.bags[name]) for name, _ in self.config.bags]  # (B, T, E) each
        parts += [batch.numeric] if self.config.numeric else []  # (B, T, F)
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]  # (B, T, fields * E + F)

    def read(self, embedded: Tensor, lengths: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) of steps that `embed` made, and the state after step T."""
        step = embedded if self.project is None else torch.relu(self.project(embedded))
        step = self.dropout(step)  # (B, T, H)
        if self.lstm is not None:
            states, after = self.lstm(step, state)  # (B, T, H)
        else:
            states, after = cast(Stack, self.stack)(step, lengths, state)
        return self.dropout(states), after

    def _bag(self, name: str, ids: Tensor) -> Tensor:
        count = (ids != PADDING).sum(-1, keepdim=True).clamp(min=1)  # (B, T, 1)
        total: Tensor = self.embeddings[name](ids).sum(-2)  # (B, T, E)
        return total / count


def _stack(config: EncoderConfig, width: int) -> Stack:
    return Stack(
        width,
        config.hidden,
        config.layers,
        bidirectional=config.bidirectional,
        layer_norm=config.layer_norm,
        residual=config.residual,
    )


def _check_fit(config: EncoderConfig, batch: Batch) -> None:
    lacking = [name for name, _ in config.categorical if name not in batch.categorical]
    lacking += [name for name, _ in config.bags if name not in batch.bags]
    if lacking:
        raise ModelError(f"the batch lacks the field `{lacking[0]}`", hint="give every field the encoder was made for")
    if batch.numeric.shape[-1] != config.numeric:
        found = f"{batch.numeric.shape[-1]} numeric features"
        raise ModelError(f"the batch has {found}, the encoder {config.numeric}", hint="give those it was made for")
