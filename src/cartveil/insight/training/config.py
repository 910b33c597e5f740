"""How to train, as data: what a model's card keeps of it."""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from cartveil.errors import InputError
from cartveil.insight.training.devices import Precision
from cartveil.insight.training.schedules import Schedule

#: The largest whole number that torch takes as a seed, and JSON's readers as a number of 64 bits.
_MOST = 2**63 - 1


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

    Raises:
        InputError: A number is outside its range. Schedule and precision are judged when training begins.
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

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "save_every", "report_every"):
            _whole(name, getattr(self, name), least=1)
        _whole("seed", self.seed, least=0)
        for name in ("learning_rate", "clip_norm"):
            _real(name, getattr(self, name), above_zero=True)
        _real("weight_decay", self.weight_decay)
        _real("warmup", self.warmup)
        if self.warmup >= 1:
            raise InputError("must be below 1", path="warmup", hint="a share of all steps, such as 0.05")
        for prefix, factor in self.rates:
            _real(f"rates.{prefix}", factor)


def _whole(name: str, value: Any, *, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or not least <= int(value) <= _MOST:
        raise InputError(f"must be a whole number of at least {least}", path=name, hint="below 2 to the power of 63")


def _real(name: str, value: Any, *, above_zero: bool = False) -> None:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not math.isfinite(number) or number < 0 or (above_zero and number == 0):
        least = "above 0" if above_zero else "of at least 0"
        raise InputError(f"must be a finite number {least}", path=name, hint="leave it out for the usual one")
