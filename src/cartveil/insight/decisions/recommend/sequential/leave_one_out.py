"""How well the next item is guessed: its rank among all items that the consumer has not bought yet.

Every history's last visit is held out whole, one new item of it is asked for, and every known item is ranked: a list
drawn from a sample of items flatters any method. Items of the history leave the ranking, reserved ids too. Items of
equal score share the mean of their ranks, so that a scorer that gives everything the same score gains nothing.

Source: W. Krichene and S. Rendle, On Sampled Metrics for Item Recommendation, KDD 2020, equation 3 (why all items).
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend.measures import LENGTH
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories
from cartveil.insight.sequences.vocabulary import RESERVED

#: Scores held at once, of some consumers and all items: few enough to stay in a cache.
_CELLS = 1_500_000


class NextItemScorer(Protocol):
    """What can be judged: it scores every item as the one that follows a history."""

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return a score for every item, (n, V)."""
        ...


def judge_next_item(scorer: NextItemScorer, histories: ItemHistories, targets: np.ndarray) -> dict[str, float]:
    """Rank each target among all items that are not in its history; see `ranks_after`.

    Returns:
        `hr@10` and `ndcg@10`, means over the consumers with a target.
    """
    return summary_of(ranks_after(scorer, histories, targets))


def ranks_after(scorer: NextItemScorer, histories: ItemHistories, targets: np.ndarray) -> Tensor:
    """Return the rank of each target, best 1, of the consumers that have one, (scored,) float64.

    Args:
        scorer: A recommender or a baseline.
        histories: What is known of n consumers.
        targets: The item that each bought next, (n,); 0 where there is none, which is not scored.

    Raises:
        ModelError: Nobody has a target.
    """
    blocks = blocks_of(histories, targets)
    return torch.cat([ranks_of(scorer.scores_after(part), part, wanted) for part, wanted in blocks])


def blocks_of(histories: ItemHistories, targets: np.ndarray) -> Iterator[tuple[ItemHistories, Tensor]]:
    """Yield the histories that have a target, some at once, with their targets.

    Raises:
        ModelError: Nobody has a target.
    """
    scored = np.flatnonzero((targets >= RESERVED) & (histories.lengths > 0))
    if not len(scored):
        raise ModelError("no consumer to score", hint="a history of two items is the least")
    at_once = max(1, _CELLS // histories.item_count)
    for begin in range(0, len(scored), at_once):
        rows = scored[begin : begin + at_once]
        yield histories.part(rows), torch.from_numpy(targets[rows])


def ranks_of(scores: Tensor, histories: ItemHistories, targets: Tensor) -> Tensor:
    """Return the rank of each target, best 1, (B,) float64.

    Args:
        scores: (B, V); left as it is.
        histories: The items that leave the ranking.
        targets: (B,); one that stands in its own history ranks last.

    Raises:
        ModelError: A score is none: any rank could be read into it.
    """
    if scores.isnan().any():
        raise ModelError("a score is NaN", hint="the model has no use; train it again, with a lower rate")
    ranked = scores.clone() if scores.is_floating_point() else scores.double()  # counts of nothing are whole numbers
    ranked[:, :RESERVED] = -torch.inf
    ranked[torch.from_numpy(histories.owner), torch.from_numpy(histories.items)] = -torch.inf
    own = ranked.gather(1, targets[:, None])  # (B, 1)
    better, equal = (ranked > own).sum(1), (ranked == own).sum(1)
    return torch.where(torch.isinf(own[:, 0]), scores.shape[1], better + (equal + 1) / 2).double()


def summary_of(ranks: Tensor) -> dict[str, float]:
    """Return hit rate and NDCG of the first ten places, with one item wanted in each."""
    hit, gain = hits_and_gains(ranks)
    return {"hr@10": float(hit.mean()), "ndcg@10": float(gain.mean())}


def hits_and_gains(ranks: Tensor) -> tuple[Tensor, Tensor]:
    """Return 1 for each rank among the first ten, and 1 over the logarithm of what is one below it, (n,) each."""
    hit = ranks <= LENGTH
    return hit.double(), torch.where(hit, 1 / torch.log2(ranks + 1), 0.0).double()
