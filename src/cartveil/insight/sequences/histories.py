"""Histories as the encoder reads them: the last baskets of each consumer, padded on the right."""

from dataclasses import dataclass

import numpy as np

from cartveil.insight.sequences.baskets import Baskets
from cartveil.insight.sequences.occasions import Occasions

#: Numeric features of a step: days to the next basket (or the cutoff), size, days to the cutoff.
STEP_FEATURES = 3


@dataclass(frozen=True)
class Histories:
    """The last baskets of n occasions.

    Args:
        items: Item ids (n, T, K), padded with 0.
        numeric: (n, T, STEP_FEATURES) float32.
        lengths: Real steps (n,), at least 1.
    """

    items: np.ndarray
    numeric: np.ndarray
    lengths: np.ndarray


def histories_of(baskets: Baskets, occasions: Occasions, *, steps: int, width: int) -> Histories:
    """Lay out the last `steps` baskets of each occasion, at most `width` items of each."""
    begin = np.maximum(occasions.start, occasions.end - steps)
    lengths = occasions.end - begin
    place = begin[:, None] + np.arange(steps)  # (n, T) basket numbers
    real = place < occasions.end[:, None]
    place = np.where(real, place, 0)
    size = np.where(real, np.diff(baskets.offsets)[place], 0)
    at = baskets.offsets[place][..., None] + np.arange(width)  # (n, T, K) entries
    held = np.arange(width) < size[..., None]
    items = np.zeros(at.shape, np.int32)
    items[held] = baskets.items[at[held]]
    follows = np.minimum(place + 1, len(baskets) - 1)
    later = np.where(place + 1 < occasions.end[:, None], baskets.day[follows], occasions.cutoff)
    # Where there is no basket the difference means nothing, and could be too small for a logarithm.
    gap = np.where(real, later - baskets.day[place], 0)
    age = occasions.cutoff - baskets.day[place]
    size = np.minimum(size, width)
    numeric = np.stack([np.log1p(gap) / 4, np.log1p(size) / 4, np.log1p(np.maximum(age, 0)) / 5], axis=-1)
    numeric = np.where(real[..., None], numeric, 0).astype(np.float32)  # (n, T, 3)
    return Histories(items, numeric, lengths)
