"""The next item model: one encoder, one softmax over all items, losses that stand alone for each sequence."""

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig
from cartveil.insight.models.sampled import draw_items, sampled_losses
from cartveil.insight.models.softmax import SoftmaxHead


@dataclass(frozen=True)
class NextItemConfig:
    """Shape of a next item model.

    Args:
        encoder: How the past is read.
        items: Size of the item vocabulary V, padding and unknown included.
        field: The field of the encoder that holds the items.
        tied: Score items with the matrix that embeds them.
        bias: Give each item a score of its own besides.
        sampled_above: With more items than this, plain training draws some of them instead of scoring all.
        drawn: How many it draws for each batch.

    Raises:
        ModelError: The encoder reads from both ends; tied, and embedding and states differ in width, or the field in
            size; or nothing is to be drawn.
    """

    encoder: EncoderConfig
    items: int
    field: str = "item"
    tied: bool = False
    bias: bool = True
    sampled_above: int = 100_000
    drawn: int = 8_192

    def __post_init__(self) -> None:
        self.encoder.require_one_way()
        if self.drawn < 1:
            raise ModelError(f"`{self.drawn}` drawn items are too few", hint="draw thousands")
        if self.tied:
            _check_tied(self)


class NextItem(nn.Module):
    """Score every item as the next one.

    Args:
        config: See `NextItemConfig`.

    Guarantees:
        - The loss of a sequence depends on no other sequence of the batch.
    """

    def __init__(self, config: NextItemConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, one_bias=True)
        shared = self.encoder.embeddings[config.field].weight if config.tied else None
        self.head = SoftmaxHead(
            config.encoder.width, config.items, bias=config.bias, weight=cast(nn.Parameter | None, shared)
        )

    def losses(self, batch: Batch, targets: Tensor, weights: Tensor, *, smoothing: float = 0.0) -> Tensor:
        """Return each sequence's weighted sum of cross-entropies in nats, (B,).

        Args:
            batch: What was known before each target.
            targets: Ids of what came, (B, T).
            weights: What each step counts, (B, T) float; 0 where nothing is asked, and at padding.
            smoothing: Share of each target that is spread evenly over all items.

        Raises:
            ModelError: Smoothing in private training, which has no exact clipping for it.

        Source: smoothing by Szegedy et al., Rethinking the Inception Architecture, CVPR 2016, section 7.
        """
        return self.losses_after(self.encoder(batch), targets, weights, smoothing=smoothing)

    def losses_after(self, states: Tensor, targets: Tensor, weights: Tensor, *, smoothing: float = 0.0) -> Tensor:
        """Return what `losses` does, from states (B, T, H): of `Encoder.carry`, for sequences read in chunks."""
        if smoothing and self.head.tap is not None:
            raise ModelError("label smoothing has no exact clipping", hint="train privately without it")
        if self.training and self.head.tap is None and self.config.items > self.config.sampled_above:
            each = self._sampled(states, targets, weights)
        else:
            each = self.head.losses(states, targets, weights)
        return each + smoothing * self._evenly(states, targets, weights) if smoothing else each

    def scores(self, batch: Batch) -> Tensor:
        """Return the score of every item after the last step, (B, V); padding and unknown have one too."""
        return self.head.scores(self.encoder.last(batch))

    def _sampled(self, states: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        drawn = draw_items(self.config.drawn, self.config.items).to(states.device)
        head = self.head
        return sampled_losses(states, targets, weights, matrix=head.weight, bias=head.bias, drawn=drawn)

    def _evenly(self, states: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        # The mean cross-entropy over all items less the target's own: its score less the mean score, which is the score
        # of the mean item, so that no score of all items is needed.
        excess = self.head.weight[targets] - self.head.weight.mean(0)  # (B, T, H)
        gain = (states * excess).sum(-1)  # (B, T)
        if self.head.bias is not None:
            gain = gain + self.head.bias[targets] - self.head.bias.mean()
        return (gain * weights).sum(-1)


def _check_tied(config: NextItemConfig) -> None:
    encoder = config.encoder
    if dict(encoder.categorical).get(config.field) != config.items:
        raise ModelError(f"tied weights need a field `{config.field}` of {config.items} ids", hint="or tied=False")
    if encoder.embedding != encoder.width:
        raise ModelError("tied weights need as many units per embedded field as hidden ones", hint="or tied=False")
