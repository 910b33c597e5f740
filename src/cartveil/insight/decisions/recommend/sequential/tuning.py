"""What is chosen by ranking held-out items: how item-kNN counts, and how much the parts of a list weigh.

Both are judged on every consumer with a held-out item: the best of a few thousand differs from the best of all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories
from cartveil.insight.decisions.recommend.sequential.leave_one_out import (
    blocks_of,
    judge_next_item,
    ranks_of,
    summary_of,
)
from cartveil.insight.decisions.recommend.sequential.pooling import logarithms
from cartveil.insight.decisions.recommend.sequential.transitions import Counting, count_companions

#: What is tried of each setting, one setting after the other.
GRID: Mapping[str, Sequence[float]] = {
    "memory": (0.3, 0.45, 0.6, 0.75, 0.9),
    "popular": (0.0, 0.1, 0.2, 0.35),
    "given": (0.0, 0.1, 0.2, 0.35),
    "gap_decay": (0.6, 0.8, 0.9, 1.0),
    "backward": (0.15, 0.3, 0.6, 1.0),
}

#: Weights of item-kNN in a pool that are tried; a network is surer of itself, so that the best are above one half.
WEIGHTS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)

#: Held-out items -> chances of every item, (n, V).
Chances = Callable[[ItemHistories], Tensor]


def tuned_counting(past: ItemHistories, known: ItemHistories, wanted: np.ndarray) -> Counting:
    """Choose how item-kNN counts: each setting in turn, the others as they are best so far.

    Args:
        past: What may be counted.
        known: What is known of each consumer when the held-out item is asked for, (n).
        wanted: The held-out items, (n,).
    """
    best, reached = Counting(), -1.0
    for name, values in GRID.items():
        for value in values:
            if reached >= 0 and value == getattr(best, name):
                continue  # judged before
            found = _with(best, name, value)
            score = judge_next_item(count_companions(past, found), known, wanted)["ndcg@10"]
            if score > reached:
                best, reached = found, score
    return best


def tuned_weight(network: Chances, neighbours: Chances, known: ItemHistories, wanted: np.ndarray) -> float:
    """Choose the weight of item-kNN in a pool with a network, 0 to 1, that ranks held-out items best.

    Args:
        network: Histories -> chances of all items, (n, V).
        neighbours: The same by item-kNN.
        known: See `tuned_counting`.
        wanted: See `tuned_counting`.
    """
    ranks: dict[float, list[Tensor]] = {weight: [] for weight in WEIGHTS}
    for part, targets in blocks_of(known, wanted):
        one, other = logarithms(network(part), neighbours(part))
        for weight, found in ranks.items():
            found.append(ranks_of(torch.lerp(one, other, weight), part, targets))
    scores = {weight: summary_of(torch.cat(found))["ndcg@10"] for weight, found in ranks.items()}
    return max(WEIGHTS, key=lambda weight: scores[weight])


def _with(counting: Counting, name: str, value: Any) -> Counting:
    return replace(counting, **{name: value})
