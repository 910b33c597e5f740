from dataclasses import replace

import numpy as np
import pytest

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.forecast import RecentQuantiles
from cartveil.insight.decisions.forecast.cold_start import ColdStart, ages_of, cold_start, launch_table, learn_peers
from cartveil.insight.decisions.forecast.evaluation import score
from cartveil.insight.decisions.forecast.horizon import LEVELS, TARGETS

from .test_forecaster import series


def launches(items=200, weeks=60, seed=0):
    """Return items that begin some time, each at a level of its own, and then sell at random around it."""
    rng = np.random.default_rng(seed)
    demand = rng.poisson(rng.gamma(2, 4, (items, 1)), (items, weeks)).astype(float)
    demand[np.arange(weeks) < rng.integers(0, weeks - 1, items)[:, None]] = 0
    return series(demand)


@pytest.fixture(scope="module")
def known():
    return launches()


def test_age_counts_from_the_first_sale_and_early_starts_are_old():
    demand = np.zeros((4, 20))
    demand[0, 0] = demand[1, 19] = demand[2, 10] = 1
    assert ages_of(series(demand)).tolist() == [20, 1, 10, 0]


def test_young_items_are_forecast_better_than_from_their_own_past_alone(known):
    later = launches(seed=1)
    demand, actual = later.before(56), later.demand[:, 56:]
    cold = ColdStart(RecentQuantiles(), learn_peers(known))
    age = ages_of(demand)
    young = (age >= 1) & (age < 8)
    own, peers = (score(model.quantiles(demand)[young], actual[young]) for model in (RecentQuantiles(), cold))
    assert young.sum() > 10
    assert peers.wql < 0.95 * own.wql


def test_old_items_and_those_that_never_sold_are_left_to_the_model(known):
    demand = launches(seed=1)
    age = ages_of(demand)
    cold = ColdStart(RecentQuantiles(), learn_peers(known))
    rest = (age == 0) | (age >= 8)
    np.testing.assert_array_equal(cold.quantiles(demand)[rest], RecentQuantiles().quantiles(demand)[rest])
    assert cold.horizon == 4


def test_quantiles_rise_with_the_level_and_cover_what_they_should(known):
    peers, later = learn_peers(known), launches(items=800, seed=2)
    demand, actual = later.before(56), later.demand[:, 56:]
    young = np.flatnonzero((ages_of(demand) >= 1) & (ages_of(demand) < 8))
    found = peers.quantiles(demand, young)
    assert (np.diff(found, axis=-1) >= 0).all()
    covered = (actual[young][..., None] <= found[:, :4]).mean((0, 1))
    assert covered[LEVELS.index(0.9)] == pytest.approx(0.9, abs=0.06)
    assert covered[LEVELS.index(0.5)] == pytest.approx(0.5, abs=0.12)


def test_an_item_about_to_be_launched_gets_what_launches_of_its_category_got():
    demand = launches()
    loud = np.arange(len(demand.items)) % 2 == 0
    named = replace(
        demand,
        demand=np.where(loud[:, None], demand.demand * 10, demand.demand),
        categories=tuple(np.where(loud, "loud", "quiet")),
    )
    peers = learn_peers(named)
    first, second, other = (peers.launch(name) for name in ("loud", "quiet", "never heard of"))
    assert first.shape == (len(TARGETS), len(LEVELS))
    middle = LEVELS.index(0.5)
    assert first[0, middle] > 5 * second[0, middle] > 0
    assert second[0, middle] < other[0, middle] < first[0, middle]


def test_what_is_not_known_yet_is_neither_learnt_from_nor_asked_of(known):
    changed = replace(known, demand=known.demand.copy())
    changed.demand[:, 50:] = 1e6
    first, second = (learn_peers(each.before(50)) for each in (known, changed))
    np.testing.assert_array_equal(first.ratios, second.ratios)


def test_unknown_periods_do_not_spoil_what_is_learnt(known):
    holes = replace(
        known, demand=np.where(np.random.default_rng(0).random(known.demand.shape) < 0.1, np.nan, known.demand)
    )
    peers = learn_peers(holes)
    assert np.isfinite(peers.ratios).all()
    assert peers.launch()[0, LEVELS.index(0.5)] == pytest.approx(
        learn_peers(known).launch()[0, LEVELS.index(0.5)], rel=0.5
    )


def test_too_few_launches_and_wrong_ages_are_said(known):
    with pytest.raises(ModelError, match="launches are fewer than 20"):
        learn_peers(known.of(range(5)))
    with pytest.raises(InputError, match="ages"):
        learn_peers(known, ages=1)


class Oracle:
    """Knows what will come."""

    horizon = 4

    def __init__(self, whole):
        self.whole = whole

    def quantiles(self, demand):
        width = demand.demand.shape[1]
        came = self.whole.demand[:, width : width + 4]
        return np.repeat(np.pad(came, ((0, 0), (0, 3)))[..., None], len(LEVELS), axis=-1)


def test_peers_get_a_share_where_they_help_and_none_where_they_do_not(known):
    assert cold_start(RecentQuantiles(), known).share > 0
    assert cold_start(Oracle(known), known).share == 0


def test_what_a_launch_will_sell_is_told_for_each_number_of_weeks(known):
    table = launch_table(learn_peers(known), "week")
    assert table["weeks"].to_pylist() == [1, 2, 3, 4]
    assert (np.diff(table["q50"].to_numpy()) > 0).all()


def test_a_level_is_that_of_the_day_and_not_of_later_periods():
    demand = np.zeros((60, 60))
    for item in range(60):
        demand[item, 5 + item % 40 :] = 30
        demand[item, 5 + item % 40 : 9 + item % 40] = 10  # a slow start
    new = np.zeros((1, 60))
    new[0, -1] = 10
    found = learn_peers(series(demand)).quantiles(series(new), np.array([0]))
    assert found[0, 0, LEVELS.index(0.5)] == pytest.approx(10)
    assert found[0, TARGETS.index((0, 4)), LEVELS.index(0.5)] == pytest.approx(60)
