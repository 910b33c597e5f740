"""The one training loop: every model of Cartveil is trained here, and nowhere else.

What differs between models is passed in: how to draw batches, what the loss is, how to validate, and how an update is
obtained (plain, private, in chunks). The loop owns what they share: seeds, learning rate schedule, gradient clipping,
weight decay, early stopping, keeping the best weights, checkpoints and progress.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.training.config import TrainingConfig
from cartveil.insight.training.devices import device_named, device_of
from cartveil.insight.training.progress import Progress
from cartveil.insight.training.running import Run, Task
from cartveil.insight.training.standing import Epoch
from cartveil.insight.training.updates import PlainUpdate, Update

__all__ = ["Epoch", "TrainingConfig", "fit"]

Sample = TypeVar("Sample")
Model = TypeVar("Model", bound=nn.Module)


def fit(
    model: Model,
    loss: Callable[[Model, Sample], Tensor],
    *,
    batches: Callable[[np.random.Generator], Iterable[Sample]],
    steps: int,
    validate: Callable[[Model], float] | None,
    config: TrainingConfig,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    update: Update | None = None,
    device: str = "cpu",
    checkpoint: Path | None = None,
    fingerprint: Callable[[], str] | None = None,
) -> tuple[Epoch, ...]:
    """Train in place; the model ends with the weights of its best epoch, on the device where it was.

    Args:
        model: What to train; its weights were drawn under a seed by the caller.
        loss: (model, batch) -> what the update takes; for a plain one the mean loss of the batch, a scalar.
        batches: Generator -> the batches of one epoch, in a fresh order that depends on the generator alone. A batch
            that is a number stands for so many samples that the update draws itself.
        steps: Batches of an epoch, for the schedule.
        validate: Model in evaluation mode, on `device` -> score, higher is better; None keeps the last weights and
            never stops early.
        config: See `TrainingConfig`.
        on_epoch: Called after every epoch.
        on_progress: Called every `config.report_every` steps.
        update: How gradients are obtained; None for `PlainUpdate`.
        device: Where to compute, `cpu` or `cuda`.
        checkpoint: File to save to, and to go on from where it stands already; remove it once the model is saved.
        fingerprint: Returns a digest of all that is learnt from and judged by; the checkpoint is bound to it. None
            takes that of the objects whose methods `batches` and `validate` are, as `Lessons` has it. Where they have
            none, data of the same shape are NOT told apart. It is asked once, and only with a checkpoint.

    Returns:
        Every epoch that was run, those before a resume included.

    Raises:
        ModelError: There is nothing to train on, the loss is not finite, the device is missing, or the checkpoint
            belongs to another training or was made from other data.
        IntegrityError: A byte of the checkpoint is not as it was written.
        StorageError: The checkpoint cannot be written.

    Guarantees:
        - The same seed gives the same weights on a CPU with the same number of threads.
        - Killed at any moment and called again with the same arguments and `checkpoint`, a plain training ends with
          the weights that it would have had.
    """
    if steps < 1:
        raise ModelError("nothing to train on", hint="the training period holds no sequence")
    torch.manual_seed(config.seed)
    home = device_of(model)
    model.to(device_named(device))
    task = Task(loss, batches, steps, validate, fingerprint or _fingerprint_of(batches, validate))
    run = Run(model, task, config, update=update or PlainUpdate(), file=checkpoint)
    run.resume()
    while not run.finished:
        on_epoch(run.epoch(on_progress))
    model.load_state_dict(run.best)
    model.to(home).eval()
    return run.standing.history


def _fingerprint_of(*given: object) -> Callable[[], str] | None:
    """Return what tells the data of these methods apart; None where no object behind them can tell."""
    asked = [getattr(getattr(each, "__self__", None), "fingerprint", None) for each in given]
    found = [each for each in asked if callable(each)]
    return (lambda: " ".join(each() for each in found)) if found else None
