from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.forecast import (
    ForecastConfig,
    Forecaster,
    RecentQuantiles,
    SeasonalNaive,
    evaluate_forecast,
    reorder_quantity,
    train_forecaster,
)
from cartveil.insight.decisions.forecast.baselines import ZeroDemand
from cartveil.insight.decisions.forecast.evaluation import score
from cartveil.insight.decisions.forecast.horizon import LEVELS, QUANTILE_COLUMNS, TARGETS, target_sums
from cartveil.insight.decisions.forecast.lessons import WARM_UP, Plan, lessons_of
from cartveil.insight.sequences.series import DemandSeries
from cartveil.insight.training.loop import TrainingConfig
from parts import intermittent

torch.set_num_threads(1)
SMALL = ForecastConfig(hidden=8, batch=16, training=TrainingConfig(epochs=3, learning_rate=1e-2))


def series(demand):
    demand = np.asarray(demand, dtype=np.float32)
    weeks = np.datetime64("2024-01-01") + 7 * np.arange(demand.shape[1])
    names = tuple(f"item {row:03d}" for row in range(len(demand)))
    return DemandSeries(names, weeks, demand, (demand > 0).astype(np.float32), names)


def shop(items=60, weeks=24, seed=0):
    rng = np.random.default_rng(seed)
    return series(rng.poisson(rng.gamma(1.5, 6, (items, 1)), (items, weeks)))


@pytest.fixture(scope="module")
def trained():
    return train_forecaster(shop(), config=SMALL)


def test_quantiles_rise_and_are_not_negative(trained):
    found = trained.quantiles(shop())
    assert found.shape == (60, len(TARGETS), len(LEVELS))
    assert found.min() >= 0
    assert (np.diff(found, axis=-1) >= -1e-4).all()


def test_forecast_names_the_coming_mondays(trained):
    table = trained.forecast(shop())
    assert table.column_names == ["item", "week", *QUANTILE_COLUMNS]
    assert [str(day) for day in table["week"].to_pylist()[:4]] == [
        "2024-06-17",
        "2024-06-24",
        "2024-07-01",
        "2024-07-08",
    ]
    assert table.num_rows == 4 * 60


def test_totals_grow_with_the_weeks(trained):
    table = trained.totals(shop())
    medians = table["q50"].to_numpy().reshape(60, 4)
    assert (np.diff(medians, axis=1) >= 0).all()
    assert table["weeks"].to_pylist()[:4] == [1, 2, 3, 4]


def test_it_learns_more_than_zero(trained):
    assert 0 < trained.held_back < 0.6


def test_what_comes_after_the_origin_is_not_looked_at():
    demand = shop(weeks=28)
    changed = replace(demand, demand=demand.demand.copy())
    changed.demand[:, 24:] = 999
    first, second = (
        train_forecaster(data.before(24), config=SMALL).quantiles(data.before(24)) for data in (demand, changed)
    )
    np.testing.assert_array_equal(first, second)


def test_the_same_seed_gives_the_same_forecast(trained):
    again = train_forecaster(shop(), config=SMALL)
    np.testing.assert_array_equal(again.quantiles(shop()), trained.quantiles(shop()))


def test_an_item_that_never_sold_is_forecast_zero_and_a_new_one_is_not(trained):
    demand = np.zeros((2, 24))
    demand[1, -1] = 12
    found = trained.quantiles(series(demand))
    assert found[0].max() == 0
    assert found[1, :, -1].min() > 0
    assert np.isfinite(found).all()


def test_one_week_is_too_little_to_train_on_and_the_baseline_still_answers():
    with pytest.raises(ModelError, match="1 whole weeks are too few") as caught:
        train_forecaster(series([[3.0]]), config=SMALL)
    assert "RecentQuantiles" in caught.value.hint
    assert RecentQuantiles().quantiles(series([[3.0]]))[0, :4].tolist() == [[3.0] * len(LEVELS)] * 4


