"""A recommender that reads histories item after item: what it knows of others, and the consumer's own past beside it.

A list mixes chances: of what the consumer bought before, looked up where the list is made, and of what the model
learned from others: a network pooled with item-kNN, or under privacy pairs of items and popularity. The model holds no
history and no pseudonym, and a private one says in its statement how little one consumer can have moved it.

    recommender = train_private_recommender(events, config=PrivateSequenceConfig(epsilon=4, delta=1e-6))
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
from cartveil.insight.decisions.recommend.listing import (
    ListTerms,
    Recommendation,
    listed,
    most_bought,
)
from cartveil.insight.decisions.recommend.reasons import called_like
from cartveil.insight.decisions.recommend.sequential.companions import Companions
from cartveil.insight.decisions.recommend.sequential.item_histories import (
    ItemHistories,
    histories_before,
    histories_of,
)
from cartveil.insight.decisions.recommend.sequential.networks import Network, load_network
from cartveil.insight.decisions.recommend.sequential.pooling import pooled
from cartveil.insight.decisions.recommend.sequential.transitions import Transitions, load_transitions
from cartveil.insight.decisions.recommend.shelf import Shelf, names_of, shelf_of
from cartveil.insight.models.card import load_model, require_vocabulary, save_model
from cartveil.insight.models.card_checks import check_promise
from cartveil.insight.privacy.statement import PrivacyStatement
from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.occasions import Occasions
from cartveil.insight.sequences.vocabulary import Vocabulary

#: What the card calls this model.
KIND = "sequence recommender"

#: Smallest share of what speaks for an item that an item of the history must have to be named as its reason.
_NAMED_SHARE = 0.2


@dataclass(frozen=True)
class SequenceRecommender:
    """What scores and recommends.

    Args:
        vocabulary: The items it knows.
        popularity: Chance of each item, whoever asks, (V,).
        companions: Pairs of items; None where none were counted.
        network: The LSTM; None where none was trained.
        own: Weight of the consumer's own purchases.
        mixture: Weight of each part among what was learned from others: `network`, `neighbours`, `companions`,
            `popularity`.
        descriptions: Item -> description, from the catalogue or from a release that was not trained on privately.
        card: Data digest, metrics, privacy.
        neighbours: Item-kNN over all items; None where none was counted, as in a private recommender.
    """

    vocabulary: Vocabulary
    popularity: Tensor
    companions: Companions | None
    network: Network | None
    own: float
    mixture: Mapping[str, float]
    descriptions: Mapping[str, str]
    card: Mapping[str, Any]
    neighbours: Transitions | None = None

    @cached_property
    def shelf(self) -> Shelf:
        """Return the shelf of everything that the model knows."""
        return shelf_of(self.vocabulary, self.descriptions)

    @property
    def promise(self) -> str:
        """Return the statement of privacy in words; an empty text where nothing is promised."""
        statement = self.card.get("privacy")
        return "" if statement is None else str(PrivacyStatement(**{**statement, "beside": tuple(statement["beside"])}))

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return the chance of every item to follow each history, (n, V)."""
        return self._mixed(histories)[0]

    def scores(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return the chance of every item, (occasions, V); see `Scorer`."""
        return self.scores_after(histories_before(baskets, occasions))

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
        nobody = ItemHistories(np.zeros(2, np.int64), np.zeros(0, np.int64), self.vocabulary.size)
        history = histories_of(baskets) if baskets.consumers else nobody
        without = shelf.places_of(events["item"]) if exclude_bought and len(events) else ()
        if not len(history.items) and (names := names_of(events)):
            return self._list_by_names(names, shelf, k, terms=terms, without=without)
        chances, parts = self._mixed(history)
        reason = lambda number: self._reason(number, history, parts)  # noqa: E731
        return listed(chances[0], shelf, k, reason=reason, terms=terms, without=without)

    def recommend_to_anybody(
        self, k: int = 10, *, shelf: Shelf | None = None, terms: ListTerms | None = None
    ) -> list[Recommendation]:
        """List what most consumers bought, the same for everybody.

        Args:
            k: Length of the list, at least 1.
            shelf: What may be listed; everything that the model knows where None.
            terms: Variety, and limits per category.

        Guarantees:
            - No history, pseudonym or feature of a consumer reaches it: no argument could hold one.
        """
        return most_bought(self.popularity, shelf or self.shelf, k, reason=lambda _: "popular", terms=terms)

    def save(self, folder: str | Path) -> None:
        """Write weights and card; see `save_model`."""
        state = {"popularity": self.popularity}
        if self.companions is not None:
            state |= {"companions.items": self.companions.items, "companions.weights": self.companions.weights}
        if self.neighbours is not None:
            state |= {f"neighbours.{name}": tensor for name, tensor in self.neighbours.state().items()}
        if self.network is not None:
            state |= {f"network.{name}": tensor for name, tensor in self.network.state().items()}
        card = {
            **self.card,
            "kind": KIND,
            "own": self.own,
            "mixture": dict(self.mixture),
            "network": None if self.network is None else asdict(self.network.shape),
            "neighbours": None if self.neighbours is None else self.neighbours.looks(),
            "items": list(self.vocabulary.words),
            "vocabulary_digest": self.vocabulary.digest(),
            "descriptions": dict(self.descriptions),
        }
        save_model(folder, state, card)

    @classmethod
    def load(cls, folder: str | Path) -> "SequenceRecommender":
        """Read what `save` wrote; `ModelError` where it is no sequence recommender of this version."""
        state, card = load_model(folder, kind=KIND)
        try:
            vocabulary = Vocabulary(tuple(card["items"]))
            require_vocabulary(card, vocabulary.digest(), path=folder)
            check_promise(card.get("privacy"), folder)
            weights = state.get("companions.weights")
            companions = None if weights is None else Companions(state["companions.items"], weights)
            rest = {key: value for key, value in card.items() if key not in _OWN}
            loaded = cls(
                vocabulary,
                state["popularity"],
                companions,
                load_network(card["network"], _under("network.", state)),
                card["own"],
                card["mixture"],
                card["descriptions"],
                rest,
                load_transitions(card.get("neighbours"), _under("neighbours.", state), vocabulary.size),
            )
            _check(loaded)
            return loaded
        except (ArithmeticError, KeyError, ModelError, TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, ModelError) and error.path:
                raise  # it says more, and where
            hint = "train the model again"
            raise ModelError("card and weights do not fit together", path=str(folder), hint=hint) from error

    def _parts(self, histories: ItemHistories) -> dict[str, tuple[float, Tensor]]:
        """Return weight and chances of each part that is there; weights add up to 1."""
        found = {"popularity": self.popularity.expand(len(histories), -1)}
        if self.companions is not None:
            near = self.companions.scores_after(histories).float()
            total = near.sum(1, keepdim=True)
            # Who bought nothing that goes with anything is told what is popular.
            found["companions"] = torch.where(total > 0, near / total.clamp(min=1e-12), self.popularity)
        if self.neighbours is not None:
            found["neighbours"] = self.neighbours.chances_after(histories, self.popularity)
        if self.network is not None:
            found["network"] = self.network.chances(histories, self.popularity)
        whole = sum(self.mixture.get(name, 0.0) for name in found)
        return {name: (self.mixture.get(name, 0.0) / whole, chances) for name, chances in found.items()}

    def _list_by_names(self, names: Sequence[str], shelf: Shelf, k: int, **rest: Any) -> list[Recommendation]:
        """List for somebody whose items the model does not know but by their names."""
        alike, which = shelf.like(names)
        reason = lambda at: called_like(names[int(which[at])], float(alike[at])) or "popular"  # noqa: E731
        # Chances are far below a likeness: they order what is alike.
        return listed(shelf.scored(self.popularity) + alike, shelf, k, reason=reason, **rest)

    def _mixed(self, histories: ItemHistories) -> tuple[Tensor, "_Weighted"]:
        """Return the chance of every item (n, V), and the parts that it was mixed from."""
        parts = self._parts(histories)
        learned = _together(parts)
        bought = _bought(histories)
        known = bought.sum(1, keepdim=True) > 0
        return torch.where(known, self.own * bought + (1 - self.own) * learned, learned), parts

    def _reason(self, number: int, history: ItemHistories, parts: "_Weighted") -> str:
        if count := int((history.items == number).sum()):
            return f"bought {'once' if count == 1 else f'{count} times'} before"
        if self.neighbours is not None and (named := self._neighbour(self.neighbours, number, history)):
            return named
        strongest = max(parts, key=lambda name: parts[name][0] * float(parts[name][1][0, number]))
        if strongest == "companions" and self.companions is not None:
            return self._companion(self.companions, number, history)
        return "likely after what was bought last" if strongest == "network" and len(history.items) else "popular"

    def _neighbour(self, neighbours: Transitions, number: int, history: ItemHistories) -> str:
        nearest, share = neighbours.speaks_most(history, number)
        return f"because of {self.shelf.name(nearest)}: often bought after it" if share >= _NAMED_SHARE else ""

    def _companion(self, companions: Companions, number: int, history: ItemHistories) -> str:
        alone = [
            (float(companions.scores_after(one)[0, number]), item)
            for item in dict.fromkeys(history.latest(companions.latest).items.tolist())
            for one in (ItemHistories(np.array([0, 1]), np.array([item]), history.item_count),)
        ]
        strength, nearest = max(alone, default=(0.0, 0))
        if strength <= 0:
            return "popular"
        word = self.vocabulary.word(nearest)
        return f"often bought by those who bought {self.descriptions.get(word) or word}"


#: Part -> its weight, and its chances of every item (n, V).
_Weighted = dict[str, tuple[float, Tensor]]

#: What `save` adds to the card of itself.
_OWN = ("kind", "own", "mixture", "network", "neighbours", "items", "descriptions")


def _check(loaded: SequenceRecommender) -> None:
    """Raise `TypeError` or `ValueError` where a card has what no recommender writes."""
    if not isinstance(loaded.mixture, Mapping) or not isinstance(loaded.descriptions, Mapping):
        raise TypeError("mixture")
    there = {
        "popularity": True,
        "companions": loaded.companions,
        "neighbours": loaded.neighbours,
        "network": loaded.network,
    }
    weights = [float(loaded.mixture.get(name, 0.0)) for name, part in there.items() if part is not None]
    if not (0 <= loaded.own < 1 and min(weights) >= 0 and 0 < sum(weights) < math.inf):
        raise ValueError("own")
    if len(loaded.popularity) != loaded.vocabulary.size or (loaded.network and loaded.network.shape.steps < 1):
        raise ValueError("popularity")
    _ = loaded.promise  # its statement makes sense


def _together(parts: _Weighted) -> Tensor:
    """Return the chance of every item by all parts: a pool of network and item-kNN, of others their mean, (n, V)."""
    if "network" in parts and "neighbours" in parts:
        (_, network), (weight, neighbours) = parts["network"], parts["neighbours"]
        return pooled(network, neighbours, weight)
    found: Tensor = torch.stack([weight * chances for weight, chances in parts.values()]).sum(0)
    return found


def _bought(histories: ItemHistories) -> Tensor:
    """Return each item's share of what was bought, (n, V); all 0 for who bought nothing."""
    counts = torch.zeros(len(histories), histories.item_count)
    place = (torch.from_numpy(histories.owner), torch.from_numpy(histories.items))
    counts.index_put_(place, torch.ones(len(histories.items)), accumulate=True)
    return counts / torch.from_numpy(np.maximum(histories.lengths, 1))[:, None]


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
