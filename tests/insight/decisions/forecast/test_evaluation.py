import numpy as np
import pytest

from cartveil.insight.decisions.forecast.baselines import PooledQuantiles, RecentQuantiles, SeasonalNaive, ZeroDemand
from cartveil.insight.decisions.forecast.evaluation import Forecasts, evaluate_forecast, score, score_of
from cartveil.insight.decisions.forecast.horizon import LEVELS, SCORED, target_sums, targets_of, whole
from parts import monthly


def known_chances(jitter, count=4000, rate=0.4, seed=0):
    """Forecasts of Poisson demand by its true distribution, shifted by `jitter` in probability."""
    rng = np.random.default_rng(seed)
    chance = np.cumsum([np.exp(-rate) * rate**k / np.prod(np.arange(1, k + 1.0)) for k in range(12)])
    below = np.concatenate([[0], chance[:-1]])
    levels = np.clip(np.array(LEVELS) + jitter, 0.001, 0.999)
    value = np.array([(chance < level).sum() for level in levels])
    spread = value + (levels - below[value]) / (chance[value] - below[value])
    jittered = np.broadcast_to(spread, (count, 1, len(LEVELS)))
    actual = rng.poisson(rate, (count, 1)).astype(np.float32)
    return Forecasts(whole(jittered), jittered, actual, np.zeros((count, 0), np.float32), np.arange(count))


def test_coverage_of_counts_is_that_of_the_level_where_the_forecast_is_right():
    found = score_of(known_chances(0))
    for level in LEVELS[:SCORED]:
        assert found.coverage[f"{level:.1f}"] == pytest.approx(level, abs=0.02)
    # Two thirds of the outcomes are zero: the plain share cannot be a tenth, whatever is forecast.
    assert found.coverage_plain["0.1"] > 0.6


def test_coverage_of_a_forecast_that_is_too_high_is_too_high():
    found = score_of(known_chances(0.08))
    assert found.coverage["0.5"] == pytest.approx(0.58, abs=0.02)


def test_what_nobody_knows_is_not_scored():
    actual = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]], dtype=np.float32)
    quantiles = np.ones((2, 3, len(LEVELS)), dtype=np.float32)
    wild = quantiles.copy()
    wild[0, 1], wild[1] = 1e6, 1e6
    assert repr(score(wild, actual)) == repr(score(quantiles, actual))
    assert score(quantiles, actual).wql == pytest.approx(np.mean([2 * 2 * level / 4 for level in LEVELS[:SCORED]]))


def test_stock_costs_what_is_left_and_more_what_is_short():
    actual = np.array([[2.0, 4.0]], dtype=np.float32)
    quantiles = np.full((1, 2, len(LEVELS)), 3, dtype=np.float32)
    found = score(quantiles, actual).stock
    assert (found.service, found.left, found.short) == (0.5, 1 / 6, 1 / 6)
    assert found.cost == pytest.approx(20 / 6)


def test_errors_are_scaled_by_those_of_the_naive_forecast():
    past = np.array([[0, 2, 0, 2], [5, 5, 5, 5]], dtype=np.float32)
    quantiles = np.ones((2, 1, len(LEVELS)), dtype=np.float32)
    assert score(quantiles, np.array([[5.0], [9.0]], np.float32), past).rmsse == pytest.approx(2.0)
    past[0, 1] = np.nan
    assert score(quantiles, np.array([[5.0], [9.0]], np.float32), past).rmsse == pytest.approx(2.0)


def test_recent_quantiles_leave_out_what_is_unknown():
    found = RecentQuantiles(4, horizon=2).quantiles(monthly([[9, 2, np.nan, 2, 2], [np.nan] * 5]))
    assert found[0, 0].tolist() == [2] * len(LEVELS)
    assert found[0, targets_of(2).index((0, 2))].tolist() == [4] * len(LEVELS)
    assert found[1].max() == 0


def test_recent_quantiles_of_counts_cover_what_their_levels_say():
    demand = monthly(np.random.default_rng(0).poisson(0.5, (1500, 60)))
    found = evaluate_forecast(demand, lambda _: RecentQuantiles(48, horizon=12), origins=[48], least_sales=0)
    for level, share in found.coverage.items():
        assert share == pytest.approx(float(level), abs=0.03)


def test_baselines_look_as_far_ahead_as_they_are_asked():
    demand = monthly(np.arange(30)[None] % 12)
    assert SeasonalNaive(12, horizon=12).quantiles(demand)[0, :12, 0].tolist() == [*range(6, 12), *range(6)]
    assert ZeroDemand(5).quantiles(demand).shape == (1, 9, len(LEVELS))
    assert evaluate_forecast(demand, lambda _: SeasonalNaive(12, horizon=12), origins=[18]).wql == 0


def test_sums_over_an_unknown_period_are_unknown():
    found = target_sums(np.array([[1, np.nan, 2, 3]], np.float32), horizon=2)[0]
    np.testing.assert_array_equal(found[:, 0], [np.nan, 2, 3, np.nan])  # the next period
    np.testing.assert_array_equal(found[:, 2], [np.nan, 5, np.nan, np.nan])  # the next two together


def test_pooled_quantiles_learn_from_items_that_sell_as_much():
    rng = np.random.default_rng(0)
    demand = rng.poisson(np.repeat([0.3, 6], 400)[:, None], (800, 40)).astype(np.float32)
    demand[0], demand[1, 20:] = 0, np.nan
    found = evaluate_forecast(monthly(demand), lambda _: PooledQuantiles(4, horizon=6), origins=[34], least_sales=0)
    for level, share in found.coverage.items():
        assert share == pytest.approx(float(level), abs=0.03)
    quantiles = PooledQuantiles(4, horizon=6).quantiles(monthly(demand))
    assert np.isfinite(quantiles).all()
    assert quantiles[0].max() == 0
    assert quantiles[-1, 0].tolist() == pytest.approx([3, 4, 5, 5, 6, 7, 7, 8, 9, 10, 12], abs=2)