def test_too_few_weeks_to_hold_back_are_trained_on_whole():
    assert np.isnan(train_forecaster(shop(weeks=7), config=SMALL).held_back)


def test_nothing_ever_sold_is_an_error():
    with pytest.raises(ModelError, match="no item was ever sold"):
        train_forecaster(series(np.zeros((3, 20))), config=SMALL)


def test_saved_and_loaded_it_forecasts_the_same(trained, tmp_path):
    trained.save(tmp_path, card={"data_digest": "abc"})
    again = Forecaster.load(tmp_path)
    assert again.forecast(shop()).equals(trained.forecast(shop()))
    assert (again.config, again.held_back) == (trained.config, trained.held_back)


def test_baselines_know_sums_from_weeks():
    demand = series([[1, 2, 3, 4, 5, 6, 7, 8]])
    recent, naive = RecentQuantiles().quantiles(demand), SeasonalNaive(season=8).quantiles(demand)
    assert recent[0, 0, LEVELS.index(0.5)] == 4.5
    assert recent[0, TARGETS.index((0, 4)), LEVELS.index(0.5)] == 18
    assert naive[0, :, 0].tolist() == [1, 2, 3, 4, 3, 6, 10]


def test_target_sums_agree_with_a_loop():
    demand = np.arange(1.0, 8.0, dtype=np.float32)[None]
    found = target_sums(demand)
    for week in range(7):
        for place, (begin, end) in enumerate(TARGETS):
            later = demand[0, week + 1 + begin : week + 1 + end]
            assert np.isnan(found[0, week, place]) if len(later) < end - begin else found[0, week, place] == later.sum()


def test_zero_forecast_scores_one_and_a_perfect_one_zero():
    actual = np.array([[1.0, 0, 3, 2]], dtype=np.float32)
    perfect = np.repeat(np.pad(actual, ((0, 0), (0, 3)))[..., None], len(LEVELS), axis=-1)
    zero = score(np.zeros_like(perfect), actual)
    assert zero.wql == pytest.approx(1.0)
    assert (zero.coverage_plain["0.5"], zero.coverage["0.5"]) == (0.25, 0.125)
    assert score(perfect, actual).wql == pytest.approx(0.0)


def test_evaluation_trains_on_what_was_known_alone():
    seen = []

    def train(known):
        seen.append(known.demand.shape[1])
        return ZeroDemand()

    assert evaluate_forecast(shop(), train, origins=[12, 20]).wql == pytest.approx(1.0)
    assert seen == [12, 20]
    with pytest.raises(InputError, match="week 23"):
        evaluate_forecast(shop(), train, origins=[23])


def test_reorder_rises_with_service_level_and_falls_with_stock(trained):
    totals = trained.totals(shop())

    def units(level, stock=0.0):
        return reorder_quantity(totals, service_level=level, lead_time=3, stock=stock)["quantity"].to_numpy()

    quantities = [units(level) for level in (0.05, 0.5, 0.9, 0.95, 0.97, 0.98, 0.99, 0.999)]
    assert all((low <= high).all() for low, high in pairwise(quantities))
    assert (units(0.9, stock=5) <= units(0.9)).all()
    assert units(0.9, stock={"item 000": 1e9})[0] == 0


