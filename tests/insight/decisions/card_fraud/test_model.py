from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cartveil.errors import ModelError
from cartveil.insight.decisions.card_fraud import CardFraud, FraudConfig, train_card_fraud
from cartveil.insight.decisions.card_fraud.carrying import final_states, states_at
from cartveil.insight.decisions.card_fraud.prepared import batch_of, prepare
from cartveil.insight.decisions.card_fraud.trees import TreesConfig
from cartveil.insight.models.card import read_card
from cartveil.insight.sequences.transactions import transactions_of


def test_a_saved_model_scores_the_same(model: CardFraud, town: pa.Table, tmp_path: Path) -> None:
    model.save(tmp_path / "model", card={"metrics": {"ap": 0.5}})
    loaded = CardFraud.load(tmp_path / "model")
    assert loaded.score(town)["score"].equals(model.score(town)["score"])
    assert loaded.card["metrics"] == {"ap": 0.5}
    assert loaded.card["data"] == model.card["data"]


@pytest.mark.usefixtures("xgboost")
def test_trees_are_saved_too(town: pa.Table, small: FraudConfig, few_trees: TreesConfig, tmp_path: Path) -> None:
    model = train_card_fraud(town, config=replace(small, trees=few_trees))
    model.save(tmp_path)
    assert CardFraud.load(tmp_path).score(town)["score"].equals(model.score(town)["score"])


def test_a_model_on_disk_names_nobody(model: CardFraud, tmp_path: Path) -> None:
    model.save(tmp_path)
    text = (tmp_path / "card.json").read_text()
    assert '"c1"' not in text
    assert '"m1"' not in text


def test_what_is_no_fraud_model_is_refused(model: CardFraud, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model here"):
        CardFraud.load(tmp_path)
    model.save(tmp_path)
    card = read_card(tmp_path)
    (tmp_path / "card.json").write_text(__import__("json").dumps({**card, "trees": {"margin": 0.0, "depth": 3}}))
    with pytest.raises(ModelError, match="does not fit"):
        CardFraud.load(tmp_path)


def test_a_payment_is_scored_by_what_came_before_it_alone(model: CardFraud, town: pa.Table) -> None:
    cut = town.num_rows // 2
    assert model.score(town.slice(0, cut))["score"].to_pylist() == pytest.approx(
        model.score(town)["score"].to_pylist()[:cut], abs=1e-12
    )


def test_a_verdict_changes_no_score_before_its_delay_is_over(model: CardFraud, town: pa.Table) -> None:
    row = 1000
    turned = np.array(town["fraud"].to_numpy())
    turned[row] = not turned[row]
    changed = model.score(town.set_column(town.column_names.index("fraud"), "fraud", pa.array(turned)))
    differs = ~np.isclose(changed["score"].to_numpy(), model.score(town)["score"].to_numpy(), rtol=0, atol=1e-12)
    seconds = town["time"].cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
    assert differs.any()
    assert (seconds[differs] >= seconds[row] + model.history.delay).all()


def test_states_are_those_of_one_owner_read_alone(model: CardFraud, town: pa.Table) -> None:
    trails = prepare(transactions_of(town)).customer
    rows = np.array([1, 700, 1500, 1501, 3000])
    found = states_at(model.network.customer, trails, rows)
    for place, row in enumerate(rows):
        steps = trails.steps[trails.start[row] : trails.place[row] + 1][None].astype(np.float64)
        states, (_, cell) = model.network.customer.carry(batch_of(steps, np.array([steps.shape[1]])))
        assert found[place].numpy() == pytest.approx(states[0, -1].detach().numpy(), abs=1e-12)
        hidden, last = final_states(model.network.customer, trails, rows[place : place + 1])
        assert last[0].numpy() == pytest.approx(cell[0, 0].numpy(), abs=1e-12)
        assert hidden[0].numpy() == pytest.approx(found[place].numpy(), abs=1e-12)


def test_an_empty_table_has_no_scores(model: CardFraud, town: pa.Table) -> None:
    assert model.score(town.slice(0, 0)).num_rows == 0


def test_scores_come_in_order_of_time_with_the_names_of_their_payments(
    model: CardFraud, payments: Callable[..., pa.Table]
) -> None:
    table = payments(seed=4, customers=10, days=10)
    mixed = table.take(pa.array(np.random.default_rng(0).permutation(table.num_rows)))
    assert model.score(mixed).equals(model.score(table))
    assert pc.all(pc.and_(pc.greater_equal(model.score(mixed)["score"], 0), True)).as_py()
