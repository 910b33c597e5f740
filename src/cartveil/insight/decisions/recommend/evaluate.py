"""How well a scorer guesses the first basket after a day, over all consumers who have a past."""

from datetime import datetime
from typing import Any

import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend.counts import DatedScorer, Scorer, bought_by
from cartveil.insight.decisions.recommend.measures import judged_by_row, summary_by_row
from cartveil.insight.decisions.recommend.samples import targets_of
from cartveil.insight.decisions.recommend.times import day_of, moment_of
from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.occasions import Occasions, occasions_with_target


def evaluate(
    scorer: DatedScorer, events: ProtectedEvents, *, since: datetime, until: datetime | None = None
) -> dict[str, Any]:
    """Score each consumer's first basket from `since` on, given what they bought before.

    Args:
        scorer: A recommender or a baseline, made from what lies before `since`.
        events: History and targets.
        since: First moment of the test period.
        until: End of the test period, excluded; None for all there is.

    Returns:
        `all` and `new`, each with `recall@10` and `ndcg@10`, and `consumers`, how many were scored.

    Raises:
        ModelError: The scorer has seen the test period, or nobody has both a past and a basket in it.
    """
    start = day_of(since)
    if scorer.as_of > start:
        hint = f"train it with `until={since:%Y-%m-%d}`, or test it on what follows"
        raise ModelError(f"made from events up to {moment_of(scorer.as_of)}, which the test asks for", hint=hint)
    baskets = baskets_of(events.table, scorer.vocabulary)
    horizon = float("inf") if until is None else day_of(until) - start
    return evaluate_at(scorer, baskets, occasions_with_target(baskets, start, horizon=horizon))


def evaluate_at(scorer: Scorer, baskets: Baskets, occasions: Occasions, *, at_once: int = 256) -> dict[str, Any]:
    """Score the target baskets of given occasions; see `evaluate`."""
    return {**summary_by_row(judge(scorer, baskets, occasions, at_once=at_once)), "consumers": len(occasions)}


def judge(scorer: Scorer, baskets: Baskets, occasions: Occasions, *, at_once: int = 256) -> Tensor:
    """Return the measures of each occasion, as `judged_by_row` has them, (occasions, 4).

    Raises:
        ModelError: There is no occasion.
    """
    if not len(occasions):
        raise ModelError("no consumer to score", hint="the test period must follow a history of the same consumers")
    found = []
    for begin in range(0, len(occasions), at_once):
        part = occasions.part(slice(begin, begin + at_once))
        scores = scorer.scores(baskets, part)
        found.append(judged_by_row(scores, wanted_of(baskets, part), bought_by(baskets, part) > 0))
    return torch.cat(found)


def wanted_of(baskets: Baskets, occasions: Occasions) -> Tensor:
    """Return 1 where the target basket holds an item, (occasions, V)."""
    row, item = targets_of(baskets, occasions)
    target = torch.zeros(len(occasions), baskets.item_count)
    target[torch.from_numpy(row), torch.from_numpy(item)] = 1.0
    return target