@pytest.mark.parametrize(
    "wrong",
    [{"service_level": 1.0}, {"service_level": 0.0}, {"lead_time": 53}, {"lead_time": 0}, {"stock": float("nan")}],
)
def test_reorder_refuses_what_makes_no_sense(trained, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        reorder_quantity(trained.totals(shop()), **wrong)


YEAR = replace(SMALL, horizon=12)


def test_a_year_of_months_is_forecast_at_once():
    forecaster = train_forecaster(intermittent(), config=YEAR)
    table, totals = forecaster.forecast(intermittent()), forecaster.totals(intermittent())
    assert table.column_names[:2] == ["item", "month"]
    assert [str(day) for day in table["month"].to_pylist()[:12:11]] == ["2024-05-01", "2025-04-01"]
    assert totals["months"].to_pylist()[:12] == list(range(1, 13))
    quantiles = forecaster.quantiles(intermittent())
    np.testing.assert_array_equal(quantiles, np.round(quantiles))


def test_what_is_unknown_is_not_learnt_from():
    demand = intermittent(months=12)
    unknown = demand.demand.copy()
    unknown[0, 6] = np.nan
    unknown[1] = np.nan
    lessons = lessons_of(replace(demand, demand=unknown), Plan(2, emphasis=0.5, memory=24, identify=False, size=8))
    assert 1 not in lessons.rows
    weight = lessons.lesson(np.array([0]), np.random.default_rng(0)).weight[0].numpy()  # (T, targets)
    began = max(int((np.nan_to_num(unknown[0]) > 0).argmax()), WARM_UP - 1)
    wanted = np.zeros((12, 3), bool)
    for month in range(began, 12):
        for place, later in enumerate(([month + 1], [month + 2], [month + 1, month + 2])):
            wanted[month, place] = all(each < 12 and each != 6 for each in later)
    np.testing.assert_array_equal(weight > 0, wanted)


def test_unknown_periods_do_not_break_the_forecast():
    demand = intermittent()
    unknown = demand.demand.copy()
    unknown[:20, 10:], unknown[20], unknown[21] = np.nan, np.nan, 0
    demand = replace(demand, demand=unknown)
    found = train_forecaster(demand, config=YEAR).quantiles(demand)
    assert np.isfinite(found).all()
    assert found[20:22].max() == 0
    assert found[:20].max() > 0


def test_fractions_are_forecast_as_fractions():
    demand = intermittent()
    found = train_forecaster(replace(demand, demand=demand.demand * np.float32(0.3)), config=YEAR)
    assert found.unit < 1
    quantiles = found.quantiles(replace(demand, demand=demand.demand * np.float32(0.3)))
    assert 0 < quantiles.max() < 60
    assert (quantiles != np.round(quantiles)).any()


def test_items_and_categories_are_embedded_and_new_ones_are_unknown(tmp_path):
    demand = replace(intermittent(), categories=("brakes", "lights") * 20)
    found = train_forecaster(demand, config=replace(YEAR, identify=True))
    new = replace(demand, items=tuple(f"new {row}" for row in range(40)), categories=("seats",) * 40)
    assert (found.quantiles(new) != found.quantiles(demand)).any()
    assert np.isfinite(found.quantiles(new)).all()
    found.save(tmp_path)
    np.testing.assert_array_equal(Forecaster.load(tmp_path).quantiles(demand), found.quantiles(demand))


def test_series_of_another_kind_are_refused():
    forecaster = train_forecaster(intermittent(), config=YEAR)
    with pytest.raises(ModelError, match="another kind of series"):
        forecaster.quantiles(shop())


def test_how_long_it_will_take_is_said_before_the_first_epoch():
    told = []
    train_forecaster(shop(), config=SMALL, on_epoch=lambda epoch: told.append(epoch.number), on_progress=told.append)
    assert told[0].startswith("training will take about")
    assert told.count(1) == 2


def test_no_horizon_is_refused():
    with pytest.raises(InputError, match="horizon"):
        ForecastConfig(horizon=0)


def test_sales_that_began_with_the_last_period_known_to_the_rehearsal_are_learnt_from():
    demand = np.zeros((9, 24))
    demand[:, 19:] = 3
    found = train_forecaster(series(demand), config=SMALL)
    assert np.isnan(found.held_back)
    assert found.quantiles(series(demand)).max() > 0
    demand[:, 19:23] = 0
    with pytest.raises(ModelError, match="nothing to train on"):
        train_forecaster(series(demand), config=SMALL)
