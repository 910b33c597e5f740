from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.horizon import LEVELS, QUANTILE_COLUMNS
from cartveil.insight.decisions.forecast.reorder import carried_on, reorder_quantity
from cartveil.insight.decisions.forecast.tails import at_levels, mean_and_spread

LEVEL = np.array(LEVELS)


def totals(sums, period="weeks"):
    """Return a table of quantiles (I, horizon, levels) as a forecaster gives it."""
    items, horizon, _ = sums.shape
    flat = sums.reshape(-1, len(LEVELS))
    return pa.table(
        {
            "item": [f"item {row}" for row in range(items) for _ in range(horizon)],
            period: np.tile(np.arange(1, horizon + 1), items),
            **{name: flat[:, place] for place, name in enumerate(QUANTILE_COLUMNS)},
        }
    )


def normal_sums(mean, spread, *, horizon=4, power=0.5):
    """Return quantiles of sums of periods with this mean, whose spread grows with a power of their number."""
    periods = np.arange(1, horizon + 1)
    return (mean * periods[:, None] + spread * periods[:, None] ** power * norm.ppf(LEVEL))[None]


NORMAL = normal_sums(100.0, 12.0)


def units(table, **asked):
    return reorder_quantity(table, **asked)["quantity"].to_pylist()


def test_up_to_the_horizon_it_is_the_forecast_itself():
    assert units(totals(NORMAL), service_level=0.95, lead_time=3) == [int(np.ceil(NORMAL[0, 2, LEVELS.index(0.95)]))]
    assert reorder_quantity(totals(NORMAL), lead_time=4)["forecast"].to_pylist() == [True]


@pytest.mark.parametrize("power", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("periods", [5, 8, 20])
def test_beyond_the_horizon_the_spread_grows_as_it_did_before(power, periods):
    found = reorder_quantity(totals(normal_sums(100, 12, power=power)), service_level=0.9, lead_time=periods)
    true = 100 * periods + 12 * periods**power * norm.ppf(0.9)
    assert found["needed"][0].as_py() == pytest.approx(true, rel=0.01)
    assert found["forecast"].to_pylist() == [False]


def test_review_is_time_that_stock_has_to_last_too():
    table = totals(NORMAL)
    assert units(table, lead_time=2, review=2) == units(table, lead_time=4)
    assert units(table, lead_time=3, review=5) == units(table, lead_time=8)


def test_stock_is_taken_off_and_who_waits_is_added():
    table = totals(NORMAL)
    (whole,) = units(table)
    assert units(table, stock=50.0) == [whole - 50]
    assert units(table, stock={"item 0": -7}) == [whole + 7]
    assert units(table, stock={"another": 1e9}) == [whole]
    assert units(table, stock=1e9) == [0]


def test_months_are_periods_like_any_other():
    assert units(totals(NORMAL, "months"), lead_time=3) == units(totals(NORMAL), lead_time=3)


def test_an_item_that_never_sells_is_not_ordered_however_far_ahead():
    none = totals(np.zeros((1, 4, len(LEVELS))))
    assert [units(none, lead_time=periods) for periods in (1, 4, 12)] == [[0]] * 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 50), min_size=11, max_size=11), st.floats(0.05, 0.999), st.integers(1, 40))
def test_more_periods_and_a_higher_level_never_need_less(steps, level, periods):
    first = np.sort(np.array(steps))
    sums = np.cumsum(np.repeat(first[None], 4, axis=0), axis=0)[None]
    table = totals(sums)
    assert units(table, service_level=level, lead_time=periods) <= units(
        table, service_level=level, lead_time=periods + 1
    )
    lower = units(table, service_level=level / 2, lead_time=periods)
    assert lower <= units(table, service_level=level, lead_time=periods)


def test_carried_on_quantiles_rise():
    rng = np.random.default_rng(0)
    sums = np.sort(np.cumsum(rng.gamma(1, 5, (30, 4, len(LEVELS))), axis=1), axis=-1)
    found = carried_on(sums, 9)
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found >= sums[:, -1]).all()


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"service_level": 1.0}, "service_level"),
        ({"lead_time": 0}, "lead_time"),
        ({"review": -1}, "review"),
        ({"lead_time": 40, "review": 20}, "lead_time"),
        ({"stock": float("nan")}, "stock"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, path):
    with pytest.raises(InputError) as caught:
        reorder_quantity(totals(NORMAL), **wrong)
    assert caught.value.path == path


def test_a_table_of_something_else_is_refused():
    with pytest.raises(InputError, match="totals"):
        reorder_quantity(pa.table({"item": ["a"]}))
    with pytest.raises(InputError, match="lacks a sum"):
        reorder_quantity(totals(np.repeat(NORMAL, 2, axis=0)).slice(1))


def test_levels_between_and_beyond_are_read_as_documented():
    quantiles = NORMAL[0, 0]
    read = [float(at_levels(quantiles, level)) for level in (0.05, 0.1, 0.15, 0.5, 0.95, 0.98, 0.99, 0.999)]
    assert all(low < high for low, high in pairwise(read))
    fall = (quantiles[1] - quantiles[0]) / np.log(2)
    assert read[0] == pytest.approx(quantiles[0] - fall * np.log(2))
    assert read[2] == pytest.approx((quantiles[0] + quantiles[1]) / 2)
    slope = (quantiles[-1] - quantiles[-2]) / np.log(0.05 / 0.02)
    assert read[-1] == pytest.approx(quantiles[-1] + slope * np.log(0.02 / 0.001))


def test_mean_and_spread_of_a_normal_forecast():
    mean, spread = mean_and_spread(NORMAL[0, 0])
    assert (float(mean), float(spread)) == pytest.approx((100, 12), rel=0.05)
    mean, spread = mean_and_spread(-10 * np.log(1 - LEVEL))
    assert (float(mean), float(spread)) == pytest.approx((10, 10), rel=0.05)
