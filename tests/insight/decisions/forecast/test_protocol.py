import json

import numpy as np
import pytest
import torch

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.forecaster import ForecastConfig
from cartveil.insight.decisions.forecast.protocol import DemandProtocol, evaluate_demand, protocol_of
from cartveil.insight.sequences.series import DemandSeries
from cartveil.insight.training.loop import TrainingConfig
from parts import monthly

torch.set_num_threads(1)
SMALL = ForecastConfig(hidden=8, batch=32, training=TrainingConfig(epochs=4, learning_rate=1e-2))
SHORT = DemandProtocol("short", (20, 24), 4, empirical=8)


def parts(items=60, months=28, seed=0):
    rng = np.random.default_rng(seed)
    demand = rng.poisson(rng.gamma(0.6, 1.5, (items, 1)), (items, months)).astype(np.float32)
    demand[:3, 10:] = np.nan
    demand[3] = 0
    return monthly(demand)


@pytest.fixture(scope="module")
def evaluation():
    told = []
    found = evaluate_demand(parts(), protocol=SHORT, seeds=(0, 1), config=SMALL, on_progress=told.append)
    return found, told


def test_it_says_what_every_model_was_worth(evaluation):
    found = evaluation[0].to_dict()
    assert {"lstm", "empirical_quantiles", "pooled_quantiles", "recent_quantiles", "seasonal_naive", "zero"} < set(
        found
    )
    for model in ("lstm", "zero"):
        assert set(found[model]) == {"wql", "rmsse", "coverage", "coverage_plain", "stock"}
        assert list(found[model]["coverage"]) == [f"0.{place}" for place in range(1, 10)]
    assert found["zero"]["wql"] == pytest.approx(1)
    assert found["lstm"]["wql"] < found["seasonal_naive"]["wql"]
    assert found["sd"]["lstm"]["wql"] > 0
    json.dumps(found)


def test_intervals_lie_around_the_figures(evaluation):
    for model, found in evaluation[0].intervals.items():
        figures = evaluation[0].figures[model]
        assert {"wql", "rmsse", "stock.service", "stock.cost", "coverage.0.1", "coverage.0.9"} < set(found)
        for name, interval in found.items():
            group, _, measure = name.partition(".")
            figure = figures[group][measure] if measure else figures[group]
            assert interval.value == pytest.approx(figure, rel=1e-5), name
            assert interval.low <= interval.value <= interval.high


def test_what_will_take_long_is_said_before_it_starts(evaluation):
    assert evaluation[1][0] == "20 months known"
    assert evaluation[1][1].startswith("training will take about")


def test_coverage_is_drawn_beside_what_it_should_be(evaluation):
    (figure,) = evaluation[0].curves
    assert len(figure.lines["lstm"]) == 9
    assert figure.ideal == ((0, 0), (1, 1))


def test_any_data_has_a_protocol_and_too_little_is_refused():
    assert protocol_of(parts(months=51)).origins == (39,)
    weeks = np.datetime64("2024-01-01") + 7 * np.arange(52)
    weekly = DemandSeries(("a",), weeks, np.ones((1, 52), np.float32))
    assert (protocol_of(weekly).origins, protocol_of(weekly).horizon) == ((36, 40, 44, 48), 4)
    with pytest.raises(InputError, match="20 months are too few"):
        protocol_of(parts(months=20))
    with pytest.raises(InputError, match="needs a seed"):
        evaluate_demand(parts(), protocol=SHORT, seeds=())
    with pytest.raises(InputError, match="month 28"):
        evaluate_demand(parts(), protocol=DemandProtocol("far", (28,), 4), config=SMALL)
