"""Counts with noise: how popular items are, and which go together.

A table of pairs is one noisy sum, where training takes hundreds of them. Of the pairs only those count that stand out
of the noise. Choosing them looks at nobody's data again and costs nothing more.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.noise import add_noise
from cartveil.insight.privacy.randomness import Randomness

#: What the account calls these counts.
VOTES, COMPANIONS = "popularity", "companions"

#: Companions that an item may have by chance alone: false pairs do little harm, missed ones more.
_BY_CHANCE = 0.5


@dataclass(frozen=True)
class Companions:
    """What goes with what among the items of a shelf.

    Args:
        items: Ids of the shelf's items, (K,).
        weights: How strongly the items of a pair go together, symmetric, (K, K) float32.
        memory: Weight of an item of a history by its age: `memory ** age`.
        latest: How many of the latest items count.
    """

    items: Tensor
    weights: Tensor
    memory: float = 0.7
    latest: int = 20

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return a score for every item, 0 off the shelf, (n, V)."""
        read = histories.latest(self.latest)
        age = np.repeat(read.offsets[1:], read.lengths) - 1 - np.arange(len(read.items))
        bought = torch.zeros(len(histories), histories.item_count)  # (n, V)
        place = (torch.from_numpy(read.owner), torch.from_numpy(read.items))
        bought.index_put_(place, torch.from_numpy(self.memory**age).float(), accumulate=True)
        scores = torch.zeros_like(bought)
        scores[:, self.items] = bought[:, self.items] @ self.weights
        return scores


@dataclass(frozen=True)
class NoisyCounting:
    """How to count with noise.

    Args:
        multiplier: Standard deviation of the noise over the bound, which is 1 here.
        at_most: Distinct items of one consumer that count, the latest.
        log: The account; the noise is written into it.
        random: Where the noise comes from; None for the operating system.
    """

    multiplier: float
    at_most: int
    log: EventLog
    random: Randomness | None = None

    def noisy(self, sums: Tensor, what: str, consumers: int) -> Tensor:
        """Return sums that one consumer moves by 1 at most, with noise."""
        clipped = ClippedSum({what: sums}, 1.0, consumers, 0, 0)
        return add_noise(clipped, multiplier=self.multiplier, log=self.log, random=self.random, what=what)[what]


def private_votes(histories: ItemHistories, counting: NoisyCounting) -> Tensor:
    """Return how popular each item is, with noise, (V,) float64.

    Guarantees:
        - One consumer moves all votes together by 1 at most, in the Euclidean norm.
        - Every item of the vocabulary gets noise, also one that nobody bought.
    """
    latest = distinct(histories).latest(counting.at_most)
    weight = 1 / np.sqrt(np.maximum(latest.lengths, 1))[latest.owner]
    votes = np.bincount(latest.items, weights=weight, minlength=histories.item_count)
    return counting.noisy(torch.from_numpy(votes.astype(np.float64)), VOTES, len(histories))


def private_companions(histories: ItemHistories, shelf: Tensor, *, reach: int, counting: NoisyCounting) -> Companions:
    """Count pairs with noise and keep what stands out of it.

    Args:
        histories: One of each consumer.
        shelf: Ids of the items to count, public or out of noisy counts of the same log, (K,).
        reach: How far apart two items may stand, items off the shelf left out.
        counting: See `NoisyCounting`.

    Guarantees:
        - One consumer moves the table of unordered pairs by 1 at most, in the Euclidean norm.
        - Every pair of the shelf gets noise, also one that nobody bought.
    """
    sums = pair_sums(histories, shelf, at_most=counting.at_most, reach=reach)
    above = torch.triu_indices(len(shelf), len(shelf), offset=1)
    noisy = counting.noisy(sums[above[0], above[1]], COMPANIONS, len(histories)).float()
    table = torch.zeros(len(shelf), len(shelf))
    table[above[0], above[1]] = noisy * (noisy > counting.multiplier * deviations(len(shelf)))
    return Companions(shelf, table + table.T)


def deviations(items: int) -> float:
    """Return how many standard deviations a pair must stand out of the noise, among so many items."""
    return NormalDist().inv_cdf(1 - _BY_CHANCE / max(items - 1, 2))


def pair_sums(histories: ItemHistories, shelf: Tensor, *, at_most: int, reach: int) -> Tensor:
    """Return how often two items of the shelf stand near each other, upper triangle of (K, K) float64.

    Each consumer's pairs have norm 1 together: items count once, so no pair of a consumer occurs twice.
    """
    number = np.full(histories.item_count, -1)
    number[shelf.numpy()] = np.arange(len(shelf))
    once = distinct(histories)
    held = number[once.items] >= 0
    offsets = np.concatenate([[0], np.cumsum(held)])[once.offsets]
    latest = ItemHistories(offsets, once.items[held], once.item_count).latest(at_most)
    owner, known = latest.owner, number[latest.items]
    found = [
        (owner[gap:][same], known[gap:][same], known[:-gap][same])
        for gap in range(1, reach + 1)
        for same in (owner[gap:] == owner[:-gap],)
    ]
    whose, later, earlier = (np.concatenate(each) for each in zip(*found, strict=True))
    weight = 1 / np.sqrt(np.maximum(np.bincount(whose, minlength=len(histories)), 1))[whose]
    cell = np.minimum(later, earlier) * len(shelf) + np.maximum(later, earlier)
    flat = np.bincount(cell, weights=weight, minlength=len(shelf) ** 2)
    return torch.from_numpy(flat.astype(np.float64)).view(len(shelf), len(shelf))


def distinct(histories: ItemHistories) -> ItemHistories:
    """Return each history with every item once, where it was bought last."""
    key = histories.owner * histories.item_count + histories.items
    _, back = np.unique(key[::-1], return_index=True)  # of the reversed: the last place of each
    kept = np.sort(len(key) - 1 - back)
    lengths = np.bincount(histories.owner[kept], minlength=len(histories))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return ItemHistories(offsets, histories.items[kept], histories.item_count)
