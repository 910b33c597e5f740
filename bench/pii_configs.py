"""How each task of `bench.pii` is trained; all chosen on a part of the training file that was held back."""

from dataclasses import replace

from cartveil.insight.decisions.finder.tagger import TaggerConfig
from cartveil.insight.training.loop import TrainingConfig

_TRAINING = TrainingConfig(epochs=8, learning_rate=3e-3, patience=8, clip_norm=5.0, precision="mixed")

_USUAL = TaggerConfig(hidden=160, dropout=0.5, training=_TRAINING)

CONFIGS = {
    "waybill": _USUAL,
    "address_sutd": replace(_USUAL, networks=2, training=replace(_TRAINING, epochs=7)),
    "cluener": replace(_USUAL, networks=2),
    "weibo": replace(_USUAL, training=replace(_TRAINING, epochs=16, patience=16)),
    "resume": _USUAL,
}


def config_of(task: str, *, seed: int) -> TaggerConfig:
    """Return how a task is trained, under one seed."""
    config = CONFIGS[task]
    return replace(config, training=replace(config.training, seed=seed))
