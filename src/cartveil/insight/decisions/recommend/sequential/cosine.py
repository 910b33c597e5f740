"""The network of a plain sequence recommender: an LSTM that asks for items near what was bought last.

Items are points on a sphere, used both to read a history and to score what follows. The query is the LSTM's state plus
the last item and the mean of all before: with a few purchases of each item to learn from, a network that begins as
"something like the last thing" learns in minutes what one that begins from nothing does not learn at all.

    scores = temperature * cosine(W h_t + G x_t + M mean(x_1 .. x_t), items)
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.models.encoder import PADDING, Batch
from cartveil.insight.models.lstm import Lstm
from cartveil.insight.models.softmax import cross_entropies

#: Where the temperature begins; it is learned.
_TEMPERATURE = 14.0


@dataclass(frozen=True)
class CosineConfig:
    """Shape of the network: item vocabulary V, units of a state and of an item, share of units dropped."""

    items: int
    hidden: int = 128
    dropout: float = 0.5


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
        self.dropout = nn.Dropout(config.dropout)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(_TEMPERATURE)))

    def losses(self, batch: Batch, targets: Tensor, weights: Tensor) -> Tensor:
        """Return each sequence's weighted sum of cross-entropies in nats, (B,); arguments as of `NextItem.losses`."""
        items = self.item_directions()
        queries = self.queries(self._read(batch, items), batch.mask)  # (B, T, H)
        place = weights.flatten().nonzero().squeeze(1)  # (R,)
        factors = weights.flatten()[place]
        each = cross_entropies(queries.flatten(0, 1)[place], items, targets.flatten()[place], factors)  # (R,)
        owner = place // weights.shape[1]
        return each.new_zeros(len(weights)).index_add(0, owner, each * factors)

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
        return functional.normalize(query, dim=-1) * self.log_temperature.exp()

    def _read(self, batch: Batch, items: Tensor) -> Tensor:
        (ids,) = batch.categorical.values()  # (B, T)
        return functional.embedding(ids, items)

    def item_directions(self) -> Tensor:
        """Return every item as a point on the sphere, (V, H)."""
        return functional.normalize(self.embedding.weight, dim=1)  # (V, H)
