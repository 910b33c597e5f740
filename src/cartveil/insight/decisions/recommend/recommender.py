"""A trained recommender: scores, lists with honest reasons, save and load. It holds no pseudonym and no history.

recommender = train_recommender(events)
for found in recommender.recommend(events.of(pseudonym), k=5):
    print(found.description, found.reason)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend.config import RecommenderConfig
from cartveil.insight.decisions.recommend.counts import bought_by
from cartveil.insight.decisions.recommend.listing import (
    ListTerms,
    Recommendation,
    Shelf,
    listed,
    most_bought,
    shelf_of,
)
from cartveil.insight.decisions.recommend.reasons import Past, called_like, popular, why
from cartveil.insight.decisions.recommend.samples import Facts, ordered_batches, sample_of
from cartveil.insight.decisions.recommend.shelf import names_of
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config
from cartveil.insight.models.heads import NextBasket, NextBasketConfig
from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.habits import HABIT_COUNT, TREND_COUNT, habits_of
from cartveil.insight.sequences.histories import STEP_FEATURES
from cartveil.insight.sequences.occasions import Occasions, occasions_at
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary

#: What the card calls this model.
KIND = "recommender"

#: Days after the last event at which a list is made, where that is later than the training data.
_A_MOMENT = 1e-6

#: Popularity in a list for somebody of whom little is known, where a likeness counts up to 1.
_POPULARITY_SHARE = 1 / 2.5


@dataclass(frozen=True)
class Recommender:
    """What scores and recommends.

    Args:
        config: How it was trained.
        vocabulary: The items it knows.
        descriptions: Item -> description, where the release has them.
        as_of: Day since 1970 up to which items were counted.
        facts: Trends and item-item weights as of that day.
        recent: Buyers of each item in the last 30 days, (V,).
        model: The network; None where there was too little to train it, then counts decide.
        card: Data digest, metrics, baselines.
    """

    config: RecommenderConfig
    vocabulary: Vocabulary
    descriptions: Mapping[str, str]
    as_of: float
    facts: Facts
    recent: Tensor
    model: NextBasket | None
    card: Mapping[str, Any]

    @cached_property
    def shelf(self) -> Shelf:
        """Return the shelf of everything that the model knows."""
        return shelf_of(self.vocabulary, self.descriptions)

    def scores(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return a score for every item, (occasions, V); occasions before `as_of` would see the future."""
        return self._paths(baskets, occasions)[0]

    def scores_on(self, shelf: Shelf, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return a score for everything on a shelf, what the model has never met included, (occasions, V + N)."""
        both, fresh = self._paths(baskets, occasions)
        # Who buys a thing again and again may like another of that name, but not more than the best of what is new.
        most = fresh[:, RESERVED:].amax(1, keepdim=True) if self.vocabulary.words else fresh[:, :1]
        return shelf.scored(both, by=torch.minimum(both, most))

    def recommend(
        self,
        events: pa.Table,
        k: int = 10,
        *,
        exclude_bought: bool = False,
        shelf: Shelf | None = None,
        terms: ListTerms | None = None,
    ) -> list[Recommendation]:
        """List the items that one consumer is most likely to buy next.

        Args:
            events: The consumer's events, in the columns of `ProtectedEvents`; empty for somebody new.
            k: Length of the list, at least 1.
            exclude_bought: Leave out what the consumer has bought before.
            shelf: What may be listed, as `shelf_of` prepares it; everything that the model knows where None.
            terms: Variety, and limits per category.

        Raises:
            ModelError: The events of several consumers, `k` below 1, or the shelf of another model.
        """
        shelf = shelf or self.shelf
        baskets = baskets_of(events, self.vocabulary)
        if baskets.consumers > 1:
            raise ModelError("events of several consumers", hint="pass those of one: `events.of(pseudonym)`")
        without = shelf.places_of(events["item"]) if exclude_bought else ()
        latest = float(baskets.day.max(initial=-np.inf)) + _A_MOMENT
        occasions = occasions_at(baskets, max(self.as_of, latest))
        if not len(occasions):
            return self._list_by_names(names_of(events), shelf, k, terms=terms, without=without)
        past = Past(habits_of(baskets, occasions), bought_by(baskets, occasions)[0])
        scores = self.scores_on(shelf, baskets, occasions)[0]
        reason = lambda item: why(item, past, self.facts.weights, shelf) or self._popular(item)  # noqa: E731
        return listed(scores, shelf, k, reason=reason, terms=terms, without=without)

    def recommend_to_anybody(
        self, k: int = 10, *, shelf: Shelf | None = None, terms: ListTerms | None = None
    ) -> list[Recommendation]:
        """List what most consumers bought in the last 30 days, the same for everybody.

        Args:
            k: Length of the list, at least 1.
            shelf: What may be listed; everything that the model knows where None.
            terms: Variety, and limits per category.

        Guarantees:
            - No history, pseudonym or feature of a consumer reaches it: no argument could hold one.
        """
        return most_bought(self.recent, shelf or self.shelf, k, reason=self._popular, terms=terms)

    def save(self, folder: str | Path) -> None:
        """Write weights and card; see `save_model`."""
        state = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()} if self.model else {}
        state |= {"trends": self.facts.trends, "weights": self.facts.weights.half(), "recent": self.recent}
        card = {
            **self.card,
            "kind": KIND,
            "config": asdict(self.config),
            "as_of": self.as_of,
            "items": list(self.vocabulary.words),
            "descriptions": dict(self.descriptions),
        }
        save_model(folder, state, card)

    @classmethod
    def load(cls, folder: str | Path) -> "Recommender":
        """Read what `save` wrote; `ModelError` where it is no recommender of this version."""
        state, card = load_model(folder, kind=KIND)
        try:
            config = read_config(RecommenderConfig, card["config"], path=folder)
            vocabulary = Vocabulary(tuple(card["items"]))
            model = _model(config, vocabulary, state)
            facts = Facts(state["trends"], state["weights"].float())
            own = ("kind", "config", "as_of", "items", "descriptions")
            rest = {key: value for key, value in card.items() if key not in own}
            _check(card, config, facts, state["recent"])
            return cls(config, vocabulary, card["descriptions"], card["as_of"], facts, state["recent"], model, rest)
        except (ArithmeticError, KeyError, ModelError, TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, ModelError) and error.path:
                raise  # it says more, and where
            hint = "train the model again"
            raise ModelError("card and weights do not fit together", path=str(folder), hint=hint) from error

    def _paths(self, baskets: Baskets, occasions: Occasions) -> tuple[Tensor, Tensor]:
        """Return scores of all items, and as if nothing had been bought before, each (occasions, V)."""
        if self.model is None:
            return self._counted(baskets, occasions)
        config = self.config
        sample = sample_of(baskets, occasions, self.facts, steps=config.steps, width=config.width, with_target=False)
        with torch.no_grad():
            parts = [self.model(batch) for batch in ordered_batches(sample, config.batch)]
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])

    def _counted(self, baskets: Baskets, occasions: Occasions) -> tuple[Tensor, Tensor]:
        # How often, then what goes with it, then what others buy; each stays below one purchase.
        habits = habits_of(baskets, occasions)
        near = (bought_by(baskets, occasions) @ self.facts.weights).clamp(0, 1)
        fresh = near / 2 + self._popularity()
        place = (torch.from_numpy(habits.row), torch.from_numpy(habits.item))
        return fresh.index_put(place, torch.from_numpy(habits.count).float(), accumulate=True), fresh

    def _popularity(self) -> Tensor:
        return self.recent * (_POPULARITY_SHARE / self.recent.max().clamp(min=1))  # (V,)

    def _list_by_names(self, names: Sequence[str], shelf: Shelf, k: int, **rest: Any) -> list[Recommendation]:
        """List for somebody whose items the model does not know but by their names; without names what is popular."""
        if not names:
            return listed(self.recent, shelf, k, reason=self._popular, **rest)
        alike, which = shelf.like(names)
        reason = lambda at: called_like(names[int(which[at])], float(alike[at])) or self._popular(at)  # noqa: E731
        return listed(shelf.scored(self._popularity()) + alike, shelf, k, reason=reason, **rest)

    def _popular(self, number: int) -> str:
        return popular(int(self.recent[number]))


def network(config: RecommenderConfig, vocabulary: Vocabulary) -> NextBasket:
    """Return an untrained network of the configured shape; weights are drawn from torch's generator."""
    shape = NextBasketConfig(
        items=vocabulary.size,
        trends=TREND_COUNT,
        habits=HABIT_COUNT,
        steps=STEP_FEATURES,
        embedding=config.embedding,
        hidden=config.hidden,
        copy=config.copy,
        dropout=config.dropout,
        sequence_keep=config.sequence_keep,
        sequence_only=config.sequence_only,
    )
    return NextBasket(shape)


def _model(config: RecommenderConfig, vocabulary: Vocabulary, state: Mapping[str, Tensor]) -> NextBasket | None:
    own = {name.removeprefix("model."): tensor for name, tensor in state.items() if name.startswith("model.")}
    if not own:
        return None
    model = network(config, vocabulary)
    model.load_state_dict(own)
    return model.eval()


def _check(card: Mapping[str, Any], config: RecommenderConfig, facts: Facts, recent: Tensor) -> None:
    """Raise `TypeError` or `ValueError` where a card has what no recommender writes."""
    for field, default in asdict(RecommenderConfig()).items():
        if field != "training" and not isinstance(getattr(config, field), (type(default), int)):
            raise TypeError(field)
    if not isinstance(card["descriptions"], Mapping) or not all(isinstance(word, str) for word in card["items"]):
        raise TypeError("descriptions")
    size = len(card["items"]) + RESERVED
    if not math.isfinite(card["as_of"]) or recent.shape != (size,) or facts.weights.shape != (size, size):
        raise ValueError("items")
