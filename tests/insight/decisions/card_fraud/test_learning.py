from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cartveil.errors import ColumnError, ModelError
from cartveil.insight.decisions.card_fraud import CardFraud, FraudConfig, train_card_fraud
from cartveil.insight.decisions.card_fraud.counts import count_frauds
from cartveil.insight.decisions.card_fraud.learning import Lessons
from cartveil.insight.decisions.card_fraud.prepared import prepare
from cartveil.insight.decisions.measures import average_precision
from cartveil.insight.sequences.transactions import transactions_of


def with_verdicts(table: pa.Table, fraud: bool) -> pa.Table:
    return table.set_column(table.column_names.index("fraud"), "fraud", pa.array([fraud] * table.num_rows))


def test_what_is_learnt_ranks_fraud_first(model: CardFraud, town: pa.Table) -> None:
    fraud = town["fraud"].to_numpy()
    assert average_precision(fraud, model.score(town)["score"].to_numpy()) > 3 * fraud.mean()


def test_counts_rank_fraud_first_too(town: pa.Table) -> None:
    prepared = prepare(transactions_of(town))
    fraud = prepared.events.fraud
    half = len(fraud) // 2
    counts = count_frauds(prepared.features[:half], fraud[:half])
    assert average_precision(fraud[half:], counts.probabilities(prepared.features[half:])) > 2 * fraud.mean()


@pytest.mark.parametrize(("fraud", "found"), [(False, "no fraud"), (True, "nothing but fraud")])
def test_one_kind_of_verdict_teaches_nothing(town: pa.Table, small: FraudConfig, fraud: bool, found: str) -> None:
    with pytest.raises(ModelError, match=found):
        train_card_fraud(with_verdicts(town, fraud), config=small)


def test_a_table_without_transactions_teaches_nothing(town: pa.Table, small: FraudConfig) -> None:
    with pytest.raises(ModelError, match="no transaction"):
        train_card_fraud(town.slice(0, 0), config=small)
    with pytest.raises(ColumnError, match="amount"):
        train_card_fraud(town.drop_columns(["amount"]), config=small)


def test_it_is_said_how_long_it_takes_before_it_begins(town: pa.Table, small: FraudConfig) -> None:
    said: list[str] = []
    train_card_fraud(town, config=replace(small, training=replace(small.training, epochs=1)), on_progress=said.append)
    assert said[0].startswith("learning from 2,")
    assert "about" in said[0]
    assert said[1].startswith("epoch 1/1")


def test_the_same_seed_learns_the_same(town: pa.Table, small: FraudConfig, model: CardFraud) -> None:
    again = train_card_fraud(town, config=small)
    assert again.score(town)["score"].equals(model.score(town)["score"])


def test_a_period_is_all_that_is_learnt_from(town: pa.Table, small: FraudConfig) -> None:
    # Verdicts on payments after the period change nothing of what is learnt.
    until = datetime(2018, 7, 25)
    later = pc.greater_equal(town["time"], pa.scalar(until, town["time"].type))
    changed = town.set_column(
        town.column_names.index("fraud"), "fraud", pc.if_else(later, pc.invert(town["fraud"]), town["fraud"])
    )
    first, second = (train_card_fraud(each, until=until, config=small).network for each in (town, changed))
    assert all(first.state_dict()[name].equal(value) for name, value in second.state_dict().items())


def test_every_fraud_is_a_lesson_and_who_stands_for_others_counts_as_them(town: pa.Table, small: FraudConfig) -> None:
    prepared = prepare(transactions_of(town))
    rows = np.arange(1000, 2000)
    lessons = Lessons(prepared, rows, replace(small, legitimate=0.25))
    batches = list(lessons.batches(np.random.default_rng(0)))
    assert len(batches) == lessons.steps
    targets = np.concatenate([batch.targets.numpy() for batch in batches])
    weights = np.concatenate([batch.weights.numpy() for batch in batches])
    assert targets.sum() == prepared.events.fraud[rows].sum()
    assert weights.sum() == pytest.approx(len(rows), abs=4)


def test_a_wrong_share_is_refused() -> None:
    with pytest.raises(ModelError, match="above 0"):
        FraudConfig(legitimate=0.0)


def test_features_alone_can_decide(town: pa.Table, small: FraudConfig, payments: Callable[..., pa.Table]) -> None:
    bare = train_card_fraud(town, config=replace(small, trails=False))
    assert bare.score(payments(seed=5, days=5)).num_rows > 0
