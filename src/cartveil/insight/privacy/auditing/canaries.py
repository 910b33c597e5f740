"""Canaries: made-up consumers, of whom a coin decides which are trained on.

An audit asks whether one can tell from the model how the coins fell. The coins must be fair and independent of each
other and of everything else: the proof of the bound rests on nothing but them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.privacy.randomness import Randomness, operating_system


@dataclass(frozen=True)
class Canaries:
    """Made-up consumers and their coins.

    Args:
        items: What each bought, ids (m, T).
        included: Whose coin says that they are trained on, (m,).
    """

    items: NDArray[np.int64]
    included: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.included)

    @property
    def trained_on(self) -> NDArray[np.int64]:
        """Return the items of those that are trained on, (included, T)."""
        return self.items[self.included]


def draw_canaries(count: int, length: int, *, items: NDArray[np.int64], random: Randomness | None = None) -> Canaries:
    """Draw canaries whose items follow no rule, so that a model knows one only by having seen it.

    Args:
        count: How many, m; a hundred can show an epsilon of 3, a thousand one of 5.
        length: Items of each, T.
        items: Ids to choose from; those that are rare in the data show the most.
        random: The operating system's unless a test says otherwise.

    Raises:
        InputError: There is nothing to draw.

    Guarantees:
        - Each canary is included with a probability of one half, independently of all else.

    Source: Carlini et al., The Secret Sharer, USENIX Security 2019, section 4; Steinke et al. (2023), algorithm 1.
    """
    if count < 1 or length < 1 or not len(items):
        raise InputError("there is no canary to draw", hint="ask for at least one, of at least one item")
    source = operating_system() if random is None else random
    chosen = items[source.integers(count * length) % np.uint64(len(items))].reshape(count, length)  # (m, T)
    return Canaries(chosen.astype(np.int64), source.integers(count) >= np.uint64(1 << 63))
