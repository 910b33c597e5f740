"""What a model says of its privacy: epsilon never without delta, unit, relation and how it was computed."""

import math
from collections import Counter
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Context
from typing import Any

from cartveil.errors import ModelError
from cartveil.insight.privacy.accounting import EventLog, Step, epsilon_of

ACCOUNTANT = "privacy loss distribution (dp-accounting), rounded upwards"


@dataclass(frozen=True)
class PrivacyStatement:
    """A promise and everything that one needs to know to judge it.

    Args:
        epsilon: The privacy loss of everything that was done, `beside` included.
        delta: The probability with which the promise may fail.
        noise_multiplier: Standard deviation of the noise over the bound, in the steps of training.
        rate: The probability with which each consumer was drawn for a step.
        steps: How many steps were taken.
        bound: The most by which one consumer moved the sum of a step.
        beside: What else was counted, such as a vocabulary, in words.
        unit: What one more or less of is hidden.
        relation: How neighbouring data sets differ.
        accountant: How epsilon was computed.
        secret: Whether all randomness was the operating system's; if not, nothing is promised.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    rate: float
    steps: int
    bound: float
    beside: tuple[str, ...] = ()
    unit: str = "consumer"
    relation: str = "add or remove one"
    accountant: str = ACCOUNTANT
    secret: bool = True

    def __str__(self) -> str:
        lines = [
            f"epsilon {_upwards(self._loss):.4g} at delta {_upwards(self.delta):.4g} for one {self.unit} "
            f"({self.relation}); the number of {self.unit}s is taken as public",
            f"{self.steps} steps, sampling rate {self.rate:.4g}, noise multiplier {self.noise_multiplier:.4g}, "
            f"clipped at {self.bound:.4g}; {self.accountant}",
        ]
        lines += [f"counted too: {each}" for each in self.beside]
        if not self.secret:
            lines.append("randomness was seeded, for tests: NOTHING is promised")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, for a model's card; an infinite epsilon is None."""
        plain = asdict(self)
        return {**plain, "epsilon": self._loss if math.isfinite(self._loss) else None, "beside": list(self.beside)}

    def require(self, epsilon: float) -> None:
        """Refuse to go on where a training cost more than it promised: such a model must not be handed out.

        Args:
            epsilon: The promise.

        Raises:
            ModelError: This statement's epsilon is above it, or is no number.
        """
        if not self._loss <= epsilon < math.inf:
            hint = "what it cost stays spent, and the model is not kept: report this, or promise more"
            raise ModelError("training cost more privacy than was promised", hint=hint)

    @property
    def _loss(self) -> float:
        # What `as_dict` says of an infinite epsilon comes back as None.
        found: float | None = self.epsilon
        return math.inf if found is None else found


def statement_of(log: EventLog, *, delta: float) -> PrivacyStatement:
    """Return what can be said of everything in an account.

    Args:
        log: The account.
        delta: As in `epsilon_of`.
    """
    counts = Counter(step for step in log.steps if not step.failure)
    main = max(counts, key=lambda step: (step.what == "training", counts[step]), default=None)
    secret = all(step.secret for step in log.steps)
    beside = tuple(_words(step, counts[step]) for step in counts if step is not main)
    failures = math.fsum(step.failure for step in log.steps)
    beside += (f"thresholds, failing with probability {failures:.3g}, which is part of delta",) if failures else ()
    step = Step("nothing", rate=0.0, multiplier=0.0) if main is None else main
    return PrivacyStatement(
        epsilon_of(log, delta=delta), delta, step.multiplier, step.rate, counts[step], step.bound, beside, secret=secret
    )


def _upwards(figure: float) -> float:
    """Return the next figure of four digits: what is printed never promises more than what was computed."""
    return float(Context(prec=4, rounding=ROUND_CEILING).create_decimal(repr(float(figure))))


def _words(step: Step, times: int) -> str:
    return (
        f"{step.what}: {times} x noise multiplier {step.multiplier:.4g}, sampling rate {step.rate:.4g}, "
        f"bound {step.bound:.4g}"
    )
