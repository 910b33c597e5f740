"""What an event log holds. Only the code that draws a batch, adds noise or applies a threshold may make these.

A contract of import-linter names who may import this module, so a search for it finds everything that can write a
log.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Draw:
    """A batch was drawn: each consumer, independently of all others, with the same probability.

    Args:
        rate: That probability.
        count: Consumers who could be drawn.
        secret: Whether nobody could foresee who.
    """

    rate: float
    count: int
    secret: bool


@dataclass(frozen=True)
class Noise:
    """Gaussian noise was added to a bounded sum, and the noisy sum was given out.

    Args:
        multiplier: Standard deviation over the bound.
        bound: The most by which one consumer moves the sum, in the Euclidean norm.
        secret: Whether nobody could foresee it.
        what: What the sum was for: `training`, `vocabulary`, `popularity`.
    """

    multiplier: float
    bound: float
    secret: bool
    what: str


@dataclass(frozen=True)
class Threshold:
    """Names were given out whose noisy weight passed a threshold; it fails with a small probability.

    Args:
        delta: The probability that a name passes which only one consumer has.
        what: What for.
    """

    delta: float
    what: str


Entry = Draw | Noise | Threshold
