"""What lists are drawn from: what a shop sells, in stock or not, and what is so new that the model has never met it.

A new item is scored through the known items whose names and categories are most like its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.recommend.names import NameVectors, name_vectors, relatives
from cartveil.insight.sequences.moments import moments_of
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary

#: Known items that speak for a new one.
_RELATIVES = 10

#: How fast a relative's weight falls with its likeness.
_SHARPNESS = 2.0

#: Names less alike than this have nothing to say about each other.
_LEAST_LIKENESS = 0.1


@dataclass(frozen=True)
class Article:
    """What a shop says of an item.

    Args:
        item: Its code, as in the release.
        description: Its name.
        category: An empty text where it has none.
        stock: Pieces that can be sold; None where the shop does not count them.
    """

    item: str
    description: str = ""
    category: str = ""
    stock: int | None = None

    @property
    def sells(self) -> bool:
        """Return whether there is a piece to sell."""
        return self.stock is None or self.stock > 0


@dataclass(frozen=True)
class Shelf:
    """What lists are drawn from, prepared once for one vocabulary: V known ids, then N new items.

    Args:
        known: V.
        words: Item of each place, (V + N,); empty for reserved ids.
        descriptions: Of each place, empty where there is none.
        categories: Of each place, empty where there is none.
        sold: Whether it may be listed, (V + N,) bool.
    """

    known: int
    words: tuple[str, ...]
    descriptions: tuple[str, ...]
    categories: tuple[str, ...]
    sold: Tensor

    @cached_property
    def names(self) -> NameVectors:
        """Return the vectors of names and categories."""
        return name_vectors(self.descriptions, self.categories)

    @cached_property
    def likeness(self) -> tuple[Tensor, Tensor]:
        """Return the known items most like each new one, and their weights, which add up to at most 1, (N, R) each."""
        named = [place for place in range(RESERVED, self.known) if self.descriptions[place] or self.categories[place]]
        rows, alike = relatives(self.names, range(self.known, len(self.words)), named, at_most=_RELATIVES)
        weights = torch.where(alike > _LEAST_LIKENESS, alike**_SHARPNESS, 0.0)
        total = weights.sum(1, keepdim=True).clamp(min=1e-12)
        # The nearest relative says how far the others can be trusted.
        return rows, weights / total * alike.amax(1, keepdim=True) if alike.shape[1] else weights

    def scored(self, scores: Tensor, *, by: Tensor | None = None) -> Tensor:
        """Return scores of known items with those of the new ones behind, (..., V + N).

        A new item gets what its relatives have; the less they are like it, the nearer it comes to a middling item.

        Args:
            scores: Of the known items, (..., V).
            by: Scores that new items are judged by, such as those that leave out what is bought again, (..., V).

        Raises:
            ModelError: The shelf was prepared for another model.
        """
        if scores.shape[-1] != self.known:
            hint = "prepare it with the vocabulary of this model: `shelf_of(model.vocabulary, ...)`"
            raise ModelError("the shelf is that of another model", hint=hint)
        if len(self.words) == self.known:
            return scores
        by = scores if by is None else by
        rows, weights = self.likeness
        middling = by[..., RESERVED:].median(-1, keepdim=True).values if self.known > RESERVED else by[..., :1] * 0
        fresh = (weights * by[..., rows]).sum(-1) + (1 - weights.sum(-1)) * middling  # (..., N)
        return torch.cat([scores, fresh], dim=-1)

    def like(self, names: Sequence[str]) -> tuple[Tensor, NDArray[np.int64]]:
        """Return how much each place is called like the most alike of some names, 0 to 1, and which, (V + N,) each."""
        alike, which = self.names.like(names)
        return torch.from_numpy(alike).float(), which

    def places_of(self, items: pa.ChunkedArray) -> list[int]:
        """Return the places of items, known and new; what is not on the shelf has none."""
        return [self.place[item] for item in items.unique().to_pylist() if item in self.place]

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Return where each item stands."""
        return {word: place for place, word in enumerate(self.words) if word}

    def name(self, place: int) -> str:
        """Return the description of a place, or the item's code where it has none."""
        return self.descriptions[place] or self.words[place]


def shelf_of(
    vocabulary: Vocabulary, descriptions: Mapping[str, str], articles: Iterable[Article] | None = None
) -> Shelf:
    """Prepare what lists are drawn from.

    Args:
        vocabulary: The items that the model knows.
        descriptions: Item -> description, as the model has them; an article's own goes before.
        articles: What the shop sells now. Nothing else is listed, nor what has no piece in stock; what the model does
            not know is new. None to list whatever the model knows.

    Raises:
        InputError: An article stands there twice, or has no code.
    """
    found = {} if articles is None else _by_item(articles)
    known = set(vocabulary.words)
    fresh = [item for item in found if item not in known]
    words = ("",) * RESERVED + vocabulary.words + tuple(fresh)
    of = [found.get(word, Article(word)) for word in words]
    sold = [bool(word) and (articles is None or (word in found and found[word].sells)) for word in words]
    return Shelf(
        known=vocabulary.size,
        words=words,
        descriptions=tuple(each.description or descriptions.get(each.item, "") for each in of),
        categories=tuple(each.category for each in of),
        sold=torch.tensor(sold),
    )


def names_of(events: pa.Table) -> list[str]:
    """Return the distinct descriptions of events, the latest first; none where there is no such column."""
    if "description" not in events.column_names or not len(events):
        return []
    order = np.argsort(moments_of(events["time"], "time"), kind="stable")[::-1]
    texts = events["description"].take(pa.array(order)).drop_null().to_pylist()
    return list(dict.fromkeys(text for text in texts if text))


def _by_item(articles: Iterable[Article]) -> dict[str, Article]:
    found: dict[str, Article] = {}
    for article in articles:
        if not article.item:
            raise InputError("an article has no code", path="articles", hint="give each the code it has in the release")
        if article.item in found:
            raise InputError(f"article `{article.item}` stands there twice", path="articles", hint="give each once")
        found[article.item] = article
    return found
