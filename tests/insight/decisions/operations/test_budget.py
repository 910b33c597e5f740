from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.decisions.operations.budget import AlarmBudget, choose_budget, hold_budget, keep_budget


def period(days, *, per_day=60, scale=1.0, seed=0, first=0):
    """Return scores and days of so many units a day."""
    scores = np.random.default_rng(seed).exponential(scale, days * per_day)
    return scores, np.repeat(np.arange(first, first + days), per_day)


def test_the_threshold_is_reached_as_often_as_the_budget_says():
    scores, days = period(20)
    for per_day in (0.5, 2, 10):
        budget = choose_budget(scores, days, per_day=per_day)
        assert (scores >= budget.threshold()).sum() == pytest.approx(20 * per_day, abs=1)


def test_less_than_one_alert_in_all_the_days_lies_above_the_highest_score():
    scores, days = period(10)
    thresholds = [choose_budget(scores, days, per_day=rate).threshold() for rate in (0.04, 0.01, 0.001)]
    assert scores.max() < thresholds[0] < thresholds[1] < thresholds[2]


def test_a_day_without_any_unit_is_a_day():
    budget = choose_budget(np.array([3.0, 2.0, 1.0]), np.array([0, 5, 9]), per_day=0.2)
    assert 1.0 < budget.threshold() < 2.0  # two alerts in ten days


@pytest.mark.parametrize("per_day", [1, 5, 20])
@pytest.mark.parametrize("drift", [0.5, 1.0, 1.5, 3.0])
def test_the_budget_is_kept_within_a_fifth_whatever_becomes_of_the_scores(per_day, drift):
    budget = choose_budget(*period(10), per_day=per_day)
    kept = keep_budget(budget, *period(20, scale=drift, seed=1, first=10))
    assert kept.ratio == pytest.approx(1, abs=0.2)


def test_a_threshold_that_is_only_held_goes_stale():
    budget = choose_budget(*period(10), per_day=5)
    assert hold_budget(budget, *period(20, scale=1.5, seed=1, first=10)).ratio > 2


def test_weekends_with_few_events_are_made_up_for():
    scores, days = period(28, seed=2, first=10)
    week = (days % 7 < 5) | (np.random.default_rng(0).random(len(days)) < 0.1)
    assert keep_budget(choose_budget(*period(10), per_day=5), scores[week], days[week]).ratio == pytest.approx(
        1, abs=0.1
    )


def test_one_day_brings_three_times_the_budget_at_most_and_the_strongest():
    scores, days = period(10, first=10)
    scores[days == 14] += 50
    kept = keep_budget(choose_budget(*period(10), per_day=5), scores, days)
    assert kept.counts[4] == 15
    assert scores[kept.alerted & (days == 14)].min() >= np.sort(scores[days == 14])[-15]


def test_tied_scores_do_not_flood_a_day():
    scores = np.ones(200)
    kept = keep_budget(
        choose_budget(np.ones(100), np.repeat(np.arange(10), 10), per_day=1), scores, np.repeat([10, 11], 100)
    )
    assert kept.counts.max() <= 3


@pytest.mark.parametrize("per_day", [0.5, 1, 5])
def test_tied_scores_keep_the_budget(per_day):
    generator = np.random.default_rng(0)
    scores, days = np.where(generator.random(3000) < 0.3, 1.0, generator.random(3000)), np.repeat(np.arange(50), 60)
    early = days < 10
    kept = keep_budget(choose_budget(scores[early], days[early], per_day=per_day), scores[~early], days[~early])
    assert kept.ratio == pytest.approx(1, abs=0.15)


def test_what_stands_above_tied_scores_comes_before_them():
    scores, days = np.ones(600), np.repeat(np.arange(20), 30)
    scores[::30] = 5.0
    early = days < 10
    kept = keep_budget(choose_budget(scores[early], days[early], per_day=2), scores[~early], days[~early])
    assert kept.alerted[scores[~early] == 5.0].all()
    assert kept.ratio == pytest.approx(1, abs=0.1)


def test_what_was_confirmed_does_not_count_against_the_budget():
    scores, days = period(20, first=10)
    attack = np.zeros(len(scores), dtype=bool)
    attack[::15] = True  # four a day
    scores[attack] += 9
    kept = keep_budget(choose_budget(*period(10), per_day=3), scores, days, excused=attack)
    assert kept.alerted[attack].all()
    assert (kept.alerted & ~attack).sum() / 20 == pytest.approx(3, abs=0.6)


def test_what_has_no_evidence_is_no_alert():
    budget = choose_budget(np.zeros(50), np.arange(50), per_day=5)
    assert not keep_budget(budget, np.zeros(30), np.arange(50, 80)).alerted.any()


def test_without_validation_days_and_without_units_nothing_breaks():
    nothing, none = np.empty(0), np.empty(0, dtype=np.int64)
    budget = choose_budget(nothing, none, per_day=5)
    assert len(keep_budget(budget, nothing, none).counts) == 0
    assert keep_budget(budget, *period(20, first=0)).ratio == pytest.approx(1, abs=0.2)


def test_a_period_can_go_on_where_the_one_before_left_off():
    scores, days = period(20, first=10)
    whole = keep_budget(choose_budget(*period(10), per_day=5), scores, days)
    late = keep_budget(replace(whole.budget), *period(10, first=30, seed=5))
    assert late.ratio == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("per_day", [0, -1, float("nan")])
def test_a_budget_of_nothing_is_refused(per_day):
    with pytest.raises(InputError, match="above 0"):
        choose_budget(*period(2), per_day=per_day)


def test_another_number_of_days_than_of_scores_is_refused():
    with pytest.raises(InputError, match="3 days for 2 scores"):
        AlarmBudget(1, np.ones(2), np.arange(3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 15), st.sampled_from([1, 4]))
def test_the_threshold_of_a_day_does_not_depend_on_later_days(seed, until, per_day):
    budget = choose_budget(*period(10), per_day=per_day)
    scores, days = period(15, seed=seed, first=10)
    early = days < 10 + until
    whole, part = keep_budget(budget, scores, days), keep_budget(budget, scores[early], days[early])
    np.testing.assert_array_equal(whole.thresholds[:until], part.thresholds)
    np.testing.assert_array_equal(whole.alerted[early], part.alerted)
