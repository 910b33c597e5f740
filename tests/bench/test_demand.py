from pathlib import Path

import pytest
from bench.demand import weekly_of

from cartveil.faces import demo
from cartveil.insight.decisions.forecast import RecentQuantiles, evaluate_forecast
from cartveil.insight.decisions.forecast.baselines import ZeroDemand
from cartveil.insight.decisions.forecast.protocol import WEEKLY


@pytest.fixture(scope="module")
def demand():
    return weekly_of(Path(demo.__file__).parent / "data" / "online_retail.parquet")


# Expected: the published figure of this baseline; which series it chose is not said, see the module's docstring.
def test_quantiles_of_the_last_weeks_have_the_expected_figure(demand):
    assert evaluate_forecast(demand, lambda _: RecentQuantiles(), origins=WEEKLY.origins).wql == pytest.approx(
        0.546, abs=0.003
    )


def test_forecasting_nothing_scores_one(demand):
    assert evaluate_forecast(demand, lambda _: ZeroDemand(), origins=WEEKLY.origins).wql == pytest.approx(1.0)


def test_weeks_run_from_the_first_whole_one_to_the_last(demand):
    assert (str(demand.starts[0]), str(demand.starts[-1]), len(demand.starts)) == ("2010-12-06", "2011-11-28", 52)
