"""What each consumer bought, item after item, in flat arrays without any name.

Where baskets tell what was bought together, a history tells only the order: it is what a network reads that guesses the
next item, and one history is one consumer, the unit that private training protects.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cartveil.insight.sequences.baskets import Baskets
from cartveil.insight.sequences.occasions import Occasions


@dataclass(frozen=True)
class ItemHistories:
    """Items of n consumers, each consumer's oldest first.

    Args:
        offsets: History n is `items[offsets[n]:offsets[n + 1]]`, (n + 1,).
        items: Item ids, none of them reserved, (entries,) int64.
        item_count: Size of the item vocabulary V, reserved ids included.
    """

    offsets: np.ndarray
    items: np.ndarray
    item_count: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Return how many items each history has, (n,)."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> np.ndarray:
        """Return the history of each entry of `items`, (entries,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def part(self, rows: np.ndarray | slice) -> "ItemHistories":
        """Return some of the histories."""
        begin, lengths = self.offsets[:-1][rows], self.lengths[rows]
        return _gathered(self, begin, lengths)

    def without_last(self, count: int) -> "ItemHistories":
        """Return every history less its last `count` items."""
        return _gathered(self, self.offsets[:-1], np.maximum(self.lengths - count, 0))

    def latest(self, count: int) -> "ItemHistories":
        """Return the last `count` items of every history."""
        kept = np.minimum(self.lengths, count)
        return _gathered(self, self.offsets[1:] - kept, kept)

    def item_at(self, place: int) -> np.ndarray:
        """Return the item at a place counted from the end (1 is the last), 0 where a history is shorter, (n,)."""
        at = self.offsets[1:] - place
        held = at >= self.offsets[:-1]
        found = np.zeros(len(self), np.int64)
        found[held] = self.items[at[held]]
        return found

    def padded(self, steps: int) -> np.ndarray:
        """Return the last `steps` items of each history, padded with 0 on the right, (n, steps) int64."""
        lengths = np.minimum(self.lengths, steps)
        held = np.arange(steps) < lengths[:, None]  # (n, steps)
        table = np.zeros((len(self), steps), np.int64)
        place = (self.offsets[1:] - lengths)[:, None] + np.arange(steps)  # (n, steps)
        table[held] = self.items[place[held]]
        return table


def histories_from(rows: Iterable[Iterable[int]], *, item_count: int) -> ItemHistories:
    """Return histories from lists of item ids."""
    lists = [np.asarray(list(row), np.int64) for row in rows]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
    return ItemHistories(offsets, np.concatenate([*lists, np.zeros(0, np.int64)]), item_count)


def histories_before(baskets: Baskets, occasions: Occasions) -> ItemHistories:
    """Return what each occasion's consumer bought before it; items of one basket stand in the order of their ids."""
    begin, end = baskets.offsets[occasions.start], baskets.offsets[occasions.end]
    whole = ItemHistories(baskets.offsets, baskets.items, baskets.item_count)
    return _gathered(whole, begin, end - begin)


def histories_of(baskets: Baskets) -> ItemHistories:
    """Return everything that each consumer bought."""
    owners = np.searchsorted(baskets.owner, np.arange(baskets.consumers + 1))
    return ItemHistories(baskets.offsets[owners], baskets.items, baskets.item_count)


def _gathered(whole: ItemHistories, begin: np.ndarray, lengths: np.ndarray) -> ItemHistories:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    place = np.repeat(begin - offsets[:-1], lengths) + np.arange(offsets[-1])
    return ItemHistories(offsets, whole.items[place], whole.item_count)
