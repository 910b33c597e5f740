"""Reasons in words, taken from the counts that speak for an item: bought before, because of another, popular."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from cartveil.insight.decisions.recommend.listing import Shelf
from cartveil.insight.sequences.habits import Habits

#: Smallest share of an item's neighbour score that is named as its reason, or the weight that is enough by itself.
_NAMED_SHARE, _NAMED_WEIGHT = 0.2, 0.05

#: Likeness of two names, 0 to 1, from which on it is a reason.
_CALLED_LIKE = 0.2


@dataclass(frozen=True)
class Past:
    """What one consumer did: habits with each bought item, and 1 where an item was bought, (V,)."""

    habits: Habits
    bought: Tensor


def why(item: int, past: Past, weights: Tensor, shelf: Shelf) -> str:
    """Say what of a consumer's past speaks for an item; an empty text where nothing does.

    Args:
        item: Id of a known item.
        past: Of one consumer.
        weights: How strongly a bought item speaks for another, (V, V).
        shelf: For names.
    """
    found = np.flatnonzero(past.habits.item == item)
    if len(found):
        count, days = int(past.habits.count[found[0]]), int(past.habits.recency[found[0]])
        return f"bought {_times(count)}, last {_ago(days)}"
    near = (weights[:, item] * past.bought).clamp(min=0)  # (V,)
    strongest = int(near.argmax())
    if float(near[strongest]) > min(_NAMED_SHARE * float(near.sum()), _NAMED_WEIGHT):
        return f"because of {shelf.name(strongest)}: who bought it often bought this"
    return ""


def called_like(name: str, likeness: float) -> str:
    """Say that an item is called like something bought; an empty text where it is not."""
    return f"like {name}, which was bought" if likeness >= _CALLED_LIKE else ""


def popular(buyers: int) -> str:
    """Say how many bought an item lately."""
    return f"popular: bought by {buyers} consumers in the last 30 days"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _ago(days: int) -> str:
    return {0: "within a day", 1: "1 day ago"}.get(days, f"{days} days ago")
