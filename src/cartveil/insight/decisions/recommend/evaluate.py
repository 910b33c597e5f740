"""How well a scorer guesses the first basket after a day, over all consumers who have a past."""

from datetime import datetime
from typing import Any

import torch

from cartveil.errors import ModelError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend.counts import Scorer, bought_by
from cartveil.insight.decisions.recommend.measures import judged, summary
from cartveil.insight.decisions.recommend.samples import targets_of
from cartveil.insight.decisions.recommend.times import day_of
from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.occasions import Occasions, occasions_with_target


def evaluate(
    scorer: Scorer, events: ProtectedEvents, *, since: datetime, until: datetime | None = None
) -> dict[str, Any]:
    """Score each consumer's first basket from `since` on, given what they bought before.

    Args:
        scorer: A recommender or a baseline; what it was made from must lie before `since`.
        events: History and targets.
        since: First moment of the test period.
        until: End of the test period, excluded; None for all there is.

    Returns:
        `all` and `new`, each with `recall@10` and `ndcg@10`, and `consumers`, how many were scored.

    Raises:
        ModelError: Nobody has both a past and a basket in the test period.
    """
    baskets = baskets_of(events.table, scorer.vocabulary)
    start = day_of(since)
    horizon = float("inf") if until is None else day_of(until) - start
    return evaluate_at(scorer, baskets, occasions_with_target(baskets, start, horizon=horizon))


def evaluate_at(scorer: Scorer, baskets: Baskets, occasions: Occasions, *, at_once: int = 256) -> dict[str, Any]:
    """Score the target baskets of given occasions; see `evaluate`."""
    if not len(occasions):
        raise ModelError("no consumer to score", hint="the test period must follow a history of the same consumers")
    all_items, new_items = [], []
    for begin in range(0, len(occasions), at_once):
        part = occasions.part(slice(begin, begin + at_once))
        row, item = targets_of(baskets, part)
        target = torch.zeros(len(part), baskets.item_count)
        target[torch.from_numpy(row), torch.from_numpy(item)] = 1.0
        over_all, over_new = judged(scorer.scores(baskets, part), target, bought_by(baskets, part) > 0)
        all_items.append(over_all)
        new_items.append(over_new)
    return {**summary(torch.cat(all_items), torch.cat(new_items)), "consumers": len(occasions)}
