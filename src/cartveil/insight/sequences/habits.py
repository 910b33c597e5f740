"""Habits and trends: what was bought how often, how lately, by one consumer and by everybody, as of a cutoff.

These counts see only baskets before the cutoff, so a model trained on them learns from what it will have in use.
"""

from dataclasses import dataclass

import numpy as np

from cartveil.insight.sequences.baskets import Baskets
from cartveil.insight.sequences.occasions import Occasions

#: Days over which an item's buyers are counted; the last stands for always.
TREND_WINDOWS = (7, 14, 30, 90, 400)
TREND_COUNT = len(TREND_WINDOWS) + 6

#: Last baskets in which a purchase is looked for; a habit shows in baskets where days mislead, as visits come in waves.
_LAST_BASKETS = (1, 2, 3, 5, 10)

#: Half-lives, in baskets, of the decaying counts over them.
_BASKET_HALF_LIVES = (2, 5)

HABIT_COUNT = 19 + len(_LAST_BASKETS) + len(_BASKET_HALF_LIVES) + 4

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
    basket = baskets.basket_of_entry[entry]
    age = occasions.cutoff - baskets.day[basket]
    key = row * baskets.item_count + baskets.items[entry]
    back = occasions.end[row] - 1 - basket  # whole baskets since
    order = np.lexsort((back, age, key))
    key, age, back, units = key[order], age[order], back[order], baskets.units[entry][order]
    pair, first = np.unique(key, return_index=True)
    count = np.diff(np.append(first, len(key)))
    row, item = pair // baskets.item_count, pair % baskets.item_count
    recency, oldest = age[first], age[first + count - 1]
    decays = [_summed(np.exp2(-age / half), first) for half in _HALF_LIVES]
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
        *(_summed((back < last).astype(float), first) / np.minimum(visits, last) for last in _LAST_BASKETS),
        *(np.log(_summed(np.exp2(-back / half), first) + 1e-2) for half in _BASKET_HALF_LIVES),
        np.log1p(back[first]),
        *_amounts(units, first, count, row),
    )
    return Habits(row, item, count, recency, np.stack(features, axis=1).astype(np.float32))  # (P, HABIT_COUNT)


def _amounts(units: np.ndarray, first: np.ndarray, count: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return how many units are usual, the same against the consumer's other items, and those of the last time."""
    usual = _summed(units, first) / np.maximum(count, 1)
    others = np.bincount(row, weights=usual) / np.maximum(np.bincount(row), 1)
    return usual, usual - others[row], units[first]


def _summed(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the sum of each run of values that begins at a place of `first`."""
    return np.asarray(np.add.reduceat(values, first)) if len(first) else np.zeros(0)


def trends_of(baskets: Baskets, cutoff: float) -> np.ndarray:
    """Return how many consumers bought each item lately, as shares on a log scale, (items, TREND_COUNT) float32.

    Per window, then the two changes week against month and month against quarter, then the item's age, how readily
    it is bought again, and how many units at a time.
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
    units = np.bincount(item, weights=baskets.units[past], minlength=baskets.item_count) / np.maximum(
        np.bincount(item, minlength=baskets.item_count), 1
    )
    columns = [shares, changes, known[:, None], _repeats(baskets, basket, item), units[:, None] / 4]
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
