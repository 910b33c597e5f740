"""Baselines that only count, behind the interface of the recommender: what a model has to beat.

Each is a `Scorer`: made from baskets before a moment, it scores every item for every occasion.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.samples import together_before
from cartveil.insight.models.neighbours import bought_table, jaccard_weights
from cartveil.insight.sequences.baskets import Baskets
from cartveil.insight.sequences.habits import buyers_of, habits_of
from cartveil.insight.sequences.occasions import Occasions
from cartveil.insight.sequences.vocabulary import Vocabulary

#: Days over which popularity counts buyers; all of history would recommend last year's season.
RECENT_DAYS = 30.0


class Scorer(Protocol):
    """What can be judged: it has a vocabulary, and scores items for occasions."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the items that can be scored."""
        ...

    def scores(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return a score for every item, (occasions, V)."""
        ...


class DatedScorer(Scorer, Protocol):
    """A scorer that says which day it was made on, so that nothing that it has seen is asked of it."""

    @property
    def as_of(self) -> float:
        """Return the day since 1970 before which everything lies that it was made from."""
        ...


@dataclass(frozen=True)
class Popularity:
    """Score an item by its buyers of the 30 days before `as_of`, (V,), for everybody alike."""

    vocabulary: Vocabulary
    recent: Tensor
    as_of: float

    def scores(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return a score for every item, (occasions, V)."""
        return self.recent.expand(len(occasions), -1)


@dataclass(frozen=True)
class PersonalPopularity:
    """Score an item by how often the consumer bought it; ties, and items never bought, go by popularity."""

    vocabulary: Vocabulary
    recent: Tensor
    as_of: float

    def scores(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return a score for every item, (occasions, V)."""
        habits = habits_of(baskets, occasions)
        scores = (self.recent / (2 * self.recent.max().clamp(min=1))).repeat(len(occasions), 1)  # below one purchase
        place = (torch.from_numpy(habits.row), torch.from_numpy(habits.item))
        return scores.index_put(place, torch.from_numpy(habits.count).float(), accumulate=True)


@dataclass(frozen=True)
class ItemNeighbours:
    """Score an item by its Jaccard similarity to the items the consumer bought (item-kNN), weights (V, V)."""

    vocabulary: Vocabulary
    weights: Tensor
    as_of: float

    def scores(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return a score for every item, (occasions, V)."""
        return bought_by(baskets, occasions) @ self.weights


def count_popularity(baskets: Baskets, vocabulary: Vocabulary, *, until: float) -> Popularity:
    """Count everybody's purchases before a day."""
    return Popularity(vocabulary, _recent(baskets, until), until)


def count_personal_popularity(baskets: Baskets, vocabulary: Vocabulary, *, until: float) -> PersonalPopularity:
    """Count everybody's purchases before a day; a consumer's own are counted when scored."""
    return PersonalPopularity(vocabulary, _recent(baskets, until), until)


def count_neighbours(baskets: Baskets, vocabulary: Vocabulary, *, until: float) -> ItemNeighbours:
    """Count which items share buyers before a day."""
    return ItemNeighbours(vocabulary, jaccard_weights(together_before(baskets, until)), until)


def bought_by(baskets: Baskets, occasions: Occasions) -> Tensor:
    """Return what each occasion's consumer has bought, (occasions, V) of 0 and 1."""
    habits = habits_of(baskets, occasions)
    row, item = torch.from_numpy(habits.row), torch.from_numpy(habits.item)
    return bought_table(row, item, consumers=len(occasions), items=baskets.item_count)


def _recent(baskets: Baskets, until: float) -> Tensor:
    return torch.from_numpy(buyers_of(baskets, until, window=RECENT_DAYS)).float()
