"""Poisson sampling: in each step every consumer is in the batch or not, by a coin of their own.

The accountant counts on exactly that. Shuffled epochs are something else, and so is a batch whose size is drawn first
and then filled; batches here have no fixed size, and some are empty.

    >>> from cartveil.insight.privacy.event_log import EventLog
    >>> sampler = PoissonSampler(1000, 0.01, log=EventLog())
    >>> sampler.expected
    10.0
"""

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.privacy.entries import Draw
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.randomness import Randomness, operating_system


class PoissonSampler:
    """Draw batches of consumers; each draw is written into the account.

    Args:
        count: How many consumers there are, at least 1. It is taken for public.
        rate: The probability with which each is drawn, above 0 and at most 1.
        log: The account.
        random: The operating system's unless a test says otherwise.

    Raises:
        InputError: There is nobody, or the rate is no probability.
    """

    def __init__(self, count: int, rate: float, *, log: EventLog, random: Randomness | None = None) -> None:
        if count < 1:
            raise InputError("there is no consumer to draw", path="count", hint="look at what was left out")
        if not 0 < rate <= 1:
            raise InputError("must be above 0 and at most 1", path="rate", hint="expected batch size over consumers")
        self.count, self.rate = count, rate
        self._log = log
        self._random = operating_system() if random is None else random

    @property
    def expected(self) -> float:
        """Return the expected size of a batch: what a noisy sum is divided by, never the size that was drawn."""
        return self.count * self.rate

    def draw(self) -> NDArray[np.int64]:
        """Return who is in the next batch, in ascending order, (drawn,); often more or fewer, sometimes nobody.

        Raises:
            ModelError: The last batch got no noise yet.

        Guarantees:
            - Each consumer is drawn with a probability of at most the rate (below it by less than 2^-64),
              independently of all others and of all other steps.
        """
        self._log.append(Draw(self.rate, self.count, self._random.secret))
        if self.rate == 1:
            return np.arange(self.count)
        # Integers against an integer: no rounding of a uniform number shifts the probability.
        chosen = self._random.integers(self.count) < np.uint64(int(self.rate * 2.0**64))
        return np.flatnonzero(chosen)
