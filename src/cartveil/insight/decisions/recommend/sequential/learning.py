"""From a release to a sequence recommender without a promise of privacy: the epoch that guesses best is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend.sequential.config import SequenceConfig
from cartveil.insight.decisions.recommend.sequential.cosine import CosineNextItem
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories, histories_of
from cartveil.insight.decisions.recommend.sequential.leave_one_out import NextItemScorer, evaluate_next_item
from cartveil.insight.decisions.recommend.sequential.lessons import lesson_of, shuffled_rows, steps_of
from cartveil.insight.decisions.recommend.sequential.networks import Network, Shape, build
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender
from cartveil.insight.decisions.recommend.sequential.transitions import (
    count_buyers,
    count_companions,
    count_followers,
)
from cartveil.insight.decisions.recommend.training import descriptions_of
from cartveil.insight.models.card import digest_of
from cartveil.insight.models.config import written_config
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import Vocabulary, learn_vocabulary
from cartveil.insight.training.lessons import Lesson
from cartveil.insight.training.loop import Epoch, fit

#: Fewer histories of two items and more teach a network nothing.
FEWEST_HISTORIES = 50


@dataclass(frozen=True)
class Learned:
    """A network, how it was trained, and what it reached on the items held out; empty where none were."""

    network: Network
    epochs: tuple[Epoch, ...]
    metrics: dict[str, Any]


def train_sequence_recommender(
    events: ProtectedEvents,
    *,
    config: SequenceConfig | None = None,
    vocabulary: Vocabulary | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> SequenceRecommender:
    """Train on every item of a history but the last, keep the epoch that guesses the last one best.

    Args:
        events: A release with `subject`, `time` and `item`.
        config: See `SequenceConfig`.
        vocabulary: The items; the most frequent ones of the release where None.
        on_epoch: Called after every epoch.

    Raises:
        ModelError: There are too few histories to learn from, or a column is missing.
    """
    config = config or SequenceConfig()
    if "item" not in events.table.column_names:
        raise ModelError("the release has no `item` column", hint="give a column the role `item` in cartveil.toml")
    vocabulary = vocabulary or learn_vocabulary(events.table["item"], at_most=config.max_items)
    histories = histories_of(baskets_of(events.table, vocabulary))
    learned = learn(histories, config, held_out=True, on_epoch=on_epoch)
    return SequenceRecommender(
        vocabulary=vocabulary,
        popularity=chances_of(count_buyers(histories).counts),
        companions=None,
        network=learned.network,
        own=config.own,
        mixture={"network": 1.0},
        descriptions=descriptions_of(events.table),
        card={
            "config": written_config(config),
            "data": {
                "digest": digest_of(events.table),
                "release": dict(events.release),
                "consumers": len(histories),
                "events": len(events),
            },
            "epochs": len(learned.epochs),
            "metrics": learned.metrics.pop("lstm", {}),
            "baselines": learned.metrics,
        },
    )


def learn(
    histories: ItemHistories,
    config: SequenceConfig,
    *,
    held_out: bool,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Learned:
    """Train the network.

    Args:
        histories: One of each consumer.
        config: See `SequenceConfig`.
        held_out: Keep the last item of every history for choosing the epoch; else train on it, and keep the last epoch.
        on_epoch: Called after every epoch.
    """
    past = histories.without_last(1) if held_out else histories
    rows = past.part(np.flatnonzero(past.lengths > 1))
    if len(rows) < FEWEST_HISTORIES:
        raise ModelError("too few histories to learn from", hint=f"{FEWEST_HISTORIES} of three items are the least")
    shape = Shape(histories.item_count, config.hidden, config.dropout, config.steps, private=False)
    torch.manual_seed(config.training.seed)
    model = build(shape)
    network = Network(shape, model)
    asked = histories.part(np.flatnonzero(histories.lengths > 1))
    check = (asked.without_last(1), asked.item_at(1))
    padded, lengths = rows.padded(config.steps + 1), np.minimum(rows.lengths, config.steps + 1)
    popularity = chances_of(count_buyers(past).counts)
    epochs = fit(
        model,
        _mean_loss,
        batches=lambda generator: (
            lesson_of(padded[part], lengths[part]) for part in shuffled_rows(lengths, config.batch, generator)
        ),
        steps=steps_of(len(rows), config.batch),
        validate=(lambda _: evaluate_next_item(_Chances(network, popularity), *check)["ndcg@10"]) if held_out else None,
        config=config.training,
        on_epoch=on_epoch,
    )
    return Learned(network, epochs, _metrics(network, past, popularity, check) if held_out else {})


def chances_of(counts: Tensor) -> Tensor:
    """Return counts as chances, (V,) float32; what is below 0 by noise counts nothing."""
    kept = counts.clamp(min=0).float()
    kept[:2] = 0
    return kept / kept.sum().clamp(min=1e-12)


@dataclass(frozen=True)
class _Chances:
    network: Network
    popularity: Tensor

    def scores_after(self, histories: ItemHistories) -> Tensor:
        return self.network.chances(histories, self.popularity)


def _metrics(
    network: Network, past: ItemHistories, popularity: Tensor, check: tuple[ItemHistories, np.ndarray]
) -> dict[str, Any]:
    scorers: dict[str, NextItemScorer] = {
        "lstm": _Chances(network, popularity),
        "popularity": count_buyers(past),
        "markov": count_followers(past),
        "item_knn": count_companions(past),
    }
    return {name: evaluate_next_item(scorer, *check) for name, scorer in scorers.items()}


def _mean_loss(model: CosineNextItem | NextItem, lesson: Lesson) -> Tensor:
    return model.losses(lesson.batch, lesson.targets, lesson.weights).sum() / lesson.weights.sum().clamp(min=1)
