"""The protocol of the next basket: train, choose and test on three periods, beside the counts, in one call.

Weights are learned from targets before the held-out period and chosen on it; counts reach up to the test period; each
consumer's first basket from then on is guessed once. What was bought before stays in the list.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import InputError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.measures import Evaluation, Figure, Interval, bootstrap, evaluation_of
from cartveil.insight.decisions.recommend.config import RecommenderConfig
from cartveil.insight.decisions.recommend.counts import (
    Scorer,
    count_neighbours,
    count_personal_popularity,
    count_popularity,
)
from cartveil.insight.decisions.recommend.evaluate import judge
from cartveil.insight.decisions.recommend.measures import summary_by_row
from cartveil.insight.decisions.recommend.periods import without_strays
from cartveil.insight.decisions.recommend.recommender import Recommender
from cartveil.insight.decisions.recommend.times import day_of, moment_of
from cartveil.insight.decisions.recommend.training import descriptions_of, events_before, quiet, train_recommender
from cartveil.insight.decisions.recommend.unseen import judge_unseen, shelf_of_unseen
from cartveil.insight.sequences.baskets import Baskets, baskets_of, days_of
from cartveil.insight.sequences.clock import STRAYS
from cartveil.insight.sequences.occasions import Occasions, occasions_with_target
from cartveil.insight.sequences.vocabulary import Vocabulary, learn_vocabulary

#: Baskets before the test period, as they are grouped in the picture: from so many on.
_GROUPS = (1, 2, 3, 5, 8, 13)

_MEASURES = ("all.ndcg@10", "all.recall@10", "new.ndcg@10", "new.recall@10")


@dataclass(frozen=True)
class NextBasketProtocol:
    """Which days part the periods, and how the model is made.

    Args:
        test_from: First moment of the test period; None for the last horizon of the release.
        held_out_from: First moment of the period that weights are chosen on; None for one horizon before the test.
        config: See `RecommenderConfig`.
    """

    test_from: datetime | None = None
    held_out_from: datetime | None = None
    config: RecommenderConfig = field(default_factory=RecommenderConfig)


@dataclass(frozen=True)
class _Test:
    """What is asked: the events before the test period are `past`."""

    events: ProtectedEvents
    past: pa.Table
    vocabulary: Vocabulary
    baskets: Baskets
    occasions: Occasions
    since: float

    @property
    def earlier(self) -> NDArray[np.int64]:
        """Return how many baskets each consumer had before, (n,)."""
        return np.asarray(self.occasions.end - self.occasions.start)


def evaluate_next_basket(
    events: ProtectedEvents,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    protocol: NextBasketProtocol | None = None,
    on_progress: Callable[[str], None] = quiet,
) -> Evaluation:
    """Guess each consumer's first basket of the test period, given what they bought before.

    Args:
        events: A release with `subject`, `time` and `item`, best with `order` and `description`.
        seeds: One training each of the recommender and of its LSTM alone.
        protocol: See `NextBasketProtocol`.
        on_progress: Called with a line about what is done.

    Returns:
        `recommender` is what ships; `lstm` its LSTM path alone; `counts` what ships where there is too little to train
        a network; `personal_popularity`, `item_knn` and `popularity` are counts. Each has `all` and `new`, and
        `one_basket` for those with one basket before. `unseen` of the recommender ranks what nobody had bought yet, by
        name, beside `chance`.

    Raises:
        InputError: No seed.
        ModelError: Nothing to learn from, or nobody to score.
    """
    if not len(seeds):
        raise InputError("needs a seed at least", path="seeds", hint="three are usual")
    table, strays = without_strays(events_before(events.table, None))
    if strays:
        on_progress(f"{strays:,} {STRAYS}")
        events = replace(events, table=table)
    protocol = _dated(events, protocol or NextBasketProtocol())
    test = _test(events, protocol)
    rows: dict[str, list[Tensor]] = {name: [judge(made, *_asked(test))] for name, made in _counting(test).items()}
    unseen, seconds = list[tuple[Tensor, Tensor]](), list[float]()
    for number, seed in enumerate(seeds, start=1):
        on_progress(f"training {number} of {len(seeds)}, seed {seed}")
        started = time.perf_counter()
        recommender = _trained(events, protocol, protocol.config, seed, on_progress)
        seconds.append(time.perf_counter() - started)
        rows.setdefault("recommender", []).append(judge(recommender, *_asked(test)))
        unseen.append(_unseen(recommender, test))
        counting = replace(recommender, model=None)
        on_progress(f"training {number} of {len(seeds)}, seed {seed}: the LSTM alone")
        alone = _trained(events, protocol, lstm_alone(protocol.config), seed, on_progress)
        rows.setdefault("lstm", []).append(judge(alone, *_asked(test)))
    rows["counts"] = [judge(counting, *_asked(test))]
    how = {"seeds": list(seeds), "set_aside": strays, "seconds": float(np.mean(seconds))}
    return _evaluation(rows, unseen, test, protocol, how)


def lstm_alone(config: RecommenderConfig) -> RecommenderConfig:
    """Return the configuration of the LSTM path alone, which needs more passes than the whole model."""
    training = replace(config.training, epochs=4 * config.training.epochs, learning_rate=4e-3, rates=())
    return replace(config, sequence_only=True, training=training)


def _dated(events: ProtectedEvents, protocol: NextBasketProtocol) -> NextBasketProtocol:
    days = days_of(events.table["time"])
    first, end = float(days.min()), float(days.max()) + 1e-6
    horizon = min(protocol.config.horizon, (end - first) / 6)
    since = protocol.test_from or _moment(end - horizon)
    return replace(protocol, test_from=since, held_out_from=protocol.held_out_from or _moment(day_of(since) - horizon))


def _moment(day: float) -> datetime:
    return datetime.fromtimestamp(day * 86_400, UTC)


def _test(events: ProtectedEvents, protocol: NextBasketProtocol) -> _Test:
    past = events_before(events.table, protocol.test_from)
    vocabulary = learn_vocabulary(past["item"], at_most=protocol.config.max_items)
    baskets, since = baskets_of(events.table, vocabulary), day_of(protocol.test_from or datetime.max)
    return _Test(events, past, vocabulary, baskets, occasions_with_target(baskets, since, horizon=np.inf), since)


def _asked(test: _Test) -> tuple[Baskets, Occasions]:
    return test.baskets, test.occasions


def _counting(test: _Test) -> Mapping[str, Scorer]:
    baskets = baskets_of(test.past, test.vocabulary)
    return {
        "personal_popularity": count_personal_popularity(baskets, test.vocabulary, until=test.since),
        "item_knn": count_neighbours(baskets, test.vocabulary, until=test.since),
        "popularity": count_popularity(baskets, test.vocabulary, until=test.since),
    }


def _trained(
    events: ProtectedEvents,
    protocol: NextBasketProtocol,
    config: RecommenderConfig,
    seed: int,
    on_progress: Callable[[str], None],
) -> Recommender:
    return train_recommender(
        events,
        config=replace(config, training=replace(config.training, seed=seed)),
        held_out_from=protocol.held_out_from,
        until=protocol.test_from,
        on_progress=on_progress,
    )


def _unseen(recommender: Recommender, test: _Test) -> tuple[Tensor, Tensor]:
    names = {**descriptions_of(test.events.table), **recommender.descriptions}
    shelf = shelf_of_unseen(recommender, test.events.table, names)
    return judge_unseen(recommender, test.events.table, shelf, since=test.since, horizon=np.inf)


def _evaluation(
    rows: Mapping[str, list[Tensor]],
    unseen: Sequence[tuple[Tensor, Tensor]],
    test: _Test,
    protocol: NextBasketProtocol,
    how: dict[str, Any],
) -> Evaluation:
    alone = torch.from_numpy(test.earlier == 1)
    runs = {name: [_figures(each, alone) for each in found] for name, found in rows.items()}
    if len(unseen[0][0]):
        for run, (by_name, _) in zip(runs["recommender"], unseen, strict=True):
            run["unseen"] = _named(by_name)
        runs["chance"] = [{"unseen": _named(unseen[0][1])}]
    seconds = how.pop("seconds")
    return evaluation_of(
        "next_basket",
        "recommender",
        runs,
        intervals={name: _intervals(found) for name, found in rows.items()},
        protocol={
            "held_out_from": moment_of(day_of(protocol.held_out_from or datetime.max)),
            "test_from": moment_of(test.since),
            "consumers": len(test.occasions),
            "with_one_basket": int(alone.sum()),
            "with_unseen_items": len(unseen[0][0]),
            "items": len(test.vocabulary.words),
            **how,
        },
        curves=(_by_past(rows, test),),
        seconds=seconds,
    )


def _figures(rows: Tensor, alone: Tensor) -> dict[str, Any]:
    found: dict[str, Any] = dict(summary_by_row(rows))
    return {**found, "one_basket": summary_by_row(rows[alone])["all"]}


def _named(rows: Tensor) -> dict[str, float]:
    ndcg, recall = rows.mean(0).tolist()
    return {"recall@10": recall, "ndcg@10": ndcg}


def _intervals(runs: list[Tensor]) -> dict[str, Interval]:
    """Return where each measure lies, over consumers; a consumer's value is the mean over the seeds."""
    columns = torch.stack(runs).mean(0).double().numpy()  # (n, 4)
    return {
        name: _interval(column[~np.isnan(column)])
        for name, column in zip(_MEASURES, columns.T, strict=True)
        if not np.isnan(column).all()
    }


def _interval(values: NDArray[np.float64]) -> Interval:
    return bootstrap(len(values), lambda chosen: float(values[chosen].mean()))


def _by_past(rows: Mapping[str, list[Tensor]], test: _Test) -> Figure:
    """Draw how good the lists are by how much was known of the consumer: the left end is the cold start."""
    group = np.searchsorted(_GROUPS, test.earlier, side="right") - 1
    lines = {}
    for name, runs in rows.items():
        ndcg = torch.stack(runs).mean(0)[:, 0].numpy()
        lines[name] = tuple((float(_GROUPS[at]), float(ndcg[group == at].mean())) for at in np.unique(group))
    return Figure("NDCG@10, all items, by baskets before", "baskets before, at least", "NDCG@10", lines)
