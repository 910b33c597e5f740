import sys

import numpy as np
import pytest

from cartveil.errors import MissingExtraError
from cartveil.insight.decisions.card_fraud.trees import TreesConfig, grow_trees

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(500, 6)).astype(np.float32)
FRAUD = (FEATURES[:, 0] > 1) | (FEATURES[:, 1] * FEATURES[:, 2] > 1.5)


@pytest.mark.usefixtures("xgboost")
def test_trees_as_arrays_answer_as_xgboost_does() -> None:
    import xgboost

    config = TreesConfig(rounds=30, rows=1.0, columns=1.0, learning_rate=0.1)
    ours = grow_trees(FEATURES, FRAUD, config=config).log_odds(FEATURES)
    settings = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.1, "min_child_weight": 2.0, "nthread": 1}
    matrix = xgboost.DMatrix(FEATURES, label=FRAUD)
    theirs = xgboost.train(settings, matrix, num_boost_round=30).predict(matrix, output_margin=True)
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert np.ptp(ours) > 2


@pytest.mark.usefixtures("xgboost")
def test_one_row_is_answered_as_in_a_table_to_the_bit() -> None:
    trees = grow_trees(FEATURES, FRAUD, config=TreesConfig(rounds=50))
    table = trees.log_odds(FEATURES)
    assert all(trees.log_odds(FEATURES[row : row + 1])[0] == table[row] for row in range(50))
    assert len(trees.log_odds(FEATURES[:0])) == 0


@pytest.mark.usefixtures("xgboost")
def test_the_same_seed_grows_the_same_trees() -> None:
    one, same, other = (grow_trees(FEATURES, FRAUD, config=TreesConfig(rounds=5), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.log_odds(FEATURES), same.log_odds(FEATURES))
    assert not np.array_equal(one.log_odds(FEATURES), other.log_odds(FEATURES))


def test_without_xgboost_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(MissingExtraError, match="need the extra `boost`"):
        grow_trees(FEATURES, FRAUD)
