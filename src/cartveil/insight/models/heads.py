"""Heads: what turns the encoder's hidden states into decisions.

`NextBasket` scores every item for the next basket along two paths that meet in one list:

- items not bought yet: LSTM state times item embeddings, plus trends and neighbours under gates set by the state;
- items bought before: a small network over the consumer's habits with the item, its trends and its neighbours. The
  LSTM's own score stays out of it: it knows the training season by heart, and made repeats worse on a later month.

Repeat purchases are a signal to model. A softmax over items alone has to learn "again" anew for every item; the copy
path learns it once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig

#: The name of the bag that holds a basket's items; `items` would collide with a method of `ModuleDict`.
BASKET = "basket"

#: Forms in which a neighbour score enters: its value, root and two logarithms.
_NEIGHBOUR_FORMS = 4

#: Score of what must not be chosen; finite, so that gradients stay so.
NEVER = -1e4


@dataclass(frozen=True)
class NextBasketConfig:
    """Shape of the model.

    Args:
        items: Size of the item vocabulary V.
        trends: Trend features of an item.
        habits: Habit features of a bought item.
        steps: Numeric features of a basket.
        embedding: Units per item.
        hidden: Units of the LSTM.
        copy: Units of the copy network.
        dropout: Of the encoder.
        sequence_keep: Share of occasions on which training keeps the LSTM's own scores, and their factor in use.
        sequence_only: Score by the LSTM path alone, for comparison.
    """

    items: int
    trends: int
    habits: int
    steps: int
    embedding: int = 64
    hidden: int = 128
    copy: int = 64
    dropout: float = 0.3
    sequence_keep: float = 0.5
    sequence_only: bool = False


@dataclass(frozen=True)
class NextBasketBatch:
    """B occasions with P pairs of an occasion and a bought item.

    Args:
        histories: Last baskets, for the encoder.
        neighbours: Score of each item from the items bought, (B, V).
        trends: Of each cutoff in the batch, (G, V, trends).
        group: Number of each occasion's cutoff, rising, (B,).
        pair_row: Occasion of each pair (P,).
        pair_item: Item of each pair (P,).
        habits: (P, habits).
        target: 1 where the next basket holds the item, (B, V); empty in use.
    """

    histories: Batch
    neighbours: Tensor
    trends: Tensor
    group: Tensor
    pair_row: Tensor
    pair_item: Tensor
    habits: Tensor
    target: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps of each history, (B,)."""
        return self.histories.lengths

    @property
    def bought(self) -> Tensor:
        """Return which items each occasion's consumer has bought, (B, V) bool."""
        table = torch.zeros(self.neighbours.shape, dtype=torch.bool, device=self.neighbours.device)
        table[self.pair_row, self.pair_item] = True
        return table


class NextBasket(nn.Module):
    """Score every item for the next basket.

    Args:
        config: The shape; see `NextBasketConfig`.
    """

    habit_mean: Tensor
    habit_spread: Tensor

    def __init__(self, config: NextBasketConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(
            EncoderConfig(
                bags=((BASKET, config.items),),
                numeric=config.steps,
                embedding=config.embedding,
                hidden=config.hidden,
                dropout=config.dropout,
            )
        )
        self.query = nn.Linear(config.hidden, config.embedding)
        self.gate = _starting_gate(config)
        self.copy = nn.Sequential(
            nn.Linear(config.habits + config.trends + 2, config.copy),
            nn.ReLU(),
            nn.Linear(config.copy, config.copy // 2),
            nn.ReLU(),
            nn.Linear(config.copy // 2, 1),
        )
        self.register_buffer("habit_mean", torch.zeros(config.habits))
        self.register_buffer("habit_spread", torch.ones(config.habits))

    def standardise(self, mean: Tensor, spread: Tensor) -> None:
        """Take mean and standard deviation of the habit features of the training occasions, (habits,) each."""
        self.habit_mean.copy_(mean)
        self.habit_spread.copy_(spread + 1e-3)

    def lift(self, by: float) -> None:
        """Lift the scores of what was bought before against all others."""
        with torch.no_grad():
            [*self.copy.parameters()][-1].add_(by)  # the bias of its last layer

    def forward(self, batch: NextBasketBatch) -> tuple[Tensor, Tensor]:
        """Return scores of all items, and the scores of the first path alone, each (B, V)."""
        state = self.encoder.last(batch.histories)  # (B, H)
        sequence = self.query(state) @ self.encoder.embeddings[BASKET].weight.T  # (B, V)
        if self.config.sequence_only:
            return _without_reserved(sequence), _without_reserved(sequence)
        size = torch.bincount(batch.pair_row, minlength=len(state)).float()  # (B,)
        fresh = self._sometimes(sequence) + self._gated(state, size, batch)
        again = self._copied(size, batch)  # (P,)
        both = fresh.index_put((batch.pair_row, batch.pair_item), again)
        return _without_reserved(both), _without_reserved(fresh)

    def _sometimes(self, sequence: Tensor) -> Tensor:
        # Left out at random in training, and scaled by how often it was there in use, the LSTM's scores refine what the
        # counts say, and cannot drown it with last season's items. Source: Huang et al., Deep Networks with Stochastic
        # Depth, ECCV 2016, equation 5.
        if not self.training:
            return sequence * self.config.sequence_keep
        return sequence * (torch.rand(len(sequence), 1, device=sequence.device) < self.config.sequence_keep)

    def _gated(self, state: Tensor, size: Tensor, batch: NextBasketBatch) -> Tensor:
        weights = self.gate(torch.cat([state, size.log1p()[:, None] / 4], dim=1))  # (B, trends + forms)
        sizes = torch.bincount(batch.group, minlength=len(batch.trends)).tolist()
        parts = weights[:, : self.config.trends].split(sizes)  # G of (b, trends)
        score = torch.cat([part @ trends.T for part, trends in zip(parts, batch.trends, strict=True)])  # (B, V)
        near = batch.neighbours.clamp(min=0)
        for number, form in enumerate((near, near.sqrt(), (near + 0.01).log(), (near + 0.001).log())):
            score = score + weights[:, self.config.trends + number, None] * form
        return score  # (B, V)

    def _copied(self, size: Tensor, batch: NextBasketBatch) -> Tensor:
        row, item = batch.pair_row, batch.pair_item
        habits = (batch.habits - self.habit_mean) / self.habit_spread
        trends = batch.trends[batch.group[row], item]
        rest = torch.stack([batch.neighbours[row, item], size[row].log1p() / 4], dim=1)
        scores: Tensor = self.copy(torch.cat([habits, trends, rest], dim=1))  # (P, 1)
        return scores.squeeze(1)


def _starting_gate(config: NextBasketConfig) -> nn.Linear:
    # The gate starts as one mixture for everybody: the last week's trend and the neighbours.
    gate = nn.Linear(config.hidden + 1, config.trends + _NEIGHBOUR_FORMS)
    nn.init.zeros_(gate.weight)
    nn.init.zeros_(gate.bias)
    with torch.no_grad():
        gate.bias[0] = 0.5
        gate.bias[config.trends] = 5.0
        gate.bias[config.trends + 2] = 1.0
    return gate


def _without_reserved(scores: Tensor) -> Tensor:
    never = torch.zeros(scores.shape[1], dtype=torch.bool, device=scores.device)
    never[:2] = True
    return scores.masked_fill(never, NEVER)
