"""From a release to a sequence recommender that hardly depends on any one consumer.

Everything that is learned from the release goes through noise and into one account: which items there are (unless a
public catalogue says so), how popular each is, which go together, and the LSTM's training where it gets a share. No
epoch is chosen by a score and no score is told: that too would cost. What a consumer bought before is read where the
list is made, and costs nothing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend.sequential.companions import (
    Companions,
    NoisyCounting,
    private_companions,
    private_votes,
)
from cartveil.insight.decisions.recommend.sequential.config import PrivateSequenceConfig
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories, histories_of
from cartveil.insight.decisions.recommend.sequential.learning import chances_of
from cartveil.insight.decisions.recommend.sequential.lessons import lesson_of
from cartveil.insight.decisions.recommend.sequential.networks import Network, Shape, build, numbers_of
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender
from cartveil.insight.decisions.recommend.sequential.walks import drawn_walks, rehearse
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.privacy.accounting import noise_multiplier_for
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.randomness import Randomness
from cartveil.insight.privacy.statement import statement_of
from cartveil.insight.privacy.vocabulary import WordBudget, private_vocabulary
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary, public_vocabulary
from cartveil.insight.training.examples import Examples
from cartveil.insight.training.lessons import Lesson, losses_of
from cartveil.insight.training.loop import Epoch
from cartveil.insight.training.private import PrivateConfig, train_private

#: Weight of each part in a list, as far as it is there.
MIXTURE: Mapping[str, float] = {"network": 0.4, "companions": 0.2, "popularity": 0.4}

#: Last items of a history that a private network reads.
STEPS = 20

#: What a private model's card tells of its release; counts and a digest of it would tell of single consumers.
_TOLD = ("schema", "purpose", "recipient", "period")

#: Part of delta that finding the items may use: the threshold that a name must pass may fail.
_THRESHOLD = 0.1


@dataclass(frozen=True)
class Learner:
    """What a private learning works with: its promise, the account it writes, and where chance comes from.

    Args:
        config: The promise.
        threshold: Part of delta that finding the items may use; 0 where they are public.
        log: The account.
        random: Where chance comes from; None for the operating system.
    """

    config: PrivateSequenceConfig
    threshold: float = 0.0
    log: EventLog = field(default_factory=EventLog)
    random: Randomness | None = None

    def multiplier(self, share: float) -> float:
        """Return the noise of a part with a share of the variance budget; all parts together keep the promise."""
        return self._whole() / math.sqrt(share)

    def _whole(self) -> float:
        # Before anything is spent: noisy sums over everybody compose like one with the noise of all.
        delta = self.config.delta * (1 - self.threshold)
        return noise_multiplier_for(epsilon=self.config.epsilon, delta=delta, rate=1.0, steps=1)

    def counting(self, share: float) -> NoisyCounting:
        """Return how a part with a share counts."""
        return NoisyCounting(self.multiplier(share), self.config.at_most, self.log, self.random)

    def rest(self) -> NoisyCounting:
        """Return how the last part counts: with all that the account has left, by the accountant's own reckoning."""
        config = self.config
        multiplier = noise_multiplier_for(epsilon=config.epsilon, delta=config.delta, rate=1.0, steps=1, log=self.log)
        return NoisyCounting(multiplier, config.at_most, self.log, self.random)


@dataclass(frozen=True)
class PrivateParts:
    """What was learned privately: chances of items (V,), pairs, and a network where it had a share."""

    popularity: Tensor
    companions: Companions
    network: Network | None


