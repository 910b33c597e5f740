"""The audit of a training: does the model keep the promise that its statement makes?

A proof of privacy holds for the algorithm, not for the code that was written for it. So the code is attacked: canaries
go into the data, by coins; the model is trained in the usual way; and from the canaries' losses one guesses how the
coins fell. Too many right guesses refute the promise. Few prove nothing: a stronger attack might do better.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cartveil.insight.models.card import read_card, write_card
from cartveil.insight.models.encoder import UNKNOWN, Batch
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.privacy.auditing import Attack, Bound, Canaries, attack_by_score, bound_from_one_run
from cartveil.insight.privacy.statement import PrivacyStatement
from cartveil.insight.training.examples import Examples
from cartveil.insight.training.lessons import Lesson, losses_of

#: (fresh model, what to train on) -> what is promised of the trained model.
Train = Callable[[NextItem, Examples], PrivacyStatement]


@dataclass(frozen=True)
class AuditResult:
    """What was promised, and what an audit showed.

    Args:
        claimed: Epsilon of the statement.
        bound: The largest epsilon that was refuted; see `Bound`.
        attack: The same scores as an attacker's: who of the canaries was trained on.
    """

    claimed: float
    bound: Bound
    attack: Attack

    @property
    def flagged(self) -> bool:
        """Return whether the promise is broken, as surely as the bound says."""
        return self.bound.epsilon > self.claimed

    def __str__(self) -> str:
        bound = self.bound
        verdict = "the promise is BROKEN" if self.flagged else "nothing speaks against the promise"
        return (
            f"claimed epsilon {self.claimed:.4g}, shown at least {bound.epsilon:.4g} at delta {bound.delta:g} "
            f"({bound.confidence:.0%} confidence): {verdict}\n"
            f"{bound.correct} of {bound.guesses} guesses right, {bound.canaries} canaries, "
            f"area under the curve {self.attack.auc:.3f}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, for a model's card; an infinite claim is None."""
        claimed = None if math.isinf(self.claimed) else self.claimed
        plain = {"claimed": claimed, "flagged": self.flagged, **asdict(self.bound)}
        return {**plain, "attack": self.attack.as_dict()}


def audit(
    model: NextItem, train: Train, *, examples: Examples, canaries: Canaries, confidence: float = 0.95
) -> AuditResult:
    """Train with canaries, and see how much the model tells of them.

    Args:
        model: Fresh; it is trained in place. Its first weights are taken for known, as those of a seed are.
        train: The training to audit, as it is used: `train_private` with its settings.
        examples: The data; its parts are `Lesson`s.
        canaries: See `draw_canaries`; drawn anew for every audit.
        confidence: The probability with which a training that keeps its promise is not flagged, at least.

    Raises:
        InputError: A loss is no number.

    Guarantees:
        - A training whose statement holds is flagged with a probability of at most 1 - `confidence`.
        - A canary that is left out is a consumer without a loss: neither sampling rate nor number of steps tells the
          coins.

    Source: Steinke, Nasr and Jagielski, Privacy Auditing with One (1) Training Run, NeurIPS 2023, algorithm 1 in its
        black-box form; a canary's score is how far training lowered its loss.
    """
    before = canary_losses(model, canaries)
    statement = train(model, with_canaries(examples, canaries, field=model.config.field))
    scores = before - canary_losses(model, canaries)
    bound = bound_from_one_run(scores, canaries.included, delta=statement.delta, confidence=confidence)
    return AuditResult(statement.epsilon, bound, attack_by_score(scores, canaries.included))


def with_canaries(examples: Examples, canaries: Canaries, *, field: str) -> Examples:
    """Return the data with every canary as one more consumer; those left out have no loss.

    Args:
        examples: The data; its parts are `Lesson`s.
        canaries: Each of as many steps as it has items, less one.
        field: Which field of a batch holds the items; the others say nothing of a canary.
    """
    rows, like = len(examples.owners), examples.part(np.zeros(1, np.int64))
    made_up = _lesson(canaries, like, field)
    lengths = np.full(rows, like.targets.shape[1]) if examples.lengths is None else examples.lengths

    def part(chosen: NDArray[np.int64]) -> Lesson:
        real, others = np.flatnonzero(chosen < rows), np.flatnonzero(chosen >= rows)
        pieces = [examples.part(chosen[real])] if len(real) else []
        pieces += [_taken(made_up, chosen[others] - rows)] if len(others) else []
        return _taken(_joined(pieces), np.argsort(np.concatenate([real, others])))

    return Examples(
        np.concatenate([examples.owners, examples.owners.max() + 1 + np.arange(len(canaries))]),
        part,
        np.concatenate([lengths, made_up.lengths.numpy()]),
        lambda: _fingerprint_of(examples, canaries),
    )


