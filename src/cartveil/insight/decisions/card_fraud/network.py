"""The fraud network: two LSTMs, one over the customer's trail and one over the terminal's, and features beside them.

What the LSTMs end in and the features meet late, in one small layer. Features enter twice: as numbers, and as how far
each lies into each of a few ranges, so that a limit such as an amount that nobody pays can be learnt from few frauds.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig

#: Furthest that a feature lies from its mean, in standard deviations.
_FURTHEST = 6.0


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network.

    Args:
        features: Numbers beside the trails.
        ranges: Into how many ranges each feature is cut.
        steps: Numbers per step of a trail.
        hidden: Units of each LSTM.
        units: Units of the layer in which all meet.
        dropout: Share of what enters that layer, and of its units, dropped in training.
        prior: Share of frauds; what is answered before anything is learnt.
        trails: Read the trails; without them features alone decide, for comparison.

    Raises:
        ModelError: A number makes no sense.
    """

    features: int
    ranges: int
    steps: int
    hidden: int = 32
    units: int = 64
    dropout: float = 0.15
    prior: float = 0.01
    trails: bool = True

    def __post_init__(self) -> None:
        if min(self.features, self.ranges, self.steps, self.hidden, self.units) < 1 or not 0 <= self.dropout < 1:
            raise ModelError(
                "a fraud network needs features, ranges, steps and units of 1 or more", hint="see `FraudConfig`"
            )
        if not 0 < self.prior < 1:
            raise ModelError(f"prior `{self.prior}` is not between 0 and 1", hint="give the share of frauds")


@dataclass(frozen=True)
class Lesson:
    """Payments with what came before them.

    Args:
        customer: Trails of their customers, each ending with the payment, (B, T, steps).
        terminal: Trails of their terminals, likewise.
        features: (B, features).
        targets: 1 where it was fraud, (B,) float.
        weights: What each counts, (B,) float.
    """

    customer: Batch
    terminal: Batch
    features: Tensor
    targets: Tensor
    weights: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the steps read for each payment, (B,)."""
        return self.customer.lengths + self.terminal.lengths


class FraudNetwork(nn.Module):
    """Say how likely a payment is fraud.

    Args:
        config: See `NetworkConfig`.

    Source: the ranges are the piecewise linear encoding of Gorishniy et al., On Embeddings for Numerical Features in
    Tabular Deep Learning, NeurIPS 2022, section 3.2; the start at the prior is that of Lin et al., Focal Loss for Dense
    Object Detection, ICCV 2017, section 3.3.
    """

    edges: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        shape = EncoderConfig(numeric=config.steps, hidden=config.hidden, dropout=0.0, project=False)
        self.customer, self.terminal = Encoder(shape, one_bias=True), Encoder(shape, one_bias=True)
        width = (2 * config.hidden if config.trails else 0) + config.features * (config.ranges + 1)
        self.meet, self.answer = nn.Linear(width, config.units), nn.Linear(config.units, 1)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.constant_(self.answer.bias, math.log(config.prior / (1 - config.prior)))
        self.register_buffer("edges", torch.arange(config.ranges + 1.0).repeat(config.features, 1))
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("spread", torch.ones(config.features))

    def measure(self, mean: Tensor, spread: Tensor, edges: Tensor) -> None:
        """Take mean, standard deviation (features,) and rising edges (features, ranges + 1) of the features."""
        self.mean.copy_(mean)
        self.spread.copy_(spread)
        self.edges.copy_(edges)

    def forward(self, lesson: Lesson) -> Tensor:
        """Return log-odds of fraud, (B,)."""
        if not self.config.trails:
            return self.fuse(None, lesson.features)
        states = [self.customer.last(lesson.customer), self.terminal.last(lesson.terminal)]  # (B, H) each
        return self.fuse(torch.cat(states, dim=1), lesson.features)

    def fuse(self, states: Tensor | None, features: Tensor) -> Tensor:
        """Return log-odds (B,) from the states of both trails (B, 2H) and the features (B, features)."""
        coded = self.code(features)  # (B, features * (ranges + 1))
        entered = coded if states is None else torch.cat([states, coded], dim=1)
        met = self.dropout(torch.relu(self.meet(self.dropout(entered))))  # (B, units)
        odds: Tensor = self.answer(met).squeeze(1)
        return odds

    def code(self, features: Tensor) -> Tensor:
        """Return features as numbers and as how far they lie into each range, (B, features * (ranges + 1))."""
        plain = ((features - self.mean) / self.spread).clamp(-_FURTHEST, _FURTHEST)
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        inside = ((features[:, :, None] - low) / (high - low)).clamp(0, 1)  # (B, features, ranges)
        return torch.cat([plain, inside.flatten(1)], dim=1)


def mean_loss(model: FraudNetwork, lesson: Lesson) -> Tensor:
    """Return the weighted mean cross-entropy."""
    missed = functional.binary_cross_entropy_with_logits(model(lesson), lesson.targets, reduction="none")
    return (missed * lesson.weights).sum() / lesson.weights.sum()
