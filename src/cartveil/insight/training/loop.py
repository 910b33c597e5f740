"""The one training loop: every model of Cartveil is trained here, and nowhere else.

What differs between models is passed in: how to draw batches, what the loss is, how to validate. The loop owns
what they share: seeds, learning rate schedule, gradient clipping, weight decay, early stopping, and keeping the best
weights.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from cartveil.errors import ModelError

Sample = TypeVar("Sample")
Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Args:
        epochs: At most this many passes.
        learning_rate: Peak of AdamW's cosine schedule.
        weight_decay: AdamW's decoupled decay; biases, norms and embeddings are spared.
        clip_norm: Largest norm of the whole gradient.
        patience: Stop after this many epochs without a better validation score.
        seed: Seeds weights, batches and dropout.
        warmup: Share of all steps over which the rate rises from zero.
        rates: (name prefix of parameters, factor on the learning rate).
    """

    epochs: int = 10
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    patience: int = 2
    seed: int = 0
    warmup: float = 0.05
    rates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Epoch:
    """What one pass gave: mean loss, validation score (higher is better), seconds, samples a second."""

    number: int
    loss: float
    score: float
    seconds: float
    samples_per_second: float


def fit(
    model: Model,
    loss: Callable[[Model, Sample], Tensor],
    *,
    batches: Callable[[np.random.Generator], Iterable[Sample]],
    steps: int,
    validate: Callable[[Model], float],
    config: TrainingConfig,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> tuple[Epoch, ...]:
    """Train in place; the model ends with the weights of its best epoch.

    Args:
        model: What to train; its weights were drawn under `seeded` by the caller.
        loss: (model, batch) -> mean loss of the batch, a scalar.
        batches: Generator -> the batches of one epoch, in a fresh order.
        steps: Batches of an epoch, for the schedule.
        validate: Model in evaluation mode -> score, higher is better.
        config: See `TrainingConfig`.
        on_epoch: Called after every epoch.

    Returns:
        Every epoch that was run.

    Raises:
        ModelError: There is nothing to train on, or the loss is not finite.
    """
    if steps < 1:
        raise ModelError("nothing to train on", hint="the training period holds no sequence")
    torch.manual_seed(config.seed)
    generator = np.random.default_rng(config.seed)
    optimizer = torch.optim.AdamW(_groups(model, config), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _cosine(steps * config.epochs, config.warmup))
    best, kept, waited, history = -math.inf, copy.deepcopy(model.state_dict()), 0, []
    for number in range(1, config.epochs + 1):
        started = time.perf_counter()
        model.train()
        mean, samples = _pass(model, loss, batches(generator), step=_stepper(model, optimizer, schedule, config))
        seconds = max(time.perf_counter() - started, 1e-9)
        model.eval()
        with torch.no_grad():
            epoch = Epoch(number, mean, validate(model), seconds, samples / seconds)
        history.append(epoch)
        on_epoch(epoch)
        if epoch.score > best:
            best, kept, waited = epoch.score, copy.deepcopy(model.state_dict()), 0
        else:
            waited += 1
        if waited >= config.patience:
            break
    model.load_state_dict(kept)
    model.eval()
    return tuple(history)


def _pass(
    model: Model,
    loss: Callable[[Model, Sample], Tensor],
    batches: Iterable[Sample],
    *,
    step: Callable[[Tensor], None],
) -> tuple[float, int]:
    total, samples, count = 0.0, 0, 0
    for batch in batches:
        value = loss(model, batch)
        if not torch.isfinite(value):
            raise ModelError("loss is not finite", hint="lower the learning rate, or look for extreme values")
        step(value)
        total, samples, count = total + float(value.detach()), samples + _size(batch), count + 1
    return total / max(count, 1), samples


def _stepper(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    config: TrainingConfig,
) -> Callable[[Tensor], None]:
    def step(value: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        schedule.step()

    return step


def _size(batch: object) -> int:
    lengths = getattr(batch, "lengths", None)
    return len(lengths) if lengths is not None else 1


def _groups(model: nn.Module, config: TrainingConfig) -> list[dict[str, object]]:
    groups = []
    for name, parameter in model.named_parameters():
        factor = next((factor for prefix, factor in config.rates if name.startswith(prefix)), 1.0)
        decay = config.weight_decay if parameter.ndim > 1 and "embedding" not in name else 0.0
        groups.append({"params": [parameter], "lr": config.learning_rate * factor, "weight_decay": decay})
    return groups


def _cosine(steps: int, warmup: float) -> Callable[[int], float]:
    rise = max(1, int(steps * warmup))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))

    return factor
