"""Models of the next item that only count: popularity, a Markov chain on the last item, and item-kNN.

They are the baselines, and item-kNN is also a part of what ships. Which item follows which is kept as a sparse table:
of all pairs of items hardly one in a thousand ever occurs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories


@dataclass(frozen=True)
class ItemPopularity:
    """Score an item by how many bought it, (V,), for everybody alike."""

    counts: Tensor

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return a score for every item, (n, V)."""
        return self.counts.expand(len(histories), -1)


@dataclass(frozen=True)
class Transitions:
    """Score an item by how often it came near the latest items of a history.

    Args:
        offsets: What follows item a stands at `offsets[a]:offsets[a + 1]`, (V + 1,).
        follower: Item ids, (pairs,).
        weight: Of each pair, (pairs,) float64.
        memory: Weight of an item of the history, by how many came after it: `memory ** age`.
        reach: How many of the latest items count.
    """

    offsets: np.ndarray
    follower: np.ndarray
    weight: np.ndarray
    memory: float
    reach: int

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return a score for every item, (n, V) float64."""
        latest = histories.latest(self.reach)
        age = np.repeat(latest.offsets[1:], latest.lengths) - 1 - np.arange(len(latest.items))
        begin, count = self.offsets[latest.items], np.diff(self.offsets)[latest.items]
        ends = np.cumsum(count)
        place = np.repeat(begin - (ends - count), count) + np.arange(int(count.sum()))
        value = np.repeat(self.memory**age, count) * self.weight[place]
        cell = np.repeat(latest.owner, count) * histories.item_count + self.follower[place]
        flat = np.bincount(cell, weights=value, minlength=len(histories) * histories.item_count)
        return torch.from_numpy(flat.reshape(len(histories), histories.item_count))

    def chances_after(self, histories: ItemHistories, popularity: Tensor) -> Tensor:
        """Return the same scores as chances, (n, V) float32; popularity (V,) where nothing goes with a history."""
        near = self.scores_after(histories).float()
        total = near.sum(1, keepdim=True)
        return torch.where(total > 0, near / total.clamp(min=1e-30), popularity)

    def speaks_most(self, history: ItemHistories, item: int) -> tuple[int, float]:
        """Return which item of one history speaks most for an item, and its share of all that does; 0, 0 if none."""
        latest = history.latest(self.reach).items
        age = len(latest) - 1 - np.arange(len(latest))
        said = np.array(
            [value * self._weight(int(one), item) for one, value in zip(latest, self.memory**age, strict=True)]
        )
        if not len(said) or said.sum() <= 0:
            return 0, 0.0
        strongest = int(said.argmax())
        return int(latest[strongest]), float(said[strongest] / said.sum())

    def state(self) -> dict[str, Tensor]:
        """Return what is saved as tensors; rounded to single precision."""
        return {
            "offsets": torch.from_numpy(self.offsets.astype(np.int64)),
            "follower": torch.from_numpy(self.follower.astype(np.int32)),
            "weight": torch.from_numpy(self.weight.astype(np.float32)),
        }

    def looks(self) -> dict[str, float]:
        """Return how it looks at a history, for a card."""
        return {"memory": self.memory, "reach": self.reach}

    def _weight(self, earlier: int, later: int) -> float:
        row = slice(int(self.offsets[earlier]), int(self.offsets[earlier + 1]))
        return float(self.weight[row][self.follower[row] == later].sum())


def load_transitions(
    looks: Mapping[str, Any] | None, state: Mapping[str, Tensor], item_count: int
) -> Transitions | None:
    """Return what `state` and `looks` gave; None where there is none.

    Raises:
        ValueError: The tensors do not fit together.
    """
    if looks is None:
        return None
    offsets, follower, weight = (state[name].numpy() for name in ("offsets", "follower", "weight"))
    falls = bool((np.diff(offsets) < 0).any())
    if len(offsets) != item_count + 1 or offsets[0] or offsets[-1] != len(follower) or falls:
        raise ValueError("offsets")
    memory, reach = float(looks["memory"]), int(looks["reach"])
    outside = len(follower) and not 0 <= follower.min() <= follower.max() < item_count
    if len(follower) != len(weight) or outside or not (0 <= memory <= 1 and reach >= 1):
        raise ValueError("follower")
    return Transitions(offsets, follower.astype(np.int64), weight.astype(np.float64), memory, reach)


@dataclass(frozen=True)
class Markov:
    """Score by what came right after the last item; ties, and items never seen after it, go by popularity (V,)."""

    followers: Transitions
    popularity: Tensor

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return a score for every item, (n, V)."""
        return self.followers.scores_after(histories) + self.popularity / (2 * self.popularity.max().clamp(min=1))


