"""How to train, as data: what a model's card keeps of it."""

from dataclasses import dataclass

from cartveil.insight.training.devices import Precision
from cartveil.insight.training.schedules import Schedule


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Args:
        epochs: At most this many passes.
        learning_rate: Peak of AdamW's schedule.
        weight_decay: AdamW's decoupled decay; biases, norms and embeddings are spared.
        clip_norm: Largest norm of the whole gradient.
        patience: Stop after this many epochs without a better validation score.
        seed: Seeds batches and dropout; whoever makes the model seeds its weights.
        warmup: Share of all steps over which the rate rises from zero.
        rates: (name prefix of parameters, factor on the learning rate).
        schedule: How the rate falls; see `Schedule`.
        precision: See `Precision`.
        save_every: Steps between two checkpoints, besides one after every epoch.
        report_every: Steps between two reports of progress.
    """

    epochs: int = 10
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    patience: int = 2
    seed: int = 0
    warmup: float = 0.05
    rates: tuple[tuple[str, float], ...] = ()
    schedule: Schedule = "cosine"
    precision: Precision = "full"
    save_every: int = 200
    report_every: int = 20
