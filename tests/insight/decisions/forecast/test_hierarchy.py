from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast import RecentQuantiles
from cartveil.insight.decisions.forecast.coherent import coherent_forecast, joint_ranks
from cartveil.insight.decisions.forecast.hierarchy import GRAIN, OTHER, hierarchy_of, reconcile, upper_series
from cartveil.insight.decisions.forecast.horizon import LEVELS, QUANTILE_COLUMNS
from cartveil.insight.sequences.series import DemandSeries

from .test_forecaster import shop

ABC = hierarchy_of(["a", "b", "c"], {"category": ["fruit", "fruit", "bread"]})
#: Sums of the items of `ABC`, as a matrix: items, bread, fruit, total.
SUMMING = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [1, 1, 0], [1, 1, 1]], dtype=float)


def by_matrix(base, covariance):
    """Return what MinT's own formula gives, nothing held at zero."""
    inverse = np.linalg.inv(covariance)
    return SUMMING @ np.linalg.solve(SUMMING.T @ inverse @ SUMMING, SUMMING.T @ inverse @ base)


def near(rng, *, periods):
    """Return forecasts that nearly agree."""
    return SUMMING @ rng.uniform(50, 60, (3, periods)) + rng.normal(0, 5, (6, periods))


def test_nodes_are_items_then_groups_then_the_total():
    assert ABC.names == (
        ("item", "a"),
        ("item", "b"),
        ("item", "c"),
        ("category", "bread"),
        ("category", "fruit"),
        ("total", "total"),
    )
    values = np.array([3.0, 4.0, 8.0])
    assert ABC.sums(values).tolist() == (SUMMING @ values)[3:].tolist()


def test_items_without_a_group_stand_together():
    assert hierarchy_of(["a", "b"], {"category": [None, ""]}).names[2:] == (("category", OTHER), ("total", "total"))


def test_groups_need_not_nest():
    crossed = hierarchy_of(["a", "b"], {"shelf": ["x", "y"], "colour": ["red", "red"]})
    assert crossed.sums(np.array([1.0, 2.0])).tolist() == [1, 2, 3, 3]


@pytest.mark.parametrize("seed", range(5))
def test_weighted_least_squares_agrees_with_the_formula(seed):
    rng = np.random.default_rng(seed)
    base, spread = near(rng, periods=2), rng.uniform(0.5, 3, 6)
    np.testing.assert_allclose(
        reconcile(base, ABC, spread=spread), by_matrix(base, np.diag(spread**2)), atol=3 * GRAIN, rtol=1e-6
    )


def test_related_errors_agree_with_the_formula_for_their_shrunk_covariance():
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(6, 40)) + rng.normal(size=40)
    base, spread = near(rng, periods=1), rng.uniform(0.5, 3, 6)
    scaled = errors / np.sqrt(np.mean(errors**2, axis=1, keepdims=True))
    correlation = scaled @ scaled.T / 40
    products = scaled[:, None] * scaled[None]  # (6, 6, 40)
    variance = 40 / 39**3 * np.square(products - products.mean(-1, keepdims=True)).sum(-1)
    apart = ~np.eye(6, dtype=bool)
    shrinkage = np.clip(variance[apart].sum() / np.square(correlation)[apart].sum(), 0, 1)
    covariance = np.outer(spread, spread) * np.where(apart, (1 - shrinkage) * correlation, 1.0)
    assert 0 < shrinkage < 1
    np.testing.assert_allclose(
        reconcile(base, ABC, spread=spread, errors=errors), by_matrix(base, covariance), rtol=1e-5
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e4), min_size=6, max_size=6), st.lists(st.floats(0.01, 1e3), min_size=6, max_size=6))
def test_sums_agree_to_the_last_bit_in_any_order_and_nothing_is_negative(base, spread):
    found = reconcile(np.array(base)[:, None], ABC, spread=np.array(spread))[:, 0]
    a, b, c, bread, fruit, total = found.tolist()
    assert c == bread
    assert a + b == fruit
    assert a + b + c == c + b + a == fruit + bread == total
    assert min(found) >= 0


def test_what_agrees_already_is_left_as_it_was():
    agreed = SUMMING @ np.array([[3.0], [0.0], [8.5]])
    np.testing.assert_allclose(reconcile(agreed, ABC, spread=np.ones(6)), agreed, atol=GRAIN)


def test_what_is_certain_is_not_changed_and_the_unsure_gives_way():
    base = np.array([[3.0], [4.0], [8.0], [8.0], [8.0], [16.0]])
    sure = reconcile(base, ABC, spread=np.array([1.0, 1, 1, 1, 1, 0]))
    assert sure[5, 0] == pytest.approx(16)
    unsure = reconcile(base, ABC, spread=np.array([1e-3, 1e-3, 1e-3, 1, 1, 100]))
    np.testing.assert_allclose(unsure[:3], base[:3], atol=1e-3)


def test_an_item_held_at_zero_leaves_the_rest_as_near_as_they_can_be():
    base = np.array([[0.5], [20.0], [20.0], [20.0], [15.0], [30.0]])
    spread = np.array([5.0, 1, 1, 1, 1, 1])
    found = reconcile(base, ABC, spread=spread)
    assert found[0, 0] == 0
    without_a = np.delete(SUMMING, 0, axis=1)
    weight = np.diag(1 / spread[1:] ** 2)
    best = np.linalg.solve(without_a[1:].T @ weight @ without_a[1:], without_a[1:].T @ weight @ base[1:])
    np.testing.assert_allclose(found[1:3], best, atol=1e-3)


