"""From a release to a recommender: choose cutoffs, gather occasions, train, then count anew up to the last day."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend.config import RecommenderConfig
from cartveil.insight.decisions.recommend.counts import (
    RECENT_DAYS,
    Scorer,
    count_neighbours,
    count_personal_popularity,
    count_popularity,
)
from cartveil.insight.decisions.recommend.evaluate import evaluate_at
from cartveil.insight.decisions.recommend.measures import judged, summary
from cartveil.insight.decisions.recommend.periods import Span, span_of, training_samples, without_strays
from cartveil.insight.decisions.recommend.recommender import Recommender, network
from cartveil.insight.decisions.recommend.samples import (
    Facts,
    Sample,
    facts_at,
    mixed_batches,
    ordered_batches,
    sample_of,
)
from cartveil.insight.decisions.recommend.times import day_of, moment_of
from cartveil.insight.models.card import digest_of
from cartveil.insight.models.heads import BASKET, NEVER, NextBasket, NextBasketBatch
from cartveil.insight.sequences.baskets import Baskets, baskets_of, days_of
from cartveil.insight.sequences.clock import STRAYS
from cartveil.insight.sequences.habits import buyers_of
from cartveil.insight.sequences.occasions import Occasions, occasions_with_target
from cartveil.insight.sequences.vocabulary import Vocabulary, learn_vocabulary
from cartveil.insight.training.loop import Epoch, fit

#: Fewer training occasions than this teach a network nothing; counts decide then.
FEWEST_OCCASIONS = 200

#: By how much the scores of what was bought before may be lifted against the rest once training has ended.
_LIFTS = tuple(tenth / 10 for tenth in range(11))

#: A large basket weighs more than a small one, but not without bound.
_LARGEST_BASKET = 20.0


def quiet(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Told:
    """Whom to tell about a training: after every epoch, and in a line before it starts."""

    on_epoch: Callable[[Epoch], None]
    on_progress: Callable[[str], None]


def train_recommender(
    events: ProtectedEvents,
    *,
    config: RecommenderConfig | None = None,
    held_out_from: datetime | None = None,
    until: datetime | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = quiet,
) -> Recommender:
    """Train on first baskets after many cutoffs, keep the epoch that guesses the held-out period best.

    Args:
        events: A release with `subject`, `time` and `item`, best with `order` and `description`.
        config: See `RecommenderConfig`.
        held_out_from: Start of the validation period; None for the last horizon before `until`.
        until: Events of this moment or later are not looked at; None to use all but those that a wrong clock dated far
            ahead, which are counted in the card.
        on_epoch: Called after every epoch.
        on_progress: Called with a line about how long training will take, before it starts.

    Returns:
        A recommender whose weights come from targets before `held_out_from`, and whose counts reach up to `until`.
        With too few occasions, or all at one time, it has no network, and counts decide.

    Raises:
        ModelError: There is no event to learn from, or a column is missing.
    """
    config = config or RecommenderConfig()
    table, strays = without_strays(events_before(events.table, until))
    if strays:
        on_progress(f"{strays:,} {STRAYS}")
    vocabulary = learn_vocabulary(table["item"], at_most=config.max_items)
    baskets = baskets_of(table, vocabulary)
    span = span_of(baskets, config, held_out_from, until)
    model, history, metrics = _trained(baskets, vocabulary, span, config, Told(on_epoch, on_progress))
    facts = facts_at(baskets, span.end, ridge=config.ridge)
    # As saved: half precision. A loaded recommender must give the same list.
    facts = Facts(facts.trends, facts.weights.half().float())
    return Recommender(
        config=config,
        vocabulary=vocabulary,
        descriptions=descriptions_of(table),
        as_of=span.end,
        facts=facts,
        recent=torch.from_numpy(buyers_of(baskets, span.end, window=RECENT_DAYS)).float(),
        model=model,
        card=_card(_data(events, baskets, strays), span, history, metrics),
    )


def events_before(table: pa.Table, until: datetime | None) -> pa.Table:
    """Return the events before a moment, or all; `ModelError` where a column is missing, or no event is left."""
    for name in ("subject", "time", "item"):
        if name not in table.column_names:
            hint = f"give a column the role `{name}` in cartveil.toml, and export again"
            raise ModelError(f"the release has no `{name}` column", hint=hint)
    if until is not None:
        table = table.filter(pa.array(days_of(table["time"]) < day_of(until)))
    if not len(table):
        raise ModelError("nothing to learn from", hint="the release holds no event in this period")
    return table


def _trained(
    baskets: Baskets,
    vocabulary: Vocabulary,
    span: Span,
    config: RecommenderConfig,
    told: Told,
) -> tuple[NextBasket | None, tuple[Epoch, ...], dict[str, Any]]:
    samples = training_samples(baskets, span, config)
    held_out = occasions_with_target(baskets, span.held_out, horizon=span.end - span.held_out)
    if sum(len(sample) for sample in samples) < FEWEST_OCCASIONS or not len(held_out):
        return None, (), {}
    facts = facts_at(baskets, span.held_out, ridge=config.ridge)
    check = sample_of(baskets, held_out, facts, steps=config.steps, width=config.width)
    torch.manual_seed(config.training.seed)
    model = network(config, vocabulary)
    model.standardise(*_mean_and_spread([sample.habits.features for sample in samples]))
    unseen = _unseen(baskets, span.held_out)
    steps = -(-sum(len(sample) for sample in samples) // config.batch)
    seconds = _seconds_of_a_step(model, samples, config) * steps * config.training.epochs
    told.on_progress(f"training takes about {max(seconds, 1):,.0f} seconds: {config.training.epochs} epochs")
    history = fit(
        model,
        lambda net, batch: _loss(net, batch, config.new_weight),
        batches=lambda generator: mixed_batches(samples, config.batch, generator),
        steps=steps,
        validate=lambda net: _both(_validated(net, check, unseen)),
        config=config.training,
        on_epoch=told.on_epoch,
    )
    if not config.sequence_only:
        _lift(model, check)
    metrics = {"recommender": _validated(model, check, unseen), **_baselines(baskets, vocabulary, held_out)}
    return model, history, metrics


def _seconds_of_a_step(model: NextBasket, samples: list[Sample], config: RecommenderConfig) -> float:
    """Time one step on the largest sample; in evaluation mode, so that nothing is drawn and no weight moves."""
    largest = max(samples, key=len)
    model.eval()
    started = time.perf_counter()
    batch = next(mixed_batches([largest], config.batch, np.random.default_rng(0)))
    _loss(model, batch, config.new_weight).backward()  # type: ignore[no-untyped-call]
    model.zero_grad(set_to_none=True)
    model.train()
    return time.perf_counter() - started


def _mean_and_spread(features: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each column over all parts, without joining them."""
    count = sum(len(part) for part in features)
    mean = sum(part.sum(0, dtype=np.float64) for part in features) / max(count, 1)
    square = sum(((part - mean.astype(np.float32)) ** 2).sum(0, dtype=np.float64) for part in features)
    return torch.from_numpy(mean), torch.from_numpy(np.sqrt(square / max(count, 1)))