def train_private_recommender(
    events: ProtectedEvents,
    *,
    config: PrivateSequenceConfig,
    catalogue: Mapping[str, str] | None = None,
    random: Randomness | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> SequenceRecommender:
    """Learn within an epsilon and delta, for one consumer more or less.

    Args:
        events: A release with `subject`, `time` and `item`.
        config: The promise, and how its budget is spent.
        catalogue: Item -> description of every item, public: known without looking at the release. None spends a part
            of the budget on finding the items that many have bought.
        random: Where chance comes from; the operating system unless a test says otherwise.
        on_epoch: Called after every epoch of the network, if it gets a share.

    Raises:
        ModelError: There is nothing to learn from, no noise is enough, or the account says more than was promised.

    Guarantees:
        - The account of everything that was learned costs at most epsilon at delta.
        - No item and no description stands in the model that is neither in the catalogue nor known to many.
        - The card holds the statement, and neither score nor count nor digest of the data: who knows everybody else
          would see one consumer in each of them. (The statement's rate tells about how many consumers there are, which
          is taken as public.) Without a digest every erasure marks the model, whether it saw the erased or not.
    """
    learner = Learner(config, _THRESHOLD if catalogue is None else 0.0, random=random)
    vocabulary = _vocabulary(events, catalogue, learner)
    histories = histories_of(baskets_of(events.table, vocabulary))
    parts = learn_privately(histories, learner, left=1.0 if catalogue else 1 - config.vocabulary, on_epoch=on_epoch)
    statement = statement_of(learner.log, delta=config.delta)
    statement.require(config.epsilon)
    return SequenceRecommender(
        vocabulary=vocabulary,
        popularity=parts.popularity,
        companions=parts.companions,
        network=parts.network,
        own=config.own,
        mixture={name: weight for name, weight in MIXTURE.items() if getattr(parts, name) is not None},
        descriptions=dict(catalogue or {}),
        card={
            "data": {"release": {name: events.release[name] for name in _TOLD if name in events.release}},
            "privacy": statement.as_dict(),
            "metrics": {},
            "baselines": {},
        },
    )


def require_noise(config: PrivateSequenceConfig, *, catalogue: bool) -> None:
    """Refuse a promise that no noise keeps; to be asked before anything is looked at or spent.

    Args:
        config: The promise.
        catalogue: Whether the items are public.

    Raises:
        InputError: Too little delta is left beside the threshold of finding the items.
        MissingExtraError: `dp-accounting` is not installed.
        ModelError: No noise is enough.
    """
    Learner(config, 0.0 if catalogue else _THRESHOLD).multiplier(1.0)


def learn_privately(
    histories: ItemHistories,
    learner: Learner,
    *,
    left: float = 1.0,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> PrivateParts:
    """Learn popularity, pairs and, with a share, a network.

    Args:
        histories: One of each consumer.
        learner: The promise and its account.
        left: Share of the budget that finding the items left.
        on_epoch: Called after every epoch of the network.
    """
    if not len(histories.items):
        raise ModelError("nothing to learn from", hint="the release holds no event of a known item")
    config = learner.config
    votes = private_votes(histories, learner.counting(left * config.popularity))
    pairs = learner.counting(left * config.companions) if config.network else learner.rest()
    shelf = shelf_of(votes, at_least=config.stands_out * pairs.multiplier, at_most=config.shelf)
    companions = private_companions(histories, shelf, reach=config.reach, counting=pairs)
    popularity = chances_of(votes)
    parts = PrivateParts(popularity, companions, None)
    return replace(parts, network=_network(histories, parts, learner, on_epoch)) if config.has_network else parts


def shelf_of(votes: Tensor, *, at_least: float, at_most: int) -> Tensor:
    """Return the ids of the items with the most votes, rising, (K,): those with enough of them, two at least."""
    known = votes[RESERVED:]
    count = min(at_most, len(known), max(2, int((known >= at_least).sum())))
    return known.topk(count).indices.sort().values + RESERVED


def _vocabulary(events: ProtectedEvents, catalogue: Mapping[str, str] | None, learner: Learner) -> Vocabulary:
    if catalogue is not None:
        return public_vocabulary(catalogue)
    config = learner.config
    budget = WordBudget(config.at_most, learner.multiplier(config.vocabulary), config.delta * _THRESHOLD)
    found = private_vocabulary(events, budget=budget, log=learner.log, random=learner.random)
    if not found.words:
        hint = "name the items with a public catalogue, or allow a larger epsilon"
        raise ModelError("no item was bought by enough consumers to be found privately", hint=hint)
    return Vocabulary(found.words)


def _network(
    histories: ItemHistories, parts: PrivateParts, learner: Learner, on_epoch: Callable[[Epoch], None]
) -> Network:
    config, shelf, seed = learner.config, parts.companions.items, learner.config.training.seed
    shape = Shape(RESERVED + len(shelf), config.hidden, 0.0, STEPS, private=True)
    model = _beginning(shape, parts, seed=seed)
    if config.walks:
        rehearse(model, drawn_walks(parts.companions, parts.popularity, config.walks, seed=seed), seed=seed)
    if config.network:
        train_private(
            model,
            losses_of,
            examples=_examples(histories, shelf),
            privacy=PrivateConfig(config.epsilon, config.delta, batch=config.batch, automatic=True),
            config=config.training,
            log=learner.log,
            random=learner.random,
            on_epoch=on_epoch,
        )
    return Network(shape, model.eval(), shelf)


def _beginning(shape: Shape, parts: PrivateParts, *, seed: int) -> NextItem:
    """Return a network that begins as popularity, which was paid for already, and learns what differs from it."""
    torch.manual_seed(seed)
    model = build(shape)
    if not isinstance(model, NextItem) or model.head.bias is None:
        raise ModelError("a private network needs a softmax with a bias")
    with torch.no_grad():
        model.head.weight.mul_(0.3)
        model.head.bias[RESERVED:] = parts.popularity[parts.companions.items].clamp(min=1e-7).log()
        model.head.bias[:RESERVED] = -20.0
    return model


def _examples(histories: ItemHistories, shelf: Tensor) -> Examples:
    numbers = numbers_of(shelf, histories.item_count)
    ids = numbers[histories.padded(STEPS + 1)]
    lengths = np.minimum(histories.lengths, STEPS + 1)

    def part(rows: np.ndarray) -> Lesson:
        lesson = lesson_of(ids[rows], lengths[rows])
        # The mean over a history, or who buys much would be asked more than who buys little.
        share = lesson.weights / lesson.weights.sum(1, keepdim=True).clamp(min=1)
        return replace(lesson, weights=share)

    return Examples(np.arange(len(histories)), part, lengths)
