"""From scores to a list: what every recommender offers beside its scores, in one place.

A shelf says what may be listed: what the shop sells, what is in stock, of which category, and what is so new that the
model has never met it. Such an item is scored through the names most like its own. A list takes the best of the shelf,
may hold few of one category, and may trade score for variety.

    shelf = shelf_of(recommender.vocabulary, recommender.descriptions, articles)
    recommender.recommend(events, k=5, shelf=shelf, terms=ListTerms(diversity=0.3, per_category=2))

`most_bought` makes the list that is the same for everybody: no history reaches it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.recommend.shelf import Article, Shelf, shelf_of

__all__ = ["Article", "ListTerms", "Recommendation", "Shelf", "listed", "most_bought", "shelf_of"]

#: Items among which variety is looked for, times the length of the list.
_CANDIDATES = 10


@dataclass(frozen=True)
class Recommendation:
    """One item of a list; scores compare within one list only."""

    item: str
    description: str
    score: float
    reason: str


@dataclass(frozen=True)
class ListTerms:
    """What a shop asks of a list.

    Args:
        diversity: From 0, the best scores, to 1, the greatest variety.
        per_category: At most so many of one category; items without one are not counted.
    """

    diversity: float = 0.0
    per_category: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.diversity <= 1:
            raise InputError("must be from 0 to 1", path="diversity", hint="0.3 is a good beginning")
        if self.per_category is not None and self.per_category < 1:
            raise InputError("must be at least 1", path="per_category", hint="leave it out for no limit")


def listed(
    scores: Tensor,
    shelf: Shelf,
    k: int,
    *,
    reason: Callable[[int], str],
    terms: ListTerms | None = None,
    without: Sequence[int] | np.ndarray = (),
) -> list[Recommendation]:
    """Make a list of the best.

    Args:
        scores: Of the known items, (V,), or of the whole shelf as `Shelf.scored` gives them, (V + N,).
        shelf: What may be listed.
        k: Length of the list, at least 1; it is shorter where the shelf holds less.
        reason: Why a known item stands there, by its id.
        terms: See `ListTerms`.
        without: Places that must not stand in it; see `Shelf.places_of`.

    Raises:
        ModelError: `k` is below 1, or the shelf was prepared for another model.
    """
    if k < 1:
        raise ModelError("`k` must be at least 1")
    terms = terms or ListTerms()
    whole = scores if len(scores) == len(shelf.words) else shelf.scored(scores)
    may = shelf.sold.clone()
    may[torch.as_tensor(np.asarray(without, np.int64))] = False
    whole = whole.masked_fill(~may, -torch.inf)
    return [
        Recommendation(shelf.words[place], shelf.descriptions[place], float(whole[place]), _told(place, shelf, reason))
        for place in _chosen(whole, int(may.sum()), shelf, k, terms)
    ]


def most_bought(
    popularity: Tensor, shelf: Shelf, k: int, *, reason: Callable[[int], str], terms: ListTerms | None = None
) -> list[Recommendation]:
    """Make the list that is the same for everybody.

    Args:
        popularity: How popular each known item is, (V,).
        shelf: What may be listed.
        k: Length of the list, at least 1.
        reason: Why a known item stands there, by its id.
        terms: See `ListTerms`.

    Guarantees:
        - No consumer's history, pseudonym or feature reaches it: there is no argument that could hold one.
    """
    return listed(popularity, shelf, k, reason=reason, terms=terms)


def _told(place: int, shelf: Shelf, reason: Callable[[int], str]) -> str:
    if place < shelf.known:
        return reason(place)
    rows, weights = shelf.likeness
    near = weights[place - shelf.known]
    if not len(near) or float(near[0]) <= 0:
        return "new"
    nearest = int(rows[place - shelf.known, 0])
    return f"new, like {shelf.name(nearest)}: {reason(nearest)}"


def _chosen(scores: Tensor, there: int, shelf: Shelf, k: int, terms: ListTerms) -> list[int]:
    """Return the places of a list, best first; `there` is how many may be listed."""
    if terms.per_category is None and terms.diversity == 0:
        return scores.topk(min(k, there)).indices.tolist()
    order = scores.argsort(descending=True, stable=True)[:there].tolist()
    allowed = _capped(order, shelf.categories, terms.per_category)
    if terms.diversity == 0:
        return allowed[:k]
    return _varied(allowed, k, shelf, terms)


def _capped(order: list[int], categories: Sequence[str], at_most: int | None) -> list[int]:
    """Return the places whose category is not yet full; of one list, whatever its length."""
    if at_most is None:
        return order
    held: dict[str, int] = {}
    kept = []
    for place in order:
        category = categories[place]
        held[category] = held.get(category, 0) + 1
        if not category or held[category] <= at_most:
            kept.append(place)
    return kept


def _varied(order: list[int], k: int, shelf: Shelf, terms: ListTerms) -> list[int]:
    """Take one after the other what is good and unlike what was taken.

    Ranks stand for scores, so that the same diversity means the same to every model.

    Source: Carbonell and Goldstein, The Use of MMR, SIGIR 1998, equation 1.
    """
    candidates = order[: k * _CANDIDATES]
    vectors = shelf.names.dense(candidates)  # (C, PLACES)
    alike = vectors @ vectors.T  # (C, C)
    value = 1 - torch.arange(len(candidates)) / max(len(candidates), 1)  # (C,)
    nearest, taken = torch.zeros(len(candidates)), list[int]()
    for _ in range(min(k, len(candidates))):
        gain = (1 - terms.diversity) * value - terms.diversity * nearest
        gain[taken] = -torch.inf
        best = int(gain.argmax())
        taken.append(best)
        nearest = torch.maximum(nearest, alike[best])
    return [candidates[each] for each in taken]
