import sys

import numpy as np
import pytest

from cartveil.errors import MissingExtraError
from cartveil.insight.decisions.card_fraud.forest import ForestConfig, grow_forest
from cartveil.insight.decisions.measures import auc_roc

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(900, 5)).astype(np.float32)
FRAUD = (FEATURES[:, 0] > 1) | (FEATURES[:, 1] * FEATURES[:, 2] > 1.5)


@pytest.mark.usefixtures("xgboost")
def test_a_forest_says_the_share_of_frauds_among_such_payments() -> None:
    forest = grow_forest(FEATURES[:600], FRAUD[:600], config=ForestConfig(trees=60))
    told = forest.probabilities(FEATURES[600:])
    assert auc_roc(FRAUD[600:], told) > 0.9
    assert told.min() >= 0
    assert told.max() <= 1
    assert told.mean() == pytest.approx(FRAUD.mean(), abs=0.05)


@pytest.mark.usefixtures("xgboost")
def test_a_tree_that_sees_everything_ends_where_leaves_are_pure_or_small() -> None:
    features = np.arange(8, dtype=np.float32)[:, None]
    fraud = np.array([0, 0, 1, 1, 0, 0, 0, 1], bool)
    one = grow_forest(features, fraud, config=ForestConfig(trees=1, rows=1.0))
    assert one.probabilities(features).tolist() == pytest.approx([0, 0, 1, 1, 0, 0, 0.5, 0.5])


@pytest.mark.usefixtures("xgboost")
def test_the_same_seed_grows_the_same_forest() -> None:
    few = ForestConfig(trees=5)
    forests = [grow_forest(FEATURES, FRAUD, config=few, seed=seed) for seed in (1, 1, 2)]
    one, same, other = (forest.probabilities(FEATURES) for forest in forests)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_without_xgboost_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(MissingExtraError, match="need the extra `boost`"):
        grow_forest(FEATURES, FRAUD)
