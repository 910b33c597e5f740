"""A random forest on the same features: many deep trees that each saw other payments, one vote each.

It takes longer to read than boosted trees, and needs no rate to be chosen. XGBoost grows it, and it is kept as plain
arrays as boosted trees are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.card_fraud.trees import Trees, grown_by_xgboost, trees_in


@dataclass(frozen=True)
class ForestConfig:
    """How a forest is grown.

    Args:
        trees: Trees.
        least: Least payments in a leaf; nothing else ends a tree.
        rows: Share of the payments that each tree sees: what a draw with replacement leaves of them.
    """

    trees: int = 100
    least: int = 2
    rows: float = 0.632


@dataclass(frozen=True)
class Forest:
    """Trees whose votes are averaged.

    Args:
        trees: Each answers its share of the votes.
    """

    trees: Trees

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean share of frauds in the leaves that each payment falls into, (N,).

        Args:
            features: (N, features), no NaN.
        """
        return np.clip(self.trees.log_odds(features), 0.0, 1.0)


def grow_forest(
    features: NDArray[np.float32], fraud: NDArray[np.bool_], *, config: ForestConfig | None = None, seed: int = 0
) -> Forest:
    """Grow a forest that tells fraud.

    Args:
        features: (N, features).
        fraud: (N,), some of it true and some false.
        config: See `ForestConfig`.
        seed: Of the rows and features that each tree sees.

    Raises:
        MissingExtraError: The extra `boost` is not installed.

    Source: Breiman, Random Forests, Machine Learning, 2001; a split chooses among as many features as the square root
        of all.
    """
    config = config or ForestConfig()
    settings = {
        # The mean of 0 and 1 in a leaf is its share of frauds, and least squares splits as the Gini index does.
        "objective": "reg:squarederror",
        "base_score": 0.0,
        "lambda": 0.0,
        "eta": 1.0,
        "num_parallel_tree": config.trees,
        "max_depth": 0,
        "min_child_weight": config.least,
        "subsample": config.rows,
        "colsample_bynode": float(np.sqrt(features.shape[1]) / features.shape[1]),
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
    }
    written = grown_by_xgboost(features, fraud, settings, rounds=1)
    return Forest(trees_in(written, depth=_depth(written)))


def _depth(written: Mapping[str, Any]) -> int:
    """Return the longest way from a root to a leaf."""
    trees = written["learner"]["gradient_booster"]["model"]["trees"]
    return max(_depth_of(np.asarray(tree["parents"])) for tree in trees)


def _depth_of(parents: NDArray[np.int64]) -> int:
    place, depth = np.arange(len(parents)), 0
    while (inner := place > 0).any():  # the root is node 0, and nobody's child
        place, depth = np.where(inner, parents[place], 0), depth + 1
    return depth