def count_buyers(histories: ItemHistories) -> ItemPopularity:
    """Count the consumers who bought each item."""
    pairs = np.unique(histories.owner * histories.item_count + histories.items)
    counts = np.bincount(pairs % histories.item_count, minlength=histories.item_count)
    return ItemPopularity(torch.from_numpy(counts.astype(np.float64)))


def count_markov(histories: ItemHistories) -> Markov:
    """Count a Markov chain of the first order, and popularity where it says nothing."""
    return Markov(count_followers(histories), count_buyers(histories).counts)


def count_followers(histories: ItemHistories) -> Transitions:
    """Count which item came right after which: a Markov chain of the first order."""
    return _table(*_pairs(histories, 1), histories.item_count, memory=1.0, reach=1)


@dataclass(frozen=True)
class Counting:
    """How item-kNN counts.

    Args:
        gap_decay: Weight of a pair, by how many items stand between.
        backward: Weight of the later item as one before which the earlier stands.
        given: Exponent of the row sum that a pair is divided by: how little an item with many neighbours says of each.
        popular: Exponent of the column sum, so that popular items do not win always.
        memory: Weight of an item of the history when scoring, by its age.
        reach: Largest distance counted, and how many items of a history are looked at.
    """

    gap_decay: float = 0.8
    backward: float = 0.3
    given: float = 0.2
    popular: float = 0.2
    memory: float = 0.45
    reach: int = 20


def count_companions(histories: ItemHistories, counting: Counting | None = None) -> Transitions:
    """Count which items stand near which: item-kNN with order and distance.

    Args:
        histories: What was bought.
        counting: See `Counting`; `tuning.tuned_counting` chooses it on a validation period.
    """
    counting = counting or Counting()
    first, second, gap = _pairs(histories, counting.reach)
    weight = counting.gap_decay ** (gap - 1.0)
    table = _table(
        np.concatenate([first, second]),
        np.concatenate([second, first]),
        np.concatenate([weight, counting.backward * weight]),
        histories.item_count,
        memory=counting.memory,
        reach=counting.reach,
    )
    row = np.repeat(np.arange(histories.item_count), np.diff(table.offsets))
    total_out = np.bincount(row, weights=table.weight, minlength=histories.item_count)
    total_in = np.bincount(table.follower, weights=table.weight, minlength=histories.item_count)
    # A pair that weighs nothing, as one counted backward only where that counts 0, must not divide by 0.
    floor = np.finfo(np.float64).tiny
    shares = np.maximum(total_out[row], floor) ** counting.given
    shares *= np.maximum(total_in[table.follower], floor) ** counting.popular
    return Transitions(table.offsets, table.follower, table.weight / shares, counting.memory, counting.reach)


def _pairs(histories: ItemHistories, reach: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return earlier item, later item and distance of every two items of a history within reach."""
    items, owner, found = histories.items, histories.owner, []
    for gap in range(1, min(reach, int(histories.lengths.max(initial=1)) - 1) + 1):
        same = owner[gap:] == owner[:-gap]
        found.append((items[:-gap][same], items[gap:][same], np.full(int(same.sum()), float(gap))))
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    first, second, distance = zip(*found, strict=True) if found else zip(nothing, strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(distance)


def _table(
    first: np.ndarray, second: np.ndarray, weight: np.ndarray, item_count: int, *, memory: float, reach: int
) -> Transitions:
    pair, number = np.unique(first * item_count + second, return_inverse=True)
    total = np.bincount(number, weights=weight, minlength=len(pair))
    kept = pair // item_count != pair % item_count  # an item does not recommend itself
    offsets = np.searchsorted(pair[kept] // item_count, np.arange(item_count + 1))
    return Transitions(offsets, pair[kept] % item_count, total[kept], memory, reach)