def test_wrong_shapes_and_values_are_refused():
    with pytest.raises(InputError, match="not those of 6 nodes"):
        reconcile(np.ones((5, 1)), ABC, spread=np.ones(5))
    with pytest.raises(InputError, match="finite"):
        reconcile(np.full((6, 1), np.nan), ABC, spread=np.ones(6))
    with pytest.raises(InputError, match="category"):
        hierarchy_of(["a", "b"], {"category": ["x"]})
    with pytest.raises(InputError, match="needs an item"):
        hierarchy_of([])


def categories(demand):
    return [("a", "b", "c")[row % 3] for row in range(len(demand.items))]


@pytest.fixture(scope="module")
def forecast():
    demand = shop(items=30, weeks=40)
    hierarchy = hierarchy_of(demand.items, {"category": categories(demand)})
    return demand, hierarchy, coherent_forecast(RecentQuantiles(), demand, hierarchy)


def test_a_forecast_of_all_nodes_adds_up_and_its_quantiles_rise(forecast):
    _, hierarchy, found = forecast
    assert not hierarchy.differences(found.means).any()
    assert (np.diff(found.quantiles, axis=-1) >= -1e-6).all()
    assert (found.quantiles >= 0).all()


def test_independent_items_make_a_total_that_is_surer_than_the_sum_of_their_quantiles(forecast):
    _, _, found = forecast
    low, high = LEVELS.index(0.1), LEVELS.index(0.9)
    total, items = found.quantiles[-1], found.quantiles[:30].sum(0)
    assert (total[:, high] - total[:, low] < 0.6 * (items[:, high] - items[:, low])).all()


def test_items_that_move_together_make_a_total_as_unsure_as_they_are():
    rng = np.random.default_rng(0)
    busy = rng.gamma(4, 3, 60)
    demand = replace(shop(items=20, weeks=60), demand=np.tile(busy, (20, 1)).astype(np.float32))
    found = coherent_forecast(RecentQuantiles(periods=60), demand, hierarchy_of(demand.items))
    low, high = LEVELS.index(0.1), LEVELS.index(0.9)
    total, items = found.quantiles[-1], found.quantiles[:20].sum(0)
    np.testing.assert_allclose(total[:, high] - total[:, low], items[:, high] - items[:, low], rtol=0.2)


def test_a_forecast_of_all_nodes_as_a_table(forecast):
    demand, _, found = forecast
    table = found.table()
    assert table.column_names == ["level", "node", "week", "mean", *QUANTILE_COLUMNS]
    assert table.num_rows == 4 * (30 + 3 + 1)
    assert found.table(level="category")["node"].to_pylist()[::4] == ["a", "b", "c"]
    assert str(table["week"][0]) == str(demand.coming(1)[0])
    with pytest.raises(InputError, match="no level `shelf`"):
        found.table(level="shelf")


def test_upper_series_are_sums_over_their_items(forecast):
    demand, hierarchy, _ = forecast
    upper = upper_series(demand, hierarchy)
    assert upper.items == ("a", "b", "c", "total")
    np.testing.assert_allclose(upper.demand[-1], demand.demand.sum(0))
    with pytest.raises(InputError, match="other items"):
        upper_series(demand.of([0, 1]), hierarchy)


def test_ranks_are_evenly_spread_and_go_together_as_the_past_did():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=80)
    past = 50 + np.stack([shared, shared, -shared]) * 5
    ranks = joint_ranks(past, 3, draws=400, random=rng)
    assert ranks.shape == (3, 400, 3)
    assert ranks.mean() == pytest.approx(0.5, abs=0.05)
    first = np.corrcoef(ranks[:, :, 0])
    assert first[0, 1] > 0.9
    assert first[0, 2] < -0.9


def test_a_past_too_short_to_tell_gives_ranks_that_know_nothing_of_each_other():
    ranks = joint_ranks(np.ones((2, 5)), 4, draws=500, random=np.random.default_rng(0))
    assert abs(np.corrcoef(ranks[:, :, 0])[0, 1]) < 0.15


def test_a_shop_where_nothing_was_sold_is_forecast_nothing():
    demand = replace(shop(items=4, weeks=20), demand=np.zeros((4, 20), np.float32))
    found = coherent_forecast(RecentQuantiles(), demand, hierarchy_of(demand.items))
    assert not found.means.any()
    assert not found.quantiles.any()


def test_a_release_gives_its_own_categories(forecast):
    demand = forecast[0]
    named = replace(demand, categories=tuple(categories(demand)))
    assert hierarchy_of(named.items, {"category": named.categories}).upper == 4


def test_a_group_costs_what_its_items_cost_by_what_was_sold():
    found = DemandSeries(
        items=("a", "b", "c"),
        starts=np.array(["2024-01-01", "2024-01-08"], "datetime64[D]"),
        demand=np.array([[1, 0], [3, 0], [5, 0]], np.float32),
        prices=np.array([[2, np.nan], [6, np.nan], [np.nan, np.nan]], np.float32),
    )
    upper = upper_series(found, hierarchy_of(found.items, {"shelf": ("x", "x", "y")}))
    prices = dict(zip(upper.items, upper.prices[:, 0].tolist(), strict=True))
    assert prices["x"] == 5.0
    assert np.isnan(prices["y"])
    assert np.isnan(upper.prices[:, 1]).all()
