"""Randomness for privacy: from the operating system, unless a test says aloud that it wants to repeat itself.

Whoever can guess the noise subtracts it, and whoever can guess who was drawn loses nothing to sampling. A generator of
simulations (Mersenne twister, PCG, Philox as torch seeds it) is guessed from its outputs or its seed; so nothing here
has a default seed, and a statement of privacy made from seeded numbers says that it states nothing.

    >>> operating_system().uniform(2).shape
    torch.Size([2])
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Randomness:
    """Where random bytes come from.

    Args:
        read: How many bytes -> that many bytes.
        secret: Whether nobody can foresee them.
    """

    read: Callable[[int], bytes] = field(repr=False)
    secret: bool

    def integers(self, count: int) -> NDArray[np.uint64]:
        """Return independent uniform 64-bit integers, (count,)."""
        return np.frombuffer(self.read(8 * count), np.uint64)

    def uniform(self, count: int) -> Tensor:
        """Return uniform numbers of (0, 1] with 53 random bits each, (count,) float64."""
        bits = torch.from_numpy(np.frombuffer(bytearray(self.read(8 * count)), np.int64))
        return bits.bitwise_and_(_MANTISSA).add_(1).double().mul_(2.0**-53)

    def normal(self, count: int) -> Tensor:
        """Return independent standard normals, (count,) float64.

        The radius has 53 random bits and goes up to 8.5; the angle has 32.

        Source:
            Box and Muller (1958), A note on the generation of random normal deviates; both of each pair are used.
        """
        half = (count + 1) // 2
        radius = self.uniform(half).log_().mul_(-2).sqrt_()
        turns = np.frombuffer(self.read(4 * half), np.uint32).astype(np.float64)
        angle = torch.from_numpy(turns).mul_(2 * math.pi * 2.0**-32)
        return torch.cat([radius * angle.cos(), radius.mul_(angle.sin())])[:count]


_MANTISSA = (1 << 53) - 1


def operating_system() -> Randomness:
    """Return the operating system's generator, the only one whose numbers keep a secret."""
    return Randomness(os.urandom, secret=True)


def seeded_for_tests(seed: int) -> Randomness:
    """Return numbers that repeat themselves; whatever is made with them is not private, and says so."""
    return Randomness(np.random.default_rng(seed).bytes, secret=False)
