"""Baselines of the next item that only count: popularity, a Markov chain on the last item, and item-kNN.

Which item follows which is kept as a sparse table: of all pairs of items hardly one in a thousand ever occurs.
"""

from dataclasses import dataclass

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
        """Return a score for every item, (n, V)."""
        latest = histories.latest(self.reach)
        age = np.repeat(latest.offsets[1:], latest.lengths) - 1 - np.arange(len(latest.items))
        begin, count = self.offsets[latest.items], np.diff(self.offsets)[latest.items]
        ends = np.cumsum(count)
        place = np.repeat(begin - (ends - count), count) + np.arange(int(count.sum()))
        value = np.repeat(self.memory**age, count) * self.weight[place]
        cell = np.repeat(latest.owner, count) * histories.item_count + self.follower[place]
        flat = np.bincount(cell, weights=value, minlength=len(histories) * histories.item_count)
        return torch.from_numpy(flat.reshape(len(histories), histories.item_count))


def count_buyers(histories: ItemHistories) -> ItemPopularity:
    """Count the consumers who bought each item."""
    pairs = np.unique(histories.owner * histories.item_count + histories.items)
    counts = np.bincount(pairs % histories.item_count, minlength=histories.item_count)
    return ItemPopularity(torch.from_numpy(counts.astype(np.float64)))


def count_followers(histories: ItemHistories) -> Transitions:
    """Count which item came right after which: a Markov chain of the first order."""
    return _table(*_pairs(histories, 1), histories.item_count, memory=1.0, reach=1)


def count_companions(
    histories: ItemHistories,
    *,
    gap_decay: float = 0.8,
    backward: float = 0.3,
    damping: float = 0.2,
    memory: float = 0.45,
    reach: int = 20,
) -> Transitions:
    """Count which items stand near which: item-kNN with order and distance.

    Args:
        histories: What was bought.
        gap_decay: Weight of a pair, by how many items stand between.
        backward: Weight of the later item as one before which the earlier stands.
        damping: Exponent of the row and column sums that a pair is divided by, so that popular items do not win always.
        memory: Weight of an item of the history when scoring, by its age.
        reach: Largest distance counted, and how many items of a history are looked at.
    """
    first, second, gap = _pairs(histories, reach)
    weight = gap_decay ** (gap - 1.0)
    table = _table(
        np.concatenate([first, second]),
        np.concatenate([second, first]),
        np.concatenate([weight, backward * weight]),
        histories.item_count,
        memory=memory,
        reach=reach,
    )
    row = np.repeat(np.arange(histories.item_count), np.diff(table.offsets))
    total_out = np.bincount(row, weights=table.weight, minlength=histories.item_count)
    total_in = np.bincount(table.follower, weights=table.weight, minlength=histories.item_count)
    damped = table.weight / (total_out[row] * total_in[table.follower]) ** damping
    return Transitions(table.offsets, table.follower, damped, memory, reach)


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
