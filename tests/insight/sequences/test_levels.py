import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.insight.sequences.levels import levels_of, trailing_mean
from cartveil.insight.sequences.weekly import WeeklyDemand


def series(demand):
    demand = np.asarray(demand, dtype=np.float32)
    weeks = np.datetime64("2024-01-01") + 7 * np.arange(demand.shape[1])
    names = tuple(f"item {row}" for row in range(len(demand)))
    return WeeklyDemand(names, weeks, demand, (demand > 0).astype(np.float32), names)


def test_trailing_mean_does_not_count_weeks_before_the_first_sale():
    demand = np.array([[0, 0, 6, 0]], dtype=np.float32)
    assert trailing_mean(demand, 3, started=np.array([2])).tolist() == [[0, 0, 6, 3]]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 50), min_size=6, max_size=30), st.integers(1, 5))
def test_features_of_a_week_do_not_depend_on_later_weeks(demand, cut):
    whole, early = levels_of(series([demand])), levels_of(series([demand[:-cut]]))
    np.testing.assert_array_equal(whole.features[:, :-cut], early.features)
    np.testing.assert_array_equal(whole.scale[:, :-cut], early.scale)


def test_season_is_left_out_where_no_season_was_seen_twice():
    rng = np.random.default_rng(0)
    assert levels_of(series(rng.poisson(3, (2, 60)))).features.std((0, 1)).min() == 0
    assert levels_of(series(rng.poisson(3, (2, 110)))).features.std((0, 1)).min() > 0


def test_an_item_that_never_sold_has_finite_features():
    levels = levels_of(series([[0, 0, 0], [1, 2, 3]]))
    assert np.isfinite(levels.features).all()
    assert levels.started.tolist() == [3, 0]
