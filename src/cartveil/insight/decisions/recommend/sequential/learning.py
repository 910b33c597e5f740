"""From a release to a sequence recommender without a promise of privacy: an LSTM and item-kNN, pooled.

All that is chosen is chosen by guessing an item of everybody's last visit, on which nothing was trained: how item-kNN
counts, the epoch that is kept, and the weights of the two. What ships then learns from every item with those
choices, since the latest purchases are what the next list is asked after.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend.sequential.config import SequenceConfig
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories, histories_of
from cartveil.insight.decisions.recommend.sequential.leave_one_out import NextItemScorer, judge_next_item
from cartveil.insight.decisions.recommend.sequential.networks import Network
from cartveil.insight.decisions.recommend.sequential.pooling import pooled
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender
from cartveil.insight.decisions.recommend.sequential.studying import FEWEST_HISTORIES, study
from cartveil.insight.decisions.recommend.sequential.transitions import (
    Counting,
    Transitions,
    count_buyers,
    count_companions,
    count_markov,
)
from cartveil.insight.decisions.recommend.sequential.tuning import tuned_counting, tuned_weight
from cartveil.insight.decisions.recommend.training import descriptions_of
from cartveil.insight.models.card import digest_of
from cartveil.insight.models.config import written_config
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import Vocabulary, learn_vocabulary
from cartveil.insight.training.loop import Epoch

__all__ = ["FEWEST_HISTORIES", "Learned", "Parts", "chances_of", "choose", "learn_again", "train_sequence_recommender"]


def quiet(_: object) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Parts:
    """What was learned: chances of items (V,), item-kNN and the LSTM, and the weight of item-kNN in their pool."""

    popularity: Tensor
    neighbours: Transitions
    network: Network
    weight: float

    @property
    def mixture(self) -> dict[str, float]:
        """Return the weight of each part, as `SequenceRecommender` has it."""
        return {"network": 1 - self.weight, "neighbours": self.weight}

    def lstm(self, histories: ItemHistories) -> Tensor:
        """Return the LSTM's chance of every item, (n, V)."""
        return self.network.chances(histories, self.popularity)

    def knn(self, histories: ItemHistories) -> Tensor:
        """Return item-kNN's chance of every item, (n, V)."""
        return self.neighbours.chances_after(histories, self.popularity)

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return the chance of every item by both, (n, V)."""
        return pooled(self.lstm(histories), self.knn(histories), self.weight)


@dataclass(frozen=True)
class Learned:
    """What was learned from all visits but the last of each history, and what was chosen on those.

    Args:
        parts: The model.
        counting: How item-kNN counts.
        epochs: Of the LSTM's training.
        metrics: What each model reached on the last visits.
    """

    parts: Parts
    counting: Counting
    epochs: tuple[Epoch, ...]
    metrics: dict[str, Any]

    @property
    def best_epoch(self) -> int:
        """Return the number of the epoch that was kept, from 1."""
        scores = [-np.inf if epoch.score is None else epoch.score for epoch in self.epochs]
        return int(np.argmax(scores)) + 1


@dataclass(frozen=True)
class Alone:
    """One part behind the face of a scorer."""

    chances: Callable[[ItemHistories], Tensor]

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return a score for every item, (n, V)."""
        return self.chances(histories)