def canary_losses(model: NextItem, canaries: Canaries) -> NDArray[np.float64]:
    """Return the model's mean cross-entropy over the steps of every canary, coins aside, (m,)."""
    encoder = model.config.encoder
    empty = torch.zeros(1, 1, dtype=torch.long)
    blank = Batch(
        {name: empty for name, _ in encoder.categorical},
        {name: empty[..., None] for name, _ in encoder.bags},
        torch.zeros(1, 1, encoder.numeric),
        torch.ones(1, dtype=torch.long),
    )
    everybody = Canaries(canaries.items, np.ones(len(canaries), bool))
    lesson = _lesson(everybody, Lesson(blank, empty, torch.zeros(1, 1)), model.config.field)
    return mean_losses(model, lesson)


def mean_losses(model: NextItem, lesson: Lesson) -> NDArray[np.float64]:
    """Return each sequence's mean cross-entropy without dropout, (B,): what an attacker sees of it."""
    was, device = model.training, next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        total = losses_of(model, lesson.to(device)).double().cpu()
    model.train(was)
    losses: NDArray[np.float64] = (total / lesson.weights.double().sum(1).clamp(min=1e-6)).numpy()
    return losses


def write_attacks(folder: Path, attacks: Mapping[str, Any]) -> None:
    """Add to a saved model's card what attacks on it, or on a rehearsal of its training, have shown.

    Args:
        folder: Of the model.
        attacks: Name of an attack -> its `as_dict()`; those of other names stay.

    Raises:
        ModelError: No model is there.
    """
    card = read_card(folder)
    write_card(folder, {**card, "attacks": {**(card.get("attacks") or {}), **attacks}})


def _lesson(canaries: Canaries, like: Lesson, field: str) -> Lesson:
    """Return canaries as a lesson with the fields of another; those left out weigh nothing, or have no loss."""
    inputs = torch.from_numpy(canaries.items[:, :-1].copy())  # (m, T)
    targets = torch.from_numpy(canaries.items[:, 1:].copy())  # (m, T)
    count, steps = inputs.shape
    batch = Batch(
        {name: inputs if name == field else torch.full_like(inputs, UNKNOWN) for name in like.batch.categorical},
        {name: torch.zeros(count, steps, ids.shape[2]).long() for name, ids in like.batch.bags.items()},
        torch.zeros(count, steps, like.batch.numeric.shape[2]),
        torch.full((count,), steps),
    )
    weights = torch.from_numpy(canaries.included).float()[:, None].expand(count, steps)
    return Lesson(batch, targets, weights.contiguous())


def _fingerprint_of(examples: Examples, canaries: Canaries) -> str:
    """Return a digest of the data with these canaries: a training goes on with no others."""
    known = "" if examples.fingerprint is None else examples.fingerprint()
    whole = hashlib.sha256(known.encode())
    for each in (canaries.items, canaries.included):
        whole.update(each.tobytes())
    return whole.hexdigest()


def _taken(lesson: Lesson, rows: NDArray[np.int64]) -> Lesson:
    return _mapped([lesson], lambda values: values[0][torch.from_numpy(rows)])


def _joined(lessons: list[Lesson]) -> Lesson:
    """Return lessons below each other, the shorter ones padded."""
    steps = max(lesson.targets.shape[1] for lesson in lessons)

    def join(values: list[Tensor]) -> Tensor:
        if values[0].ndim == 1:
            return torch.cat(values)
        rest = values[0].ndim - 2
        return torch.cat([functional.pad(each, (0, 0) * rest + (0, steps - each.shape[1])) for each in values])

    return _mapped(lessons, join)


def _mapped(lessons: list[Lesson], change: Callable[[list[Tensor]], Tensor]) -> Lesson:
    batches, first = [lesson.batch for lesson in lessons], lessons[0].batch
    return Lesson(
        Batch(
            {name: change([batch.categorical[name] for batch in batches]) for name in first.categorical},
            {name: change([batch.bags[name] for batch in batches]) for name in first.bags},
            change([batch.numeric for batch in batches]),
            change([batch.lengths for batch in batches]),
        ),
        change([lesson.targets for lesson in lessons]),
        change([lesson.weights for lesson in lessons]),
    )
