"""What each consumer bought, item after item, in flat arrays without any name.

Where baskets tell what was bought together, a history tells only the order: it is what a network reads that guesses the
next item, and one history is one consumer, the unit that private training protects.

What was bought at one time has no order. It stands in one that depends on nothing but the items and the time: an order
of the release, or of the ids, could tell which item of a basket is the last, and another consumer's events would move
what one consumer's history is.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cartveil.insight.sequences.baskets import Baskets
from cartveil.insight.sequences.hashes import mixed
from cartveil.insight.sequences.occasions import Occasions


@dataclass(frozen=True)
class ItemHistories:
    """Items of n consumers, each consumer's oldest first.

    Args:
        offsets: History n is `items[offsets[n]:offsets[n + 1]]`, (n + 1,).
        items: Item ids, none of them reserved, (entries,) int64.
        item_count: Size of the item vocabulary V, reserved ids included.
        visit: Number of the basket of each entry, items of one visit side by side, (entries,); None where each item
            was bought on a visit of its own.
    """

    offsets: np.ndarray
    items: np.ndarray
    item_count: int
    visit: np.ndarray | None = None

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

    @property
    def visits(self) -> np.ndarray:
        """Return how many visits with an item each history has, (n,)."""
        return np.diff(np.searchsorted(self._heads(), self.offsets))

    def part(self, rows: np.ndarray | slice) -> "ItemHistories":
        """Return some of the histories."""
        begin, lengths = self.offsets[:-1][rows], self.lengths[rows]
        return _gathered(self, begin, lengths)

    def without_last(self, count: int) -> "ItemHistories":
        """Return every history less its last `count` visits, each with all that was bought on it."""
        return _gathered(self, self.offsets[:-1], self._begin_of(count) - self.offsets[:-1])

    def asked_at(self, place: int) -> np.ndarray:
        """Return what is asked after a history without its last `place` visits: an item of the first one left out.

        Args:
            place: Which visit, counted from the end (1 is the last).

        Returns:
            One item that was not bought before, drawn where there are several; 0 where there is none, (n,).
        """
        begin = self._begin_of(place)
        owner, entries = self.owner, np.arange(len(self.items))
        held = (entries >= begin[owner]) & (entries < self._begin_of(place - 1)[owner])
        cell = owner * self.item_count + self.items
        fresh = np.flatnonzero(held & ~np.isin(cell, cell[entries < begin[owner]]))
        found = np.zeros(len(self), np.int64)
        # The order within a visit is a drawn one, so that its first new item is one drawn of them.
        found[owner[fresh[::-1]]] = self.items[fresh[::-1]]
        return found

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

    def _heads(self) -> np.ndarray:
        """Return the entries with which a visit begins, rising."""
        if self.visit is None:
            return np.arange(len(self.items))
        return np.flatnonzero(np.diff(self.visit, prepend=-1))

    def _begin_of(self, place: int) -> np.ndarray:
        """Return the entry with which the last `place` visits begin, a history's first where it has fewer, (n,)."""
        heads = np.append(self._heads(), len(self.items))
        ends = np.searchsorted(heads, self.offsets)
        return np.asarray(heads[np.maximum(ends[1:] - place, ends[:-1])])


def histories_from(rows: Iterable[Iterable[int]], *, item_count: int) -> ItemHistories:
    """Return histories from lists of item ids."""
    lists = [np.asarray(list(row), np.int64) for row in rows]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
    return ItemHistories(offsets, np.concatenate([*lists, np.zeros(0, np.int64)]), item_count)


def histories_before(baskets: Baskets, occasions: Occasions) -> ItemHistories:
    """Return what each occasion's consumer bought before it."""
    begin, end = baskets.offsets[occasions.start], baskets.offsets[occasions.end]
    return _gathered(_shuffled(baskets, baskets.offsets), begin, end - begin)


def histories_of(baskets: Baskets) -> ItemHistories:
    """Return everything that each consumer bought."""
    owners = np.searchsorted(baskets.owner, np.arange(baskets.consumers + 1))
    return _shuffled(baskets, baskets.offsets[owners])


def _shuffled(baskets: Baskets, offsets: np.ndarray) -> ItemHistories:
    """Return all entries, those of one basket in an order drawn by the items and the time alone."""
    visit = baskets.basket_of_entry
    moment = mixed(baskets.day.astype(np.float64).view(np.uint64))[visit]
    rows = np.lexsort((mixed(moment ^ baskets.items.astype(np.uint64)), visit))
    return ItemHistories(offsets, baskets.items[rows], baskets.item_count, visit)


def _gathered(whole: ItemHistories, begin: np.ndarray, lengths: np.ndarray) -> ItemHistories:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    place = np.repeat(begin - offsets[:-1], lengths) + np.arange(offsets[-1])
    visit = None if whole.visit is None else whole.visit[place]
    return ItemHistories(offsets, whole.items[place], whole.item_count, visit)