def train_sequence_recommender(
    events: ProtectedEvents,
    *,
    config: SequenceConfig | None = None,
    vocabulary: Vocabulary | None = None,
    on_epoch: Callable[[Epoch], None] = quiet,
    on_progress: Callable[[str], None] = quiet,
) -> SequenceRecommender:
    """Choose by guessing an item of everybody's last visit, then learn from all items.

    Args:
        events: A release with `subject`, `time` and `item`.
        config: See `SequenceConfig`.
        vocabulary: The items; the most frequent ones of the release where None.
        on_epoch: Called after every epoch.
        on_progress: Told how long it will take before it begins, and what begins.

    Raises:
        ModelError: There are too few histories to learn from, or a column is missing.
    """
    config = config or SequenceConfig()
    if "item" not in events.table.column_names:
        raise ModelError("the release has no `item` column", hint="give a column the role `item` in cartveil.toml")
    vocabulary = vocabulary or learn_vocabulary(events.table["item"], at_most=config.max_items)
    histories = histories_of(baskets_of(events.table, vocabulary))
    learned = choose(histories, config, on_epoch=on_epoch, on_progress=on_progress)
    parts = learn_again(histories, config, learned, on_progress=on_progress) if config.again else learned.parts
    data = {
        "digest": digest_of(events.table),
        "release": dict(events.release),
        "consumers": len(histories),
        "events": len(events),
    }
    return SequenceRecommender(
        vocabulary=vocabulary,
        popularity=chances_of(count_buyers(histories).counts),
        companions=None,
        network=parts.network,
        own=config.own,
        mixture=parts.mixture,
        descriptions=descriptions_of(events.table),
        card={"config": written_config(config), "data": data, **_told(learned)},
        neighbours=parts.neighbours,
    )


def choose(
    histories: ItemHistories,
    config: SequenceConfig,
    *,
    counting: Counting | None = None,
    on_epoch: Callable[[Epoch], None] = quiet,
    on_progress: Callable[[str], None] = quiet,
) -> Learned:
    """Learn from all visits but the last of each history, and choose by guessing an item of those.

    Args:
        histories: One of each consumer.
        config: See `SequenceConfig`.
        counting: How item-kNN counts, where that was chosen before, as for another seed.
        on_epoch: Called after every epoch.
        on_progress: See `train_sequence_recommender`.

    Raises:
        ModelError: There are too few histories to learn from.
    """
    past, wanted = histories.without_last(1), histories.asked_at(1)
    popularity = chances_of(count_buyers(past).counts)
    lstm = lambda network, known: network.chances(known, popularity)  # noqa: E731
    judge = lambda network: judge_next_item(Alone(partial(lstm, network)), past, wanted)["ndcg@10"]  # noqa: E731
    network, epochs = study(past, config, judge=judge, on_epoch=on_epoch, on_progress=on_progress)
    on_progress("choosing how to count and how much that weighs")
    counting = counting or tuned_counting(past, past, wanted)
    parts = Parts(popularity, count_companions(past, counting), network, 0.0)
    parts = replace(parts, weight=tuned_weight(parts.lstm, parts.knn, past, wanted))
    return Learned(parts, counting, epochs, _metrics(parts, past, wanted))


def learn_again(
    histories: ItemHistories,
    config: SequenceConfig,
    chosen: Learned,
    *,
    on_progress: Callable[[str], None] = quiet,
) -> Parts:
    """Learn from all items, in the way that was chosen.

    Args:
        histories: One of each consumer.
        config: See `SequenceConfig`.
        chosen: What `choose` returned.
        on_progress: See `train_sequence_recommender`.
    """
    config = replace(config, training=replace(config.training, epochs=chosen.best_epoch))
    network, _ = study(histories, config, on_progress=on_progress)
    popularity = chances_of(count_buyers(histories).counts)
    return Parts(popularity, count_companions(histories, chosen.counting), network, chosen.parts.weight)


def chances_of(counts: Tensor) -> Tensor:
    """Return counts as chances, (V,) float32; what is below 0 by noise counts nothing."""
    kept = counts.clamp(min=0).float()
    kept[:2] = 0
    return kept / kept.sum().clamp(min=1e-12)


def _metrics(parts: Parts, past: ItemHistories, wanted: np.ndarray) -> dict[str, Any]:
    scorers: dict[str, NextItemScorer] = {
        "recommender": parts,
        "lstm": Alone(parts.lstm),
        "item_knn": parts.neighbours,
        "markov": count_markov(past),
        "popularity": count_buyers(past),
    }
    return {name: judge_next_item(scorer, past, wanted) for name, scorer in scorers.items()}


def _told(learned: Learned) -> dict[str, Any]:
    """Return what the card says of a training."""
    baselines = dict(learned.metrics)
    return {
        "epochs": len(learned.epochs),
        "counting": written_config(learned.counting),
        "metrics": baselines.pop("recommender"),
        "baselines": baselines,
    }