def _loss(model: NextBasket, batch: NextBasketBatch, new_weight: float) -> Tensor:
    both, fresh = model(batch)
    bought = batch.bought
    return _cross_entropy(both, batch.target) + new_weight * _cross_entropy(
        fresh.masked_fill(bought, NEVER), batch.target * ~bought
    )


def _cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    """Return the mean over baskets of the mean over their items, baskets weighted by the root of their size."""
    wanted = target.sum(1)  # (B,)
    loss = -(F.log_softmax(scores, dim=1) * target).sum(1) / wanted.clamp(min=1)
    weight = wanted.clamp(max=_LARGEST_BASKET).sqrt()
    return (loss * weight).sum() / weight.sum().clamp(min=1)


def _validated(model: NextBasket, check: Sample, unseen: Tensor) -> dict[str, Any]:
    with torch.no_grad():
        # An item that training never met keeps no random embedding: only counts speak for it.
        model.encoder.embeddings[BASKET].weight[unseen] = 0  # type: ignore[operator]
        rows = [judged(model(batch)[0], batch.target, batch.bought) for batch in ordered_batches(check, 256)]
    return summary(torch.cat([row[0] for row in rows]), torch.cat([row[1] for row in rows]))


def _lift(model: NextBasket, check: Sample) -> None:
    """Lift what was bought before by what serves lists of ten best on the held-out period.

    The loss weighs every place of a list alike; the first ten, which are judged, are where repeats stand.
    """
    sums = torch.zeros(len(_LIFTS))
    with torch.no_grad():
        for batch in ordered_batches(check, 256):
            scores, bought = model(batch)[0], batch.bought
            each = [judged(scores + lift * bought, batch.target, bought)[0][:, 0].sum() for lift in _LIFTS]
            sums += torch.stack(each)
    model.lift(_LIFTS[int(sums.argmax())])


def _both(metrics: Mapping[str, Any]) -> float:
    return float(metrics["all"]["ndcg@10"] + metrics["new"]["ndcg@10"])


def _baselines(baskets: Baskets, vocabulary: Vocabulary, held_out: Occasions) -> dict[str, Any]:
    makers: dict[str, Callable[..., Scorer]] = {
        "popularity": count_popularity,
        "personal_popularity": count_personal_popularity,
        "item_knn": count_neighbours,
    }
    found = {
        name: evaluate_at(make(baskets, vocabulary, until=held_out.cutoff), baskets, held_out)
        for name, make in makers.items()
    }
    return {name: {part: metrics[part] for part in ("all", "new")} for name, metrics in found.items()}


def _unseen(baskets: Baskets, until: float) -> Tensor:
    seen = baskets.items[baskets.day[baskets.basket_of_entry] < until]
    return torch.from_numpy(np.bincount(seen, minlength=baskets.item_count) == 0)


def descriptions_of(table: pa.Table) -> dict[str, str]:
    """Return the most frequent description of each item; of none where the release has no such column."""
    if "description" not in table.column_names:
        return {}
    known = pc.and_(pc.is_valid(table["item"]), pc.is_valid(table["description"]))
    named = table.select(["item", "description"]).filter(known)
    counts = named.group_by(["item", "description"]).aggregate([([], "count_all")])
    counts = counts.sort_by([("count_all", "ascending"), ("description", "descending")])
    return dict(zip(counts["item"].to_pylist(), counts["description"].to_pylist(), strict=True))


def _data(events: ProtectedEvents, baskets: Baskets, strays: int) -> dict[str, Any]:
    return {
        "digest": digest_of(events.table),
        "release": dict(events.release),
        "consumers": baskets.consumers,
        "events": len(events),
        "set_aside": strays,
        "baskets": len(baskets),
    }


def _card(data: dict[str, Any], span: Span, history: tuple[Epoch, ...], metrics: Mapping[str, Any]) -> dict[str, Any]:
    ours = dict(metrics)
    return {
        "data": data,
        "trained_before": moment_of(span.held_out),
        "counted_before": moment_of(span.end),
        "scores_by": "network" if history else "counts",
        "epochs": len(history),
        "seconds_per_epoch": sum(epoch.seconds for epoch in history) / max(len(history), 1),
        "metrics": ours.pop("recommender", {}),
        "baselines": ours,
    }
