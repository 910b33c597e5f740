"""Habits and trends: what was bought how often, how lately, by one consumer and by everybody, as of a cutoff.

These counts see only baskets before the cutoff, so a model trained on them learns from what it will have in use.
"""

from dataclasses import dataclass

import numpy as np

from cartveil.insight.sequences.baskets import Baskets
from cartveil.insight.sequences.occasions import Occasions

#: Days over which an item's buyers are counted; the last stands for always.
TREND_WINDOWS = (7, 14, 30, 90, 400)
TREND_COUNT = len(TREND_WINDOWS) + 5
HABIT_COUNT = 19

#: Half-lives, in days, of the decaying counts of one consumer's purchases of one item.
_HALF_LIVES = (10, 30, 90, 270)


@dataclass(frozen=True)
class Habits:
    """Pairs of an occasion and an item bought before it, sorted by both.

    Args:
        row: Number of the occasion (P,).
        item: Item id (P,).
        count: In how many baskets (P,).
        recency: Days between the last of them and the cutoff (P,).
        features: (P, HABIT_COUNT) float32.
    """

    row: np.ndarray
    item: np.ndarray
    count: np.ndarray
    recency: np.ndarray
    features: np.ndarray


def habits_of(baskets: Baskets, occasions: Occasions) -> Habits:
    """Count each occasion's purchases per item."""
    row, entry = _entries(baskets, occasions)
    age = occasions.cutoff - baskets.day[baskets.basket_of_entry[entry]]
    key = row * baskets.item_count + baskets.items[entry]
    order = np.lexsort((age, key))
    key, age = key[order], age[order]
    pair, first = np.unique(key, return_index=True)
    count = np.diff(np.append(first, len(key)))
    row, item = pair // baskets.item_count, pair % baskets.item_count
    recency, oldest = age[first], age[first + count - 1]
    decays = [np.add.reduceat(np.exp2(-age / half), first) for half in _HALF_LIVES] if len(first) else [age] * 4
    visits = (occasions.end - occasions.start)[row]
    since_visit = (occasions.cutoff - baskets.day[occasions.end - 1])[row]
    span = (occasions.cutoff - baskets.day[occasions.start])[row]
    gap = (oldest - recency) / np.maximum(count - 1, 1)
    entries, kinds = np.bincount(row, weights=count), np.bincount(row)
    features = (
        np.log(count),
        count == 1,
        count / visits,
        np.log(visits),
        np.log1p(recency),
        np.log1p(since_visit),
        np.log1p(recency - since_visit),
        recency - since_visit < 1e-9,
        np.log1p(gap),
        np.clip(np.where(count > 1, recency / (gap + 5), 0), 0, 4),
        np.log1p(span),
        *(np.log(decay + 1e-2) for decay in decays),
        *decays[:2],
        ((entries - kinds + 1) / (entries + 3))[row],
        np.log(entries[row] / visits),
    )
    return Habits(row, item, count, recency, np.stack(features, axis=1).astype(np.float32))  # (P, HABIT_COUNT)


def trends_of(baskets: Baskets, cutoff: float) -> np.ndarray:
    """Return how many consumers bought each item lately, as shares on a log scale, (items, TREND_COUNT) float32.

    Per window, then the two changes week against month and month against quarter, then the item's age and how readily
    it is bought again.
    """
    basket = baskets.basket_of_entry
    past = baskets.day[basket] < cutoff
    basket, item = basket[past], baskets.items[past]
    age = cutoff - baskets.day[basket]
    counts = np.stack([_buyers(baskets, basket, item, age <= window) for window in TREND_WINDOWS], axis=1)
    # 2,000 only sets the zero of the scale: a share of one buyer in 2,000 purchases reads as about 0.
    shares = np.log((counts + 0.3) / np.maximum(counts.sum(0), 1) * 2000 + 0.05)  # (items, windows)
    first = np.full(baskets.item_count, np.inf)
    np.minimum.at(first, item, baskets.day[basket])
    known = np.log1p(np.clip(cutoff - first, 0, 400)) - 4
    changes = shares[:, [0, 2]] - shares[:, [2, 3]]
    columns = [shares, changes, known[:, None], _repeats(baskets, basket, item)]
    return np.concatenate(columns, axis=1).astype(np.float32)  # (items, TREND_COUNT)


def buyers_of(baskets: Baskets, cutoff: float, *, window: float) -> np.ndarray:
    """Return how many consumers bought each item in the window before the cutoff, (items,)."""
    basket = baskets.basket_of_entry
    age = cutoff - baskets.day[basket]
    return _buyers(baskets, basket, baskets.items, (age > 0) & (age <= window))


def _buyers(baskets: Baskets, basket: np.ndarray, item: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    pairs = np.unique(baskets.owner[basket[chosen]] * baskets.item_count + item[chosen])
    return np.bincount(pairs % baskets.item_count, minlength=baskets.item_count)


def _entries(baskets: Baskets, occasions: Occasions) -> tuple[np.ndarray, np.ndarray]:
    """Return for every entry of every history the occasion's number and the entry's place in `baskets.items`."""
    begin, end = baskets.offsets[occasions.start], baskets.offsets[occasions.end]
    length = end - begin
    row = np.repeat(np.arange(len(occasions)), length)
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return row, within + np.repeat(begin, length)


def _repeats(baskets: Baskets, basket: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Return the share of an item's buyers who came back for it, and how often per buyer, as logarithms, (items, 2).

    Both lean on a prior of ten buyers.
    """
    pair, count = np.unique(baskets.owner[basket] * baskets.item_count + item, return_counts=True)
    bought = pair % baskets.item_count
    buyers = np.bincount(bought, minlength=baskets.item_count)
    again = np.bincount(bought, weights=count > 1, minlength=baskets.item_count)
    further = np.bincount(bought, weights=count - 1, minlength=baskets.item_count)
    return np.log((np.stack([again, further], axis=1) + 2) / (buyers[:, None] + 10))
