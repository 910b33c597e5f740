"""How well a list of ten fits the next basket: NDCG@10 and recall@10, over all items and over new ones.

`all` ranks every known item, bought or not. `new` ranks the items the consumer has never bought, and asks only for
those of the basket; a consumer whose basket brings nothing new does not count there.
"""

import torch
from torch import Tensor

from cartveil.errors import ModelError

#: Length of the list that is judged.
LENGTH = 10


def ndcg_and_recall(scores: Tensor, target: Tensor) -> Tensor:
    """Judge each row that has a target.

    Args:
        scores: (B, V).
        target: 1 where an item is wanted, (B, V).

    Returns:
        NDCG and recall of the rows with a target, (rows, 2). NDCG is over the best list of that row.

    Raises:
        ModelError: A score is none: it could stand anywhere in a list.
    """
    if scores.isnan().any():
        raise ModelError("a score is NaN", hint="the model has no use; train it again, with a lower rate")
    some = target.sum(1) > 0
    scores, target = scores[some], target[some]
    discount = 1 / torch.log2(torch.arange(LENGTH) + 2.0)
    top = scores.topk(min(LENGTH, scores.shape[1]), dim=1).indices
    hits = target.gather(1, top)  # (rows, 10)
    wanted = target.sum(1)
    best = discount.cumsum(0)[wanted.clamp(max=LENGTH).long() - 1]
    gained = (hits * discount[: hits.shape[1]]).sum(1)
    return torch.stack([gained / best, hits.sum(1) / wanted], dim=1)


def judged(scores: Tensor, target: Tensor, bought: Tensor) -> tuple[Tensor, Tensor]:
    """Return `ndcg_and_recall` over all items, and over new ones."""
    fresh = scores.masked_fill(bought, -torch.inf)
    return ndcg_and_recall(scores, target), ndcg_and_recall(fresh, target * ~bought)


def judged_by_row(scores: Tensor, target: Tensor, bought: Tensor) -> Tensor:
    """Return NDCG and recall over all items, then over new ones, of every row; NaN where nothing is wanted, (B, 4)."""
    found = torch.full((len(scores), 4), torch.nan)
    over_all, over_new = judged(scores, target, bought)
    found[target.sum(1) > 0, :2] = over_all
    found[(target * ~bought).sum(1) > 0, 2:] = over_new
    return found


def summary_by_row(rows: Tensor) -> dict[str, dict[str, float]]:
    """Return the means of what `judged_by_row` gave, under the names that reports use."""
    return summary(rows[~rows[:, 0].isnan(), :2], rows[~rows[:, 2].isnan(), 2:])


def summary(all_items: Tensor, new_items: Tensor) -> dict[str, dict[str, float]]:
    """Return the means under the names that reports use."""
    return {name: _named(rows) for name, rows in (("all", all_items), ("new", new_items))}


def _named(rows: Tensor) -> dict[str, float]:
    ndcg, recall = rows.mean(0).tolist() if len(rows) else (0.0, 0.0)
    return {"recall@10": recall, "ndcg@10": ndcg}
