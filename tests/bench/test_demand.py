from pathlib import Path

import pytest
from bench.demand import ORIGINS, weekly_of

from cartveil.faces import demo
from cartveil.insight.decisions.forecast import RecentQuantiles, evaluate_forecast
from cartveil.insight.decisions.forecast.baselines import ZeroDemand


@pytest.fixture(scope="module")
def demand():
    return weekly_of(Path(demo.__file__).parent / "data" / "online_retail.parquet")


# Expected: the published figure of this baseline; which series it chose is not said, see the module's docstring.
def test_quantiles_of_the_last_weeks_have_the_expected_figure(demand):
    assert evaluate_forecast(demand, lambda _: RecentQuantiles(), origins=ORIGINS).wql == pytest.approx(
        0.546, abs=0.003
    )


def test_forecasting_nothing_scores_one(demand):
    assert evaluate_forecast(demand, lambda _: ZeroDemand(), origins=ORIGINS).wql == pytest.approx(1.0)


def test_weeks_run_from_the_first_whole_one_to_the_last(demand):
    assert (str(demand.weeks[0]), str(demand.weeks[-1]), len(demand.weeks)) == ("2010-12-06", "2011-11-28", 52)
