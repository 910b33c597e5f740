from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.insight.sequences.levels import _season, levels_of
from cartveil.insight.sequences.series import DemandSeries
from parts import monthly


def series(demand):
    demand = np.asarray(demand, dtype=np.float32)
    weeks = np.datetime64("2024-01-01") + 7 * np.arange(demand.shape[1])
    names = tuple(f"item {row}" for row in range(len(demand)))
    return DemandSeries(names, weeks, demand, (demand > 0).astype(np.float32), names)


def test_the_scale_does_not_count_periods_before_the_first_sale_or_unknown_ones():
    levels = levels_of(series([[0, 0, 6, 0, np.nan, np.nan]]))
    assert levels.scale.tolist() == [[1, 1, 7, 4, 4, 4]]
    assert levels.started.tolist() == [2]


def test_unknown_is_not_zero():
    sold = [[3, 1, 2, 0, 4, 1]]
    unknown = [[3, 1, 2, np.nan, 4, 1]]
    zero, missing = levels_of(series(sold)), levels_of(series(unknown))
    assert np.isfinite(missing.features).all()
    assert (missing.scale[0, 3:] > zero.scale[0, 3:]).all()
    assert (missing.features[0, 3] != zero.features[0, 3]).any()


def test_price_is_a_feature_where_there_is_one():
    plain = series(np.ones((2, 30)))
    prices = np.full((2, 30), 4, dtype=np.float32)
    prices[0, -1], prices[1, 5:] = 2, np.nan
    priced = levels_of(replace(plain, prices=prices))
    assert priced.features.shape[-1] == levels_of(plain).features.shape[-1] + 2
    assert np.isfinite(priced.features).all()


@settings(max_examples=30)
@given(st.lists(st.integers(0, 50), min_size=6, max_size=30), st.integers(1, 5))
def test_features_of_a_week_do_not_depend_on_later_weeks(demand, cut):
    whole, early = levels_of(series([demand])), levels_of(series([demand[:-cut]]))
    np.testing.assert_array_equal(whole.features[:, :-cut], early.features)
    np.testing.assert_array_equal(whole.scale[:, :-cut], early.scale)


def season_of(demand):
    return np.stack(_season(demand, seasonal=levels_of(demand).seasonal))


def test_season_is_left_out_where_no_season_was_seen_twice():
    rng = np.random.default_rng(0)
    assert season_of(series(rng.poisson(3, (2, 60)))).std() == 0
    assert season_of(series(rng.poisson(3, (2, 110)))).std(1).min() > 0
    assert season_of(monthly(rng.poisson(3, (2, 12)))).std() == 0
    assert season_of(monthly(rng.poisson(3, (2, 24)))).std(1).min() > 0


def test_an_item_that_never_sold_has_finite_features():
    levels = levels_of(series([[0, 0, 0], [1, 2, 3]]))
    assert np.isfinite(levels.features).all()
    assert levels.started.tolist() == [3, 0]


def test_a_model_can_be_asked_with_the_season_that_it_was_trained_with():
    young = series(np.random.default_rng(0).poisson(3, (2, 60)))
    assert levels_of(young, seasonal=False).features.tolist() == levels_of(young).features.tolist()
    assert np.stack(_season(young, seasonal=levels_of(young, seasonal=True).seasonal)).std(1).min() > 0
