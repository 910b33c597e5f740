from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import ColumnError, InputError
from cartveil.insight.decisions.card_fraud import FraudConfig, evaluate_card_fraud
from cartveil.insight.decisions.card_fraud.folds import Fold
from cartveil.insight.decisions.card_fraud.protocol import FOLDS, VALIDATION, folds_of
from cartveil.insight.decisions.card_fraud.trees import TreesConfig
from cartveil.insight.sequences.transactions import transactions_of

LATEST = Fold(date(2018, 7, 30))


def test_parameters_are_chosen_before_what_is_judged() -> None:
    assert max(fold.start for fold in VALIDATION) == date(2018, 7, 11)
    assert [fold.start.day for fold in FOLDS] == [25, 1, 8, 15]
    assert all(early.judged[-1] < FOLDS[0].judged[0] for early in VALIDATION)


def test_other_tables_are_judged_on_their_last_weeks(town: pa.Table) -> None:
    folds = folds_of(transactions_of(town))
    assert folds[-1].judged[-1] == (date(2018, 8, 19) - date(1970, 1, 1)).days
    assert [fold.first - folds[0].first for fold in folds] == [0, 7, 14, 21]
    assert folds[-1] == LATEST


@pytest.mark.usefixtures("xgboost")
def test_every_model_is_judged_on_the_same_payments(town: pa.Table, small: FraudConfig, few_trees: TreesConfig) -> None:
    said: list[str] = []
    config = replace(small, trees=few_trees)
    found = evaluate_card_fraud(town, seeds=(0, 1), folds=[LATEST], config=config, on_progress=said.append)
    assert set(found.figures) == {"lstm", "network", "features", "xgboost", "forest", "counts"}
    assert found.ours == "lstm"
    assert set(found.figures["lstm"]) == {"auc", "ap", "cp@100"}
    assert set(found.spread["lstm"]) == set(found.figures["lstm"])
    assert found.spread["counts"]["ap"] == 0
    interval = found.intervals["lstm"]["ap"]
    assert 0 < interval.low < interval.value < interval.high <= 1
    cards = found.intervals["counts"]["cp@100"]
    assert cards.value == found.figures["counts"]["cp@100"]
    assert 0 < cards.low < cards.value < cards.high <= 1
    assert found.protocol["folds"][0]["train"]["transactions"] > 400
    assert 0 < found.protocol["perfect_cp@100"] < 1
    assert len(said) >= 2
    assert found.curves[0].lines["lstm"][-1][0] == pytest.approx(1.0)


def test_without_trees_the_network_is_what_ships(town: pa.Table, small: FraudConfig) -> None:
    found = evaluate_card_fraud(town, folds=[LATEST], config=small).figures
    assert "xgboost" not in found
    assert found["lstm"] == found["network"]


def test_a_fold_that_the_table_does_not_reach_over_is_refused(town: pa.Table, small: FraudConfig) -> None:
    with pytest.raises(InputError, match="nothing to judge in the fold of 2018-07-31"):
        evaluate_card_fraud(town, folds=[LATEST.later(1)], config=small)
    with pytest.raises(InputError, match="nothing to evaluate"):
        evaluate_card_fraud(town, seeds=(), config=small)
    with pytest.raises(InputError, match="no transaction"):
        evaluate_card_fraud(town.slice(0, 0), config=small)


def test_what_there_is_to_tell_apart_is_asked_for_by_name(town: pa.Table, small: FraudConfig) -> None:
    with pytest.raises(ColumnError, match="fraud: a table to be judged on lacks this column"):
        evaluate_card_fraud(town.drop_columns(["fraud"]), config=small)
    for verdict, found in ((False, "legitimate"), (True, "fraud")):
        alike = town.set_column(town.column_names.index("fraud"), "fraud", pa.array([verdict] * town.num_rows))
        with pytest.raises(ColumnError, match=f"fraud: every payment is {found}"):
            evaluate_card_fraud(alike, config=small)


def test_too_few_days_are_counted(payments: Callable[..., pa.Table], small: FraudConfig) -> None:
    with pytest.raises(InputError, match="time: 30 days are too few") as caught:
        evaluate_card_fraud(payments(days=30), config=small)
    assert "42 days are needed" in caught.value.hint


def test_one_payment_of_long_ago_chooses_no_folds(town: pa.Table) -> None:
    later = transactions_of(town)
    later = replace(later, seconds=later.seconds + 2000 * 86400)
    old = replace(later, seconds=np.append(0, later.seconds[1:]))
    assert folds_of(old) == folds_of(later)
