"""Boosted trees on the same features: grown by XGBoost, kept and read as plain arrays.

Whoever scores needs no XGBoost then, a model on disk holds numbers and nothing that could run, and one payment takes
as long as a few lookups.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import MissingExtraError

#: Payments that are walked through the trees at once.
_PART = 2048


@dataclass(frozen=True)
class TreesConfig:
    """How trees are grown.

    Args:
        rounds: Trees.
        depth: Most questions from the root to a leaf.
        learning_rate: Share of each tree's answer that counts.
        rows: Share of the rows that each tree sees.
        columns: Share of the features that each tree sees.
        least_weight: Least sum of second derivatives in a leaf.
    """

    rounds: int = 150
    depth: int = 5
    learning_rate: float = 0.05
    rows: float = 0.8
    columns: float = 0.5
    least_weight: float = 2.0


@dataclass(frozen=True)
class Trees:
    """Trees as arrays; their nodes stand side by side, and a leaf leads to itself.

    Args:
        feature: Which feature a node asks for, (nodes,).
        limit: Below this goes left, (nodes,).
        left: (nodes,).
        right: (nodes,).
        value: What a leaf answers, (nodes,).
        roots: Where each tree begins, (trees,).
        margin: What is answered before the first tree.
        depth: Steps that lead to a leaf for sure.
    """

    feature: NDArray[np.int64]
    limit: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    roots: NDArray[np.int64]
    margin: float
    depth: int

    def log_odds(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return log-odds of fraud, (N,).

        Args:
            features: (N, features), no NaN.
        """
        parts = [self._walked(features[begin : begin + _PART]) for begin in range(0, len(features), _PART)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _walked(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        node = np.repeat(self.roots[None], len(features), axis=0)  # (n, trees)
        rows = np.arange(len(features))[:, None] * features.shape[1]
        flat = features.ravel()
        for _ in range(self.depth):
            below = flat[rows + self.feature[node]] < self.limit[node]
            node = np.where(below, self.left[node], self.right[node])
        # One payment or many: added up in the same order, or the last bit would differ.
        return self.margin + np.cumsum(self.value[node], axis=1)[:, -1]


def grow_trees(
    features: NDArray[np.float32], fraud: NDArray[np.bool_], *, config: TreesConfig | None = None, seed: int = 0
) -> Trees:
    """Grow trees that tell fraud.

    Args:
        features: (N, features).
        fraud: (N,), some of it true and some false.
        config: See `TreesConfig`.
        seed: Of the rows and features that each tree sees.

    Raises:
        MissingExtraError: The extra `boost` is not installed.

    Source: Chen and Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016.
    """
    config = config or TreesConfig()
    settings = {
        "objective": "binary:logistic",
        "max_depth": config.depth,
        "eta": config.learning_rate,
        "subsample": config.rows,
        "colsample_bytree": config.columns,
        "min_child_weight": config.least_weight,
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
    }
    return trees_in(grown_by_xgboost(features, fraud, settings, rounds=config.rounds), depth=config.depth)


def grown_by_xgboost(
    features: NDArray[np.float32], fraud: NDArray[np.bool_], settings: Mapping[str, Any], *, rounds: int
) -> Mapping[str, Any]:
    """Let XGBoost grow trees, and return what it writes of them.

    Raises:
        MissingExtraError: The extra `boost` is not installed.
    """
    try:
        import xgboost
    except ModuleNotFoundError as error:
        message = f"boosted trees and forests need the extra `boost` ({error.name})"
        raise MissingExtraError(message, hint="pip install 'cartveil[boost]'") from None
    booster = xgboost.train(dict(settings), xgboost.DMatrix(features, label=fraud), num_boost_round=rounds)
    return json.loads(bytes(booster.save_raw("json")))  # type: ignore[no-any-return]


def trees_in(written: Mapping[str, Any], *, depth: int) -> Trees:
    """Return trees as XGBoost writes them into JSON, as arrays."""
    learner = written["learner"]
    logistic = learner["objective"]["name"] == "binary:logistic"
    trees = learner["gradient_booster"]["model"]["trees"]
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    left, right, feature, limit = [], [], [], []
    for tree, root in zip(trees, roots, strict=True):
        children, here = np.asarray(tree["left_children"]), np.arange(len(tree["left_children"])) + root
        leaf = children < 0
        left.append(np.where(leaf, here, children + root))
        right.append(np.where(leaf, here, np.asarray(tree["right_children"]) + root))
        feature.append(np.where(leaf, 0, np.asarray(tree["split_indices"])))
        limit.append(np.asarray(tree["split_conditions"], dtype=np.float32))
    limits = np.concatenate(limit)
    lefts = np.concatenate(left).astype(np.int64)
    # XGBoost writes what a leaf answers where other nodes have their limit.
    value = np.where(lefts == np.arange(len(lefts)), limits, 0).astype(np.float64)
    share = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    margin = math.log(share / (1 - share)) if logistic else share
    return Trees(
        np.concatenate(feature).astype(np.int64),
        limits,
        lefts,
        np.concatenate(right).astype(np.int64),
        value,
        roots,
        margin,
        depth,
    )
