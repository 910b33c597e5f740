"""Private training: how much a consumer can move the model is bounded, hidden in noise, and accounted.

Each step draws every consumer with the same chance, sums what the drawn ones want, each clipped as a whole, adds noise
scaled to that bound, and hands the result to the one loop. Nothing else that is computed from the data leaves: the
loss is not told, no epoch is chosen by its score, and training never stops early.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import repeat, takewhile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.privacy.accounting import Step, noise_multiplier_for, steps_within
from cartveil.insight.privacy.clipping import ClippedSum, clipped_sum
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.noise import add_noise
from cartveil.insight.privacy.randomness import Randomness, operating_system
from cartveil.insight.privacy.sampling import PoissonSampler
from cartveil.insight.privacy.statement import PrivacyStatement, statement_of
from cartveil.insight.training.compiled import ROWS, clips, compiled_clipped_sum
from cartveil.insight.training.devices import device_of
from cartveil.insight.training.examples import PART, Examples
from cartveil.insight.training.loop import Epoch, TrainingConfig, fit
from cartveil.insight.training.masks import secret_masks
from cartveil.insight.training.progress import Progress
from cartveil.insight.training.promise import PrivateConfig

__all__ = ["PrivateConfig", "PrivateTraining", "PrivateUpdate", "account_of", "train_private"]

Model = TypeVar("Model", bound=nn.Module)

#: What the account calls the steps of training.
TRAINING = "training"


@dataclass(frozen=True)
class PrivateTraining:
    """What a private training gave.

    Args:
        statement: What is promised.
        epochs: The passes, without loss and score.
        non_finite: How often a row was left out since its gradient was not finite; for whoever trains, since no
            promise covers it.
    """

    statement: PrivacyStatement
    epochs: tuple[Epoch, ...]
    non_finite: int


def train_private(
    model: Model,
    losses: Callable[[Model, Any], Tensor],
    *,
    examples: Examples,
    privacy: PrivateConfig,
    config: TrainingConfig,
    log: EventLog | None = None,
    random: Randomness | None = None,
    device: str = "cpu",
    checkpoint: Path | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> PrivateTraining:
    """Train in place, so that one consumer more or less hardly changes the weights.

    Args:
        model: What to train; its weights were drawn under a seed, or learnt from public data.
        losses: (model, part) -> the loss of each row of the part, (B,). A row's loss depends on that row alone.
        examples: The rows and their owners.
        privacy: The promise; see `PrivateConfig`.
        config: How to train; `epochs` are passes in expectation, `clip_norm` and `patience` are not looked at.
        log: The account; what stands in it already counts towards `privacy.epsilon`. None begins one, beside the
            checkpoint where there is one.
        random: Where chance comes from; the operating system unless a test says otherwise.
        device: Where to compute, `cpu` or `cuda`.
        checkpoint: File to save to, and to go on from; see Guarantees.
        on_epoch: Called after every epoch; the epoch tells no loss and no score.
        on_progress: Called every `config.report_every` steps.

    Returns:
        The statement, and the epochs.

    Raises:
        ModelError: No noise is enough, nothing is left of the account, mixed precision was asked for, or others wrote
            so much into the account meanwhile that the promise is broken.
        InputError: Epsilon or delta make no sense.
        StorageError: Another training holds the account, or it cannot be written.

    Guarantees:
        - No step takes the account above `privacy.epsilon`, kills and resumes included: steps whose outcome a kill
          threw away stay in the account, and as many fewer are made. Whatever else was written into it since training
          began costs steps too; where it left nothing, training is refused.

    Source: Abadi et al., Deep Learning with Differential Privacy, CCS 2016, algorithm 1.
    """
    if config.precision != "full":
        raise ModelError("private training needs full precision", hint="norms must be exact: leave `precision` alone")
    steps = max(1, round(examples.consumers / privacy.batch))
    with _account(log, checkpoint) as account:
        update = PrivateUpdate(examples, privacy, planned=steps * config.epochs, log=account, random=random)
        if checkpoint is None or not checkpoint.exists():
            update.find_noise()
        epochs = fit(
            model,
            losses,
            batches=lambda _: takewhile(lambda _: update.left > 0, repeat(update.expected, steps)),
            steps=steps,
            validate=None,
            config=config,
            on_epoch=on_epoch,
            on_progress=on_progress,
            update=update,
            device=device,
            checkpoint=checkpoint,
        )
        statement = statement_of(account, delta=privacy.delta)
        statement.require(privacy.epsilon)
        return PrivateTraining(statement, epochs, update.non_finite)


def account_of(checkpoint: Path) -> Path:
    """Return where the account of a training with a checkpoint stands."""
    return checkpoint.with_name(f"{checkpoint.name}.account")


@contextmanager
def _account(log: EventLog | None, checkpoint: Path | None) -> Iterator[EventLog]:
    """Yield the account that was given, or one that is held until the training ends."""
    if log is not None:
        yield log
        return
    own = EventLog(None if checkpoint is None else account_of(checkpoint))
    try:
        yield own
    finally:
        own.close()


class PrivateUpdate:
    """Draw consumers, clip what each wants, sum, and add noise; see `Update`.

    Args:
        examples: The rows and their owners.
        privacy: The promise.
        planned: Steps of the whole training, those before a resume included.
        log: The account; what it holds when training begins counts towards the promise.
        random: Where chance comes from; None for the operating system.

    Raises:
        InputError: The batch makes no sense.
    """

    bounded = True

    def __init__(
        self,
        examples: Examples,
        privacy: PrivateConfig,
        *,
        planned: int,
        log: EventLog,
        random: Randomness | None = None,
    ) -> None:
        self.examples, self.privacy, self.planned = examples, privacy, planned
        self.non_finite = 0
        self._log, self._random, self._before = log, random, len(log)
        # Steps that may still be made, and the length of the account for which that was found out.
        self._left, self._known = planned, len(log)
        self._multiplier: float | None = None
        rate = min(1.0, privacy.batch / examples.consumers)
        self._sampler = PoissonSampler(examples.consumers, rate, log=log, random=random)

    @property
    def left(self) -> int:
        """Return how many steps may still be made; fewer than were planned once others wrote into the account.

        Raises:
            ModelError: The account costs more than was promised already.
        """
        if len(self._log) != self._known:
            self._shorten()
        return self._left

    @property
    def expected(self) -> int:
        """Return how many consumers a step should draw."""
        return round(self._sampler.expected)

    @property
    def multiplier(self) -> float:
        """Return the standard deviation of the noise over the bound; see `find_noise`."""
        return self.find_noise() if self._multiplier is None else self._multiplier

    def find_noise(self) -> float:
        """Find the least noise that keeps the promise when all steps are made; this takes seconds.

        Raises:
            ModelError: No noise is enough.
            InputError: Epsilon or delta make no sense.
        """
        wish, rate = self.privacy, self._sampler.rate
        self._multiplier = noise_multiplier_for(
            epsilon=wish.epsilon, delta=wish.delta, rate=rate, steps=self.planned, log=self._log
        )
        self._known = len(self._log)
        return self._multiplier

    def gradients(self, model: nn.Module, loss: Callable[[Any, Any], Tensor], batch: Any) -> float:
        """Leave noisy gradients; the loss is not told.

        Raises:
            ModelError: No step is left.
        """
        multiplier = self.multiplier
        if self.left < 1:
            raise ModelError("no step is left within what was promised", hint="end the training when `left` is 0")
        rows = self.examples.rows_of(self._sampler.draw())
        with secret_masks(self._random or operating_system(), device_of(model)):
            clipped = _clipped(model, loss, rows, examples=self.examples, privacy=self.privacy)
        self.non_finite += clipped.non_finite
        noisy = add_noise(clipped, multiplier=multiplier, log=self._log, random=self._random, what=TRAINING)
        self._left, self._known = self._left - 1, self._known + 1
        for name, parameter in model.named_parameters():
            # The expected size of the batch: that which was drawn is a secret.
            parameter.grad = noisy[name] / self._sampler.expected if name in noisy else None
        return math.nan

    def state(self) -> Mapping[str, Any]:
        """Return the promise, the noise that keeps it, and which steps of the account are this training's."""
        spent = {"before": self._before, "account": len(self._log)}
        return {"promise": self._promise(), "multiplier": self.multiplier, **spent}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the same noise; what the account gained since the checkpoint stays spent.

        Raises:
            ModelError: Another promise was made, or with other data, or the account holds less than the checkpoint
                spent, or costs more than was promised already.
        """
        if state["promise"]["data"] != self._data:
            raise ModelError("checkpoint was made from other data", hint="go on with the data it was made from")
        if state["promise"] != self._promise():
            raise ModelError(
                "checkpoint was made under another promise", hint="go on with the same `PrivateConfig` and data"
            )
        if len(self._log) < state["account"]:
            raise ModelError("account holds fewer steps than the checkpoint", hint="go on with the account of that run")
        self._multiplier, self._before = state["multiplier"], state["before"]
        mine = (self._sampler.rate, self._multiplier)
        since = self._log.steps[self._before :]
        made = sum(step.what == TRAINING and (step.rate, step.multiplier) == mine for step in since)
        self._left = max(0, self.planned - made)
        self._shorten()

    def _shorten(self) -> None:
        """Leave as many of the steps as the promise can still pay for, whoever else wrote into the account."""
        wish, step = self.privacy, Step(TRAINING, self._sampler.rate, self.multiplier)
        self._left = steps_within(step, most=self._left, epsilon=wish.epsilon, delta=wish.delta, log=self._log)
        self._known = len(self._log)

    def _promise(self) -> dict[str, Any]:
        wish = {name: value for name, value in asdict(self.privacy).items() if name != "threads"}
        return {**wish, "consumers": self.examples.consumers, "data": self._data}

    @cached_property
    def _data(self) -> str | None:
        """Return the digest of the rows; found once, since it reads all of them."""
        return None if self.examples.fingerprint is None else self.examples.fingerprint()


def _clipped(
    model: nn.Module,
    losses: Callable[[Any, Any], Tensor],
    rows: NDArray[np.int64],
    *,
    examples: Examples,
    privacy: PrivateConfig,
) -> ClippedSum:
    compiled = clips(model, losses) and len(rows) > 0
    groups = list(examples.parts(rows, size=ROWS if compiled else PART))
    shares = torch.from_numpy(examples.shares_of(np.concatenate([rows[:0], *groups])))
    parts = (examples.part(group) for group in groups)
    how: dict[str, Any] = {"clip": privacy.clip, "automatic": privacy.automatic, "shares": shares}
    if compiled:
        return compiled_clipped_sum(model, parts, threads=privacy.threads, **how)
    return clipped_sum(model, losses, parts, **how)
