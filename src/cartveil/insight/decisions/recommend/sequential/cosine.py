"""The network of a plain sequence recommender: an LSTM that asks for items near what was bought last.

Items are points on a sphere, used both to read a history and to score what follows. The query is the LSTM's state plus
the last item and the mean of all before: with a few purchases of each item to learn from, a network that begins as
"something like the last thing" learns in minutes what one that begins from nothing does not learn at all.

    scores = temperature * cosine(W h_t + G x_t + M mean(x_1 .. x_t) + R recent(x_1 .. x_t), items)

`recent` is a mean in which what was bought earlier weighs less and less.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.decisions.recommend.sequential.crossing import Spread, spread_entropies
from cartveil.insight.models.encoder import PADDING, UNKNOWN, Batch
from cartveil.insight.models.lstm import Lstm

#: Where the temperature begins; it is learned.
_TEMPERATURE = 14.0


@dataclass(frozen=True)
class CosineConfig:
    """Shape of the network.

    Args:
        items: Item vocabulary V.
        hidden: Units of a state and of an item H.
        dropout: Share of units dropped.
        memory: Weight in `recent` of an item by its age, `memory ** age`; 0 leaves `recent` out.
    """

    items: int
    hidden: int = 128
    dropout: float = 0.5
    memory: float = 0.0


class CosineNextItem(nn.Module):
    """Score every item as the next one, by its direction.

    Args:
        config: See `CosineConfig`.
    """

    def __init__(self, config: CosineConfig) -> None:
        super().__init__()
        width = config.hidden
        self.config = config
        self.embedding = nn.Embedding(config.items, width, padding_idx=PADDING)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.lstm = Lstm(width, width, one_bias=True)
        self.norm = nn.LayerNorm(width)
        self.state = nn.Linear(width, width, bias=False)
        self.last = nn.Linear(width, width, bias=False)
        self.mean = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.last.weight)
        nn.init.zeros_(self.mean.weight)
        self.recent = nn.Linear(width, width, bias=False) if config.memory else None
        if self.recent is not None:
            nn.init.zeros_(self.recent.weight)
        self.dropout = nn.Dropout(config.dropout)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(_TEMPERATURE)))

    def mean_loss(self, batch: Batch, targets: Tensor, *, spread: Spread | None = None) -> Tensor:
        """Return the mean cross-entropy of all steps that have a target, in nats.

        Under autocast only the products with all items are rounded: they are nearly all of the work, and a state that
        is rounded step after step learns worse.

        Args:
            batch: What is read.
            targets: The item that follows each step, (B, T); `UNKNOWN` or `PADDING` where nothing is asked.
            spread: See `spread_entropies`.
        """
        kind = targets.device.type
        rounded = torch.is_autocast_enabled(kind)
        with torch.autocast(kind, enabled=False):
            items = self.item_directions()
            asked = targets > UNKNOWN
            rows = self.queries(self._read(batch, items), batch.mask)[asked]  # (R, H)
            total = spread_entropies(rows, items, targets[asked], spread=spread, rounded=rounded)
        return total / asked.sum().clamp(min=1)

    def scores(self, batch: Batch) -> Tensor:
        """Return the score of every item after the last step, (B, V)."""
        items = self.item_directions()
        queries = self.queries(self._read(batch, items), batch.mask)
        final = queries[torch.arange(len(queries)), batch.lengths - 1]  # (B, H)
        return final @ items.T

    def embed(self, batch: Batch) -> Tensor:
        """Return the item of each step as a direction, (B, T, H)."""
        return self._read(batch, self.item_directions())

    def queries(self, read: Tensor, mask: Tensor) -> Tensor:
        """Return what is asked for after each step (B, T, H), from items that `embed` gave and which steps are real."""
        states, _ = self.lstm(self.dropout(read))  # (B, T, H)
        real = mask[..., None].to(read.dtype)  # (B, T, 1)
        mean = (read * real).cumsum(1) / real.cumsum(1).clamp(min=1)  # (B, T, H)
        query = self.state(self.dropout(self.norm(states))) + self.last(self.dropout(read)) + self.mean(mean)
        if self.recent is not None:
            query = query + self.recent(self.dropout(_recent(read, self.config.memory)))
        return functional.normalize(query, dim=-1) * self.log_temperature.exp()

    def _read(self, batch: Batch, items: Tensor) -> Tensor:
        (ids,) = batch.categorical.values()  # (B, T)
        return functional.embedding(ids, items)

    def item_directions(self) -> Tensor:
        """Return every item as a point on the sphere, (V, H)."""
        return functional.normalize(self.embedding.weight, dim=1)  # (V, H)


def _recent(read: Tensor, memory: float) -> Tensor:
    """Return the mean of all items up to each step, weighted by `memory ** age`, (B, T, H)."""
    step = torch.arange(read.shape[1], device=read.device)
    age = step[:, None] - step  # (T, T)
    weight = torch.where(age >= 0, memory ** age.clamp(min=0).to(read.dtype), 0.0)
    return (weight / weight.sum(1, keepdim=True)) @ read
