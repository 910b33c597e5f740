"""A training that runs: the model, its optimizer, its generators, and where it stands."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.training.checkpoint import (
    Snapshot,
    digest_of_training,
    moments_of,
    read_checkpoint,
    restore_moments,
    write_checkpoint,
)
from cartveil.insight.training.config import TrainingConfig
from cartveil.insight.training.devices import PlacedLoss, device_of
from cartveil.insight.training.generators import Generators, States
from cartveil.insight.training.progress import Pace, Progress
from cartveil.insight.training.schedules import rate_at
from cartveil.insight.training.standing import Epoch, Standing
from cartveil.insight.training.updates import PlainUpdate, Update

#: Settings that change nothing of what is learnt.
_FREE = ("save_every", "report_every")


@dataclass(frozen=True)
class Task:
    """What is trained for; the arguments of `fit` of these names."""

    loss: Callable[[Any, Any], Tensor]
    batches: Callable[[np.random.Generator], Iterable[Any]]
    steps: int
    validate: Callable[[Any], float] | None
    fingerprint: Callable[[], str] | None = None


class Run:
    """A training that runs.

    Args:
        model: What to train, on the device to compute on.
        task: What for.
        config: See `TrainingConfig`.
        update: How gradients are obtained.
        file: Checkpoint; None keeps none.
    """

    def __init__(
        self, model: nn.Module, task: Task, config: TrainingConfig, *, update: Update, file: Path | None
    ) -> None:
        self.model, self.task, self.config, self.update, self.file = model, task, config, update, file
        device = device_of(model)
        self.standing = Standing()
        self.best = copy.deepcopy(model.state_dict())
        self._loss = PlacedLoss(task.loss, device, config.precision)
        self._generators = Generators(config.seed, device)
        self._began = self._generators.states()
        # The fused one goes through the weights once, not ten times, and rounds differently: plain training keeps
        # torch's default, so that what was trained before can be trained again to the bit.
        fused = None if isinstance(update, PlainUpdate) else True
        self._optimizer = torch.optim.AdamW(_groups(model, config), lr=config.learning_rate, fused=fused)
        self._peaks = [group["lr"] for group in self._optimizer.param_groups]
        self._rate = rate_at(config.schedule, steps=task.steps * config.epochs, warmup=config.warmup)
        self._pace = Pace()

    @property
    def finished(self) -> bool:
        """Return whether no epoch is left, or patience is at its end."""
        return self.standing.epoch > self.config.epochs or self.standing.waited >= self.config.patience

    def epoch(self, on_progress: Callable[[Progress], None]) -> Epoch:
        """Run what is left of an epoch, judge it, and save."""
        started = time.perf_counter() - self.standing.seconds
        self.model.train()
        for batch in self._batches():
            loss = self._step(batch)
            seconds = time.perf_counter() - started
            self.standing = self.standing.after(loss, samples=_samples(batch), seconds=seconds)
            self._pace.count(_events(batch))
            if self.standing.step % self.config.report_every == 0:
                on_progress(self._progress())
            if self.standing.step % self.config.save_every == 0:
                self._save()
        self._judge()
        self._save()
        return self.standing.history[-1]

    def resume(self) -> None:
        """Go on from the checkpoint; where there is none, make the first.

        Raises:
            IntegrityError: The checkpoint was changed.
            ModelError: The checkpoint is broken, of another training, or made from other data.
        """
        if self.file is None:
            return
        found = read_checkpoint(self.file, training=self._digest(), data=self._data)
        if found is None:
            self._save()
            return
        self._restore_update(found.facts["update"])
        self.model.load_state_dict(found.part("model"))
        self.best = {name: each.to(self._loss.device) for name, each in found.part("best").items()}
        restore_moments(self.model, self._optimizer, found.part("optimizer"))
        self.standing = Standing.of(found.facts["standing"])
        self._began = States(found.facts["numpy"]["began"], found.part("random/began"))
        self._generators.restore(States(found.facts["numpy"]["now"], found.part("random/now")))

    def _restore_update(self, state: Mapping[str, Any]) -> None:
        try:
            self.update.restore(state)
        except ModelError as error:
            # An update does not know where its state stood.
            raise ModelError(error.message, path=error.path or str(self.file), hint=error.hint) from error

    def _batches(self) -> Iterator[Any]:
        """Yield the batches of this epoch that were not learnt from yet."""
        skipped = self.standing.step
        now = self._generators.states()
        self._generators.restore(self._began)
        batches = iter(self.task.batches(self._generators.numpy))
        for _ in range(skipped):
            next(batches, None)
        if skipped and self._generators.states().numpy != now.numpy:
            hint = "its data has changed: remove the checkpoint and train anew"
            raise ModelError("batches are not those of the checkpoint", path=str(self.file), hint=hint)
        if skipped:
            self._generators.restore(now)
        return batches

    def _step(self, batch: Any) -> float:
        self._optimizer.zero_grad(set_to_none=True)
        loss = self.update.gradients(self.model, self._loss, batch)
        if not self.update.bounded:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * self._rate(self.standing.taken)
        self._optimizer.step()
        return loss

    def _judge(self) -> None:
        self.model.eval()
        with torch.no_grad():
            score = None if self.task.validate is None else self.task.validate(self.model)
        self.standing = self.standing.closed(score)
        if not self.standing.waited:
            self.best = copy.deepcopy(self.model.state_dict())
        self._began = self._generators.states()

    def _progress(self) -> Progress:
        here, steps = self.standing, self.task.steps
        left = max(0, (self.config.epochs - here.epoch + 1) * steps - here.step)
        speed, seconds = self._pace.events_per_second, self._pace.seconds_for(left)
        return Progress(here.epoch, self.config.epochs, here.step, steps, here.loss, speed, seconds)

    def _save(self) -> None:
        if self.file is None:
            return
        now = self._generators.states()
        parts = {
            "model": self.model.state_dict(),
            "best": self.best,
            "optimizer": moments_of(self.model, self._optimizer),
            "random/began": self._began.torch,
            "random/now": now.torch,
        }
        facts = {
            "standing": asdict(self.standing),
            "update": dict(self.update.state()),
            "numpy": {"began": self._began.numpy, "now": now.numpy},
        }
        write_checkpoint(self.file, Snapshot.of(parts, facts), training=self._digest(), data=self._data)

    @cached_property
    def _data(self) -> str | None:
        """Return the digest of the data; found once, since it reads all of them."""
        return None if self.task.fingerprint is None else self.task.fingerprint()

    def _digest(self) -> str:
        config = {name: value for name, value in asdict(self.config).items() if name not in _FREE}
        how = {"steps": self.task.steps, "update": type(self.update).__name__, "device": self._loss.device.type}
        return digest_of_training(self.model, {**config, **how})


def _samples(batch: object) -> int:
    if isinstance(batch, int):
        return batch
    lengths = getattr(batch, "lengths", None)
    return len(lengths) if lengths is not None else 1


def _events(batch: object) -> int:
    lengths = getattr(batch, "lengths", None)
    return int(lengths.sum()) if lengths is not None else _samples(batch)


def _groups(model: nn.Module, config: TrainingConfig) -> list[dict[str, object]]:
    groups = []
    for name, parameter in model.named_parameters():
        factor = next((factor for prefix, factor in config.rates if name.startswith(prefix)), 1.0)
        decay = config.weight_decay if parameter.ndim > 1 and "embedding" not in name else 0.0
        groups.append({"params": [parameter], "lr": config.learning_rate * factor, "weight_decay": decay})
    return groups
