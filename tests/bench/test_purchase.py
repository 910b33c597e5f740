from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from bench.next_basket import protected
from bench.purchase import table

from cartveil.faces import demo
from cartveil.insight.decisions.purchase import PurchaseConfig
from cartveil.insight.decisions.purchase.counting import fit_recency_frequency
from cartveil.insight.decisions.purchase.reliability import brier, sigmoid
from cartveil.insight.decisions.purchase.training import questions_of, span_of
from cartveil.insight.decisions.purchase.visits import questions_at, visits_of


@pytest.fixture(scope="module")
def visits():
    data = Path(demo.__file__).parent / "data" / "online_retail.parquet"
    return visits_of(protected(pq.read_table(data)).table)


# Expected: counted apart, by days of purchase per customer in the raw file.
def test_consumers_and_their_days_of_purchase_are_those_of_the_file(visits):
    assert (len(visits.subjects), len(visits)) == (4334, 16678)


def test_counts_alone_say_more_than_the_share_that_buys(visits):
    end = float(visits.day.max()) + 1
    day = end - 28
    asked = questions_at(visits, day, horizon=28)
    learnt, _ = questions_of(visits, span_of(visits, PurchaseConfig(), until=day), PurchaseConfig())
    said = sigmoid(fit_recency_frequency(visits, learnt).log_odds(visits, asked))
    assert brier(said, asked.answer) < 0.87 * brier(np.full(len(asked), asked.answer.mean()), asked.answer)


def test_the_table_has_a_line_per_model():
    row = dict.fromkeys(("brier", "log_loss", "calibration_error", "auc", "said", "came_true"), 0.25)
    lines = table({"purchase": row, "base_rate": row}, ["purchase", "base_rate"]).splitlines()
    assert [line.split()[0] for line in lines] == ["brier", "purchase", "base_rate"]
