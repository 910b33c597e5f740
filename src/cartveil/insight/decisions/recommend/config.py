"""What can be chosen about a recommender."""

from dataclasses import dataclass, field

from cartveil.insight.training.loop import TrainingConfig


@dataclass(frozen=True)
class RecommenderConfig:
    """How to build and train a recommender.

    Args:
        max_items: Size of the vocabulary; rarer items are neither read nor recommended. The item-item weights take
            its square in memory and its cube in time.
        steps: Last baskets that the LSTM reads.
        width: Items of a basket that it reads.
        every: Days between cutoffs.
        horizon: Days after a cutoff in which the target basket may lie.
        cutoffs: At most this many, the latest before the validation period.
        ridge: Penalty of the item-item weights, in consumers.
        new_weight: Weight of the loss on items not bought before, beside the loss on all items.
        batch: Occasions of a batch.
        embedding: Units per item.
        hidden: Units of the LSTM.
        copy: Units of the copy network.
        dropout: Of the encoder.
        sequence_keep: Share of occasions on which training keeps the LSTM's own scores.
        sequence_only: Train and score the LSTM path alone, for comparison.
        training: Epochs, rates, seed.
    """

    max_items: int = 5000
    steps: int = 15
    width: int = 40
    every: float = 10.0
    horizon: float = 39.0
    cutoffs: int = 14
    ridge: float = 300.0
    new_weight: float = 0.5
    batch: int = 128
    embedding: int = 64
    hidden: int = 128
    copy: int = 64
    dropout: float = 0.3
    sequence_keep: float = 0.5
    sequence_only: bool = False
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=2,
            learning_rate=2e-3,
            patience=2,
            rates=(("copy", 4.0), ("gate", 4.0), ("encoder", 0.3)),
        )
    )
