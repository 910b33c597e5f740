"""Why a sequence recommender thinks of an item: what each event of the consumer's history added.

Where it has a network, its score is shared out by integrated gradients. Where pairs of items were counted instead, each
event's share of the sum is known exactly.

    for event in explain_next_item(recommender, events.of(pseudonym), item).events:
        print(event.item, event.adds)
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.explain.attribution import Attribution, attribute
from cartveil.insight.decisions.explain.counterexamples import CounterExample, counter_examples
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories, histories_of
from cartveil.insight.decisions.recommend.sequential.lessons import inputs_of
from cartveil.insight.decisions.recommend.sequential.networks import Network, numbers_of
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary


@dataclass(frozen=True)
class EventReason:
    """What one event of the history added to the score of the item."""

    item: str
    time: datetime
    adds: float


@dataclass(frozen=True)
class Contrary:
    """A moment of the same history that looked like the present one, after which something else was bought."""

    time: datetime
    likeness: float
    bought: str


@dataclass(frozen=True)
class Explanation:
    """Why the model scores an item as it does.

    Args:
        item: The item.
        part: The part of the model that was asked, `network` or `pairs`.
        score: Of the network, how far the item's score stands above the mean score of all items, in nats; of pairs, how
            strongly the history goes with the item.
        baseline: The same after as many empty events.
        events: What each event that was read added, oldest first.
        left_over: What the numerical integration gave to no event; score = baseline + events + left_over.
        contrary: Moments of the same past that speak against it, the most alike first; pairs know none.
    """

    item: str
    part: str
    score: float
    baseline: float
    events: tuple[EventReason, ...]
    left_over: float
    contrary: tuple[Contrary, ...]


@dataclass(frozen=True)
class Question:
    """One history and one item, as the network knows them.

    Args:
        model: The network, in evaluation mode.
        batch: The history (1, T).
        number: The model's own id of the item.
        embedded: What stands for each event, (1, T, W).
        states: Embedded histories (B, T, W) -> what the model makes of them after each step, (B, T, H).
        scores: States (B, H) -> scores of all the model's ids, (B, K).
    """

    model: torch.nn.Module
    batch: Batch
    number: int
    embedded: Tensor
    states: Callable[[Tensor], Tensor]
    scores: Callable[[Tensor], Tensor]

    def scored(self, embedded: Tensor) -> Tensor:
        """Return how far the item stands above the mean of all items, (B,)."""
        return self._above(self.scores(self.states(embedded)[:, -1]))

    def score_of(self, batch: Batch) -> Tensor:
        """Return the same for histories as they are, (B,); what `deletion_test` asks."""
        return self._above(self.model.scores(batch))  # type: ignore[operator]

    def _above(self, scores: Tensor) -> Tensor:
        return scores[:, self.number] - scores[:, RESERVED:].mean(1)


def explain_next_item(
    recommender: SequenceRecommender, events: pa.Table, item: str, *, at_most: int = 3
) -> Explanation:
    """Explain what the model makes of an item after a consumer's history.

    Args:
        recommender: One with a network, or with counted pairs.
        events: The consumer's events, in the columns of `ProtectedEvents`.
        item: Any item that the model knows.
        at_most: How many contrary moments.

    Raises:
        ModelError: Nothing but popularity in the model, an item that it does not know, no known event, or events of
            several consumers.
        MissingExtraError: Captum is not installed.
    """
    if recommender.network is None:
        return _of_pairs(recommender, events, item)
    past = _history(recommender.vocabulary, events, steps=recommender.network.shape.steps)
    question = ask(recommender, past[0], item)
    found = attribute(question.embedded, question.scored)
    with torch.no_grad():
        states = question.states(question.embedded)[0]  # (T, H)
    (ids,) = question.batch.categorical.values()
    against = counter_examples(states, ids[0, 1:], question.number, at_most=at_most)
    return _told(item, ("network", found), past, recommender.vocabulary, against)


def _of_pairs(recommender: SequenceRecommender, events: pa.Table, item: str) -> Explanation:
    companions = recommender.companions
    if companions is None:
        hint = "its lists are the consumer's own past and what is popular"
        raise ModelError("the model has nothing to explain but popularity", hint=hint)
    past = _history(recommender.vocabulary, events, steps=companions.latest)
    history, place = past[0], torch.nonzero(companions.items == _whole(recommender.vocabulary, item)).flatten()
    if not len(place):
        raise ModelError(f"no pair with `{item}` was counted: it stands too low in popularity", hint="take another")
    pairs = torch.zeros(history.item_count)
    pairs[companions.items] = companions.weights[:, place[0]]
    age = np.arange(len(history.items))[::-1]
    values = companions.memory**age * pairs.numpy()[history.items].astype(np.float64)  # (T,)
    found = Attribution(values, float(companions.scores_after(history)[0, companions.items[place[0]]]), 0.0)
    return _told(item, ("pairs", found), past, recommender.vocabulary, [])


def ask(recommender: SequenceRecommender, history: ItemHistories, item: str) -> Question:
    """Return a history of one consumer and an item as the network knows them; errors as of `explain_next_item`."""
    network = _network(recommender)
    number = _number(network, recommender.vocabulary, item)
    numbers = None if network.shelf is None else numbers_of(network.shelf, recommender.vocabulary.size)
    batch = inputs_of(history, network.shape.steps, numbers=numbers)
    model = network.model.eval()
    with torch.no_grad():
        if isinstance(model, NextItem):
            encoder, head = model.encoder, model.head
            embedded = encoder.embed(batch)
            return Question(model, batch, number, embedded, lambda e: encoder.read(e, _full(e))[0], head.scores)
        items = model.item_directions()
        real = torch.ones(1, 1, dtype=torch.bool)
        embedded = model.embed(batch)
        states = lambda e: model.queries(e, real.expand(e.shape[:2]))  # noqa: E731 - the twin of the one above
        return Question(model, batch, number, embedded, states, lambda queries: queries @ items.T)


def _full(embedded: Tensor) -> Tensor:
    return torch.full((len(embedded),), embedded.shape[1])


def _network(recommender: SequenceRecommender) -> Network:
    if recommender.network is None:
        raise ModelError("the recommender has no network", hint="`explain_next_item` explains what it has instead")
    return recommender.network


def _history(vocabulary: Vocabulary, events: pa.Table, *, steps: int) -> tuple[ItemHistories, np.ndarray]:
    baskets = baskets_of(events, vocabulary)
    if baskets.consumers > 1:
        raise ModelError("events of several consumers", hint="pass those of one: `events.of(pseudonym)`")
    if not len(baskets.items):
        raise ModelError("the history holds no item that the model knows", hint="there is nothing to explain")
    return histories_of(baskets).latest(steps), baskets.day[baskets.basket_of_entry][-steps:]


def _number(network: Network, vocabulary: Vocabulary, item: str) -> int:
    whole = _whole(vocabulary, item)
    if network.shelf is None:
        return whole
    place = torch.nonzero(network.shelf == whole).flatten()
    if not len(place):
        raise ModelError(f"the network does not know `{item}`: it stands too low in popularity", hint="take another")
    return int(place[0]) + RESERVED


def _whole(vocabulary: Vocabulary, item: str) -> int:
    if item not in vocabulary.words:
        raise ModelError(f"no item `{item}` in the model's vocabulary", hint="`cartveil recommend` lists known ones")
    return vocabulary.words.index(item) + RESERVED


def _told(
    item: str,
    part: tuple[str, Attribution],
    past: tuple[ItemHistories, np.ndarray],
    vocabulary: Vocabulary,
    against: list[CounterExample],
) -> Explanation:
    (history, days), (asked, found) = past, part
    words = [vocabulary.word(int(number)) for number in history.items]
    times = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(day)) for day in days]
    reasons = tuple(EventReason(*each) for each in zip(words, times, found.values.tolist(), strict=True))
    contrary = tuple(Contrary(times[each.step], each.likeness, words[each.step + 1]) for each in against)
    return Explanation(item, asked, found.score, found.baseline, reasons, found.left_over, contrary)
