"""What a private training promises, and the settings by which it is kept."""

import math
from dataclasses import dataclass

from cartveil.errors import InputError
from cartveil.insight.privacy.accounting import require_promise


@dataclass(frozen=True)
class PrivateConfig:
    """What is promised, and how it is kept.

    Args:
        epsilon: The most that all of the account may cost, above 0.
        delta: Probability with which the promise may fail; well below 1 over the number of consumers.
        batch: Consumers expected in a step; the more, the less the noise weighs.
        clip: Largest norm of what one consumer adds to a step's sum.
        automatic: Bring every consumer's gradient to about the norm `clip`, small ones too, so that it needs no tuning.
        threads: Of the compiled kernel.

    Raises:
        InputError: Epsilon is not above 0 and finite, delta is no probability or too small to be accounted for, or
            nobody is expected in a step.
    """

    epsilon: float
    delta: float
    batch: float = 256
    clip: float = 1.0
    automatic: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        require_promise(epsilon=self.epsilon, delta=self.delta)
        if not 0 < self.batch < math.inf:
            raise InputError("must be above 0", path="batch", hint="how many consumers a step should draw")
