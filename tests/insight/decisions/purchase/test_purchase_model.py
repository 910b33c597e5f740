from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.purchase import PurchaseConfig, PurchaseModel, evaluate_purchase, train_purchase
from cartveil.insight.decisions.purchase.training import span_of
from cartveil.insight.decisions.purchase.visits import visits_of
from cartveil.insight.training.loop import TrainingConfig

from .conftest import FIRST, events_of, shop
from .test_visits import DAY

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
SMALL = PurchaseConfig(hidden=6, batch=128, training=TrainingConfig(epochs=2, learning_rate=1e-2))


class Release:
    """What training reads of a release."""

    def __init__(self, table):
        self.table = table


@pytest.fixture(scope="module")
def trained(events):
    lines = []
    model = train_purchase(Release(events), config=SMALL, on_progress=lines.append)
    assert "questions, 2 epochs at most: about" in lines[0]
    return model


def test_probabilities_are_sorted_and_somebody_unknown_is_not_told(trained, events):
    found = trained.probabilities(events, at=FIRST + timedelta(days=120))
    said = found["probability"].to_numpy()
    assert found.column_names == ["subject", "visits", "last_visit", "probability"]
    assert (np.diff(said) <= 0).all()
    assert ((said > 0) & (said < 1)).all()
    known = visits_of(events)
    assert found.num_rows == (known.before(DAY + 120) > 0).sum() < len(known.subjects)
    with pytest.raises(ModelError, match="nobody had come"):
        trained.probabilities(events, at=datetime(2020, 1, 1))


def test_a_consumer_of_one_event_gets_a_probability_of_their_own(trained):
    both = events_of([("new", 190, 20), ("old", 10, 20), *(("keen", day, 20) for day in range(120, 199, 6))])
    found = trained.probabilities(both, at=FIRST + timedelta(days=199)).to_pylist()
    said = {row["subject"]: row["probability"] for row in found}
    assert said["keen"] > said["old"]
    assert said["new"] != said["old"]


def test_what_comes_after_until_is_not_looked_at(events):
    until = FIRST + timedelta(days=160)
    changed = pa.concat_tables([events, events_of([(f"c{n:03d}", 161 + n % 30, 99) for n in range(100)])])
    models = [train_purchase(Release(table), config=SMALL, until=until) for table in (events, changed)]
    first, second = (model.probabilities(events, at=until)["probability"].to_numpy() for model in models)
    np.testing.assert_array_equal(first, second)


def test_duplicated_rows_and_another_order_change_no_visit(trained, events):
    shuffled = events.take(pa.array(np.random.default_rng(0).permutation(events.num_rows)))
    first, second = (visits_of(table) for table in (events, shuffled))
    np.testing.assert_array_equal(first.day, second.day)
    np.testing.assert_array_equal(first.day, visits_of(pa.concat_tables([events, events])).day)


def test_saved_and_loaded_it_says_the_same(trained, events, tmp_path):
    trained.save(tmp_path)
    again = PurchaseModel.load(tmp_path)
    assert again.probabilities(events).equals(trained.probabilities(events))
    assert (again.config, again.share, again.calibration) == (trained.config, trained.share, trained.calibration)


def test_the_card_says_how_good_it_is_and_how_good_counts_are(trained):
    card = trained.card
    assert card["metrics"]["brier"] <= card["baselines"]["base_rate"]["brier"]
    assert {"digest", "from", "until"} <= set(card["data"])
    assert "recency_frequency" in card["baselines"]


def test_no_answer_that_is_learnt_from_reaches_into_held_back_time(events):
    span = span_of(visits_of(events), PurchaseConfig(), until=None)
    assert span.learnt.max() + 28 <= span.held_back.min()
    assert span.held_back.max() + 28 == span.until


def test_a_short_period_is_refused_with_what_would_do(events):
    with pytest.raises(ModelError, match="fewer than four horizons of 28") as caught:
        train_purchase(Release(events), config=SMALL, until=FIRST + timedelta(days=90))
    assert "shorter horizon" in caught.value.hint


def test_a_period_too_short_to_be_judged_on_is_told_its_days():
    with pytest.raises(ModelError, match="35 days are too few to be judged on 2 days") as caught:
        evaluate_purchase(events_of([("c1", 0, 5), ("c2", 34, 5)]), config=SMALL)
    assert "168 days are needed" in caught.value.hint


def test_answers_that_are_all_alike_teach_nothing():
    once = events_of([(f"c{number}", number, 5) for number in range(200)])
    with pytest.raises(ModelError, match="nobody came back within the horizon"):
        train_purchase(Release(once), config=SMALL)


def test_a_config_that_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="horizon"):
        PurchaseConfig(horizon=0)


def test_the_protocol_says_what_ships_beside_counts_with_intervals_and_a_diagram():
    found = evaluate_purchase(shop(consumers=120), seeds=[0, 1], config=SMALL, origins=1)
    assert set(found.figures) == {
        "purchase",
        "lstm",
        "uncalibrated",
        "recency_frequency",
        "beta_geometric",
        "base_rate",
    }
    assert found.figures["purchase"]["brier"] < found.figures["base_rate"]["brier"] + 0.01
    interval = found.intervals["purchase"]["brier"]
    assert interval.low < found.figures["purchase"]["brier"] < interval.high
    ranked = found.intervals["recency_frequency"]["auc"]
    assert ranked.low < found.figures["recency_frequency"]["auc"] < ranked.high
    assert set(found.spread) == {"purchase", "lstm", "uncalibrated"}
    assert found.curves[0].ideal == ((0.0, 0.0), (1.0, 1.0))
    assert found.protocol["asked"][0] > 50
    with pytest.raises(InputError, match="seed"):
        evaluate_purchase(shop(consumers=20), seeds=[])
