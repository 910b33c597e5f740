"""A trained recommender: scores, lists with honest reasons, save and load. It holds no pseudonym and no history.

recommender = train_recommender(events)
for found in recommender.recommend(events.of(pseudonym), k=5):
    print(found.description, found.reason)
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend.config import RecommenderConfig
from cartveil.insight.decisions.recommend.counts import bought_by
from cartveil.insight.decisions.recommend.samples import Facts, ordered_batches, sample_of
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config
from cartveil.insight.models.heads import NEVER, NextBasket, NextBasketConfig
from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.habits import HABIT_COUNT, TREND_COUNT, Habits, habits_of
from cartveil.insight.sequences.histories import STEP_FEATURES
from cartveil.insight.sequences.occasions import Occasions, occasions_at
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary

#: What the card calls this model.
KIND = "recommender"

#: Days after the last event at which a list is made, where that is later than the training data.
_A_MOMENT = 1e-6

#: Smallest share of an item's neighbour score that is named as its reason.
_NAMED_SHARE = 0.2


@dataclass(frozen=True)
class Recommendation:
    """One item of a list, best first; scores compare within one list only."""

    item: str
    description: str
    score: float
    reason: str


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

    def scores(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        """Return a score for every item, (occasions, V); occasions before `as_of` would see the future."""
        if self.model is None:
            return self._counted(baskets, occasions)
        config = self.config
        sample = sample_of(baskets, occasions, self.facts, steps=config.steps, width=config.width, with_target=False)
        with torch.no_grad():
            return torch.cat([self.model(batch)[0] for batch in ordered_batches(sample, config.batch)])

    def recommend(self, events: pa.Table, k: int = 10, *, exclude_bought: bool = False) -> list[Recommendation]:
        """List the items that one consumer is most likely to buy next.

        Args:
            events: The consumer's events, in the columns of `ProtectedEvents`; empty for somebody new.
            k: Length of the list, at least 1.
            exclude_bought: Leave out what the consumer has bought before.

        Raises:
            ModelError: The events of several consumers, or `k` below 1.
        """
        if k < 1:
            raise ModelError("`k` must be at least 1")
        baskets = baskets_of(events, self.vocabulary)
        if baskets.consumers > 1:
            raise ModelError("events of several consumers", hint="pass those of one: `events.of(pseudonym)`")
        latest = float(baskets.day.max(initial=-np.inf)) + _A_MOMENT
        occasions = occasions_at(baskets, max(self.as_of, latest))
        if not len(occasions):
            return self._listed(self.recent.clone(), k, _nothing(), torch.zeros_like(self.recent))
        habits = habits_of(baskets, occasions)
        scores = self.scores(baskets, occasions)[0]
        scores[:2] = NEVER
        if exclude_bought:
            scores[torch.from_numpy(habits.item)] = NEVER
        return self._listed(scores, k, habits, bought_by(baskets, occasions)[0])

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

    def _counted(self, baskets: Baskets, occasions: Occasions) -> Tensor:
        # How often, then what goes with it, then what others buy; each stays below one purchase.
        habits = habits_of(baskets, occasions)
        near = (bought_by(baskets, occasions) @ self.facts.weights).clamp(0, 1)
        scores = near / 2 + self.recent / (2.5 * self.recent.max().clamp(min=1))
        place = (torch.from_numpy(habits.row), torch.from_numpy(habits.item))
        return scores.index_put(place, torch.from_numpy(habits.count).float(), accumulate=True)

    def _listed(self, scores: Tensor, k: int, habits: Habits, bought: Tensor) -> list[Recommendation]:
        scores[:2] = NEVER
        top = scores.topk(min(k, len(scores)))
        return [
            Recommendation(word, self.descriptions.get(word, ""), value, self._reason(number, habits, bought))
            for value, number in zip(top.values.tolist(), top.indices.tolist(), strict=True)
            if value > NEVER
            for word in (self.vocabulary.word(number),)
        ]

    def _reason(self, number: int, habits: Habits, bought: Tensor) -> str:
        found = np.flatnonzero(habits.item == number)
        if len(found):
            count, days = int(habits.count[found[0]]), int(habits.recency[found[0]])
            return f"bought {_times(count)}, last {_ago(days)}"
        near = (self.facts.weights[:, number] * bought).clamp(min=0)  # (V,)
        strongest = int(near.argmax())
        if float(near[strongest]) > _NAMED_SHARE * float(near.sum()) or float(near[strongest]) > 0.05:
            word = self.vocabulary.word(strongest)
            return f"often bought by those who bought {self.descriptions.get(word) or word}"
        return f"popular: bought by {int(self.recent[number])} consumers in the last 30 days"


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


def _nothing() -> Habits:
    none = np.zeros(0, np.int64)
    return Habits(none, none, none, none, np.zeros((0, HABIT_COUNT), np.float32))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _ago(days: int) -> str:
    return {0: "within a day", 1: "1 day ago"}.get(days, f"{days} days ago")
