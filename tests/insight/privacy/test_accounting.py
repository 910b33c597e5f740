"""Epsilon against closed forms, against another accountant, and against what a wished epsilon needs."""

import importlib.util
import math
import os
import sys
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError, MissingExtraError, ModelError
from cartveil.insight.privacy import accounting
from cartveil.insight.privacy.accounting import EventLog, Step, epsilon_of, noise_multiplier_for, steps_within
from cartveil.insight.privacy.entries import Draw, Noise, Threshold

#: 100,000 consumers, 256 expected in a batch.
RATE, STEPS, DELTA = 0.00256, 4000, 1e-6


def log_of(*parts: tuple[float, float, int]) -> EventLog:
    """Return a log of (rate, multiplier, times)."""
    lines = [{"what": "training", "rate": rate, "multiplier": sigma, "times": times} for rate, sigma, times in parts]
    return EventLog.restored(lines)


def exact_delta(epsilon: float, mu: float) -> float:
    """Return the delta of Gaussian noise whose sums lie `mu` standard deviations apart.

    Source: Balle and Wang (2018), Improving the Gaussian mechanism, theorem 5.
    """
    below = NormalDist().cdf
    return below(mu / 2 - epsilon / mu) - math.exp(epsilon) * below(-mu / 2 - epsilon / mu)


def exact_epsilon(delta: float, mu: float) -> float:
    low, high = 0.0, 200.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if exact_delta(middle, mu) > delta else (low, middle)
    return high


@pytest.mark.parametrize(("sigma", "steps"), [(1.0, 1), (4.0, 1), (20.0, 100), (8.0, 64)])
def test_without_sampling_it_is_the_closed_form_and_never_below(sigma: float, steps: int) -> None:
    exact = exact_epsilon(DELTA, math.sqrt(steps) / sigma)
    found = epsilon_of(log_of((1.0, sigma, steps)), delta=DELTA)
    assert exact <= found <= exact + 1e-3


def test_parts_of_the_noise_together_cost_what_the_whole_does() -> None:
    sigma = noise_multiplier_for(epsilon=4, delta=DELTA, rate=1.0, steps=1)
    shares = (0.5, 0.3, 0.2)
    parts = log_of(*((1.0, sigma / math.sqrt(share), 1) for share in shares))
    whole = epsilon_of(log_of((1.0, sigma, 1)), delta=DELTA)
    assert epsilon_of(parts, delta=DELTA) == pytest.approx(whole, rel=1e-9)


def test_the_figure_that_is_known_for_a_hundred_thousand_consumers() -> None:
    assert epsilon_of(log_of((RATE, 1.0, STEPS)), delta=DELTA) == pytest.approx(0.960, abs=5e-4)
    assert epsilon_of(log_of((1.0, 1.0, 100)), delta=DELTA) > 50  # who is not drawn at random is not hidden


#: Opacus warns of its own range of orders and of logarithms of 0.
QUIETLY = pytest.mark.filterwarnings("ignore:Optimal order", "ignore:divide by zero")


@pytest.fixture
def prv() -> Any:
    if importlib.util.find_spec("opacus") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Opacus: .ci/run installs the extra `bench`")
        pytest.skip("Opacus is not installed: pip install 'cartveil[bench]'")
    from opacus.accountants import PRVAccountant

    return PRVAccountant()


@pytest.mark.parametrize(("sigma", "rate", "steps"), [(1.0, RATE, STEPS), (0.63, RATE, STEPS), (2.0, 0.05, 300)])
def test_another_accountant_says_the_same(prv: Any, sigma: float, rate: float, steps: int) -> None:
    prv.history = [(sigma, rate, steps)]
    other = prv.get_epsilon(DELTA, eps_error=0.01)  # an upper bound, at most 0.01 too high
    found = epsilon_of(log_of((rate, sigma, steps)), delta=DELTA)
    assert other - 0.025 <= found <= other + 1e-3


@QUIETLY
def test_another_accountant_says_the_same_of_different_steps_together(prv: Any) -> None:
    prv.history = [(1.0, 0.01, 500), (0.8, 0.002, 1000), (10.0, 1.0, 1)]
    found = epsilon_of(log_of((0.01, 1.0, 500), (0.002, 0.8, 1000), (1.0, 10.0, 1)), delta=DELTA)
    assert prv.get_epsilon(DELTA, eps_error=0.01) == pytest.approx(found, abs=0.025)


def test_an_empty_log_costs_nothing() -> None:
    assert epsilon_of(EventLog(), delta=DELTA) == 0.0


def test_a_draw_without_noise_costs_nothing_and_noise_without_a_draw_costs_most() -> None:
    drawn, noised, both = EventLog(), EventLog(), EventLog()
    drawn.append(Draw(0.01, 100, True))
    noised.append(Noise(2.0, 1.0, True, "training"))
    both.append(Draw(0.01, 100, True))
    both.append(Noise(2.0, 1.0, True, "training"))
    costs = [epsilon_of(log, delta=DELTA) for log in (drawn, both, noised)]
    assert costs[0] == 0 < costs[1] < 0.2 * costs[2]


@settings(max_examples=5, deadline=None)
@given(st.floats(2, 6), st.floats(0.001, 0.1), st.integers(1, 30), st.integers(1, 30))
def test_more_steps_less_noise_and_more_sampling_cost_more(sigma: float, rate: float, few: int, more: int) -> None:
    base = epsilon_of(log_of((rate, sigma, few)), delta=1e-5)
    assert base <= epsilon_of(log_of((rate, sigma, few + more)), delta=1e-5) + 1e-9
    assert base <= epsilon_of(log_of((rate, sigma * 0.8, few)), delta=1e-5) + 1e-9
    assert base <= epsilon_of(log_of((min(1.0, rate * 1.5), sigma, few)), delta=1e-5) + 1e-9


def test_a_threshold_uses_up_its_part_of_delta() -> None:
    log = log_of((1.0, 4.0, 1))
    log.append(Threshold(4e-7, "vocabulary"))
    without = epsilon_of(log_of((1.0, 4.0, 1)), delta=6e-7)
    assert without <= epsilon_of(log, delta=1e-6) <= without + 1e-6
    log.append(Threshold(6e-7, "vocabulary"))
    assert epsilon_of(log, delta=1e-6) == math.inf


@pytest.mark.parametrize(
    ("epsilon", "rate", "steps"),
    [(4, RATE, STEPS), (8, 0.02, 500), (0.5, 1.0, 1), (3, 0.3, 20), (0.1, 0.001, 10_000), (40, 0.02, 2000)],
)
def test_what_was_wished_is_kept_and_hardly_anything_wasted(epsilon: float, rate: float, steps: int) -> None:
    sigma = noise_multiplier_for(epsilon=epsilon, delta=DELTA, rate=rate, steps=steps)
    spent = epsilon_of(log_of((rate, sigma, steps)), delta=DELTA)
    assert 0.998 * epsilon <= spent <= epsilon


def test_a_delta_that_promises_little_needs_no_epsilon() -> None:
    sigma = noise_multiplier_for(epsilon=0.01, delta=0.4, rate=1.0, steps=1)
    assert epsilon_of(log_of((1.0, sigma, 1)), delta=0.4) <= 0.01


def test_what_was_done_before_counts_towards_the_wish() -> None:
    before = log_of((1.0, 10.0, 1))
    before.append(Threshold(1e-7, "vocabulary"))
    sigma = noise_multiplier_for(epsilon=2, delta=DELTA, rate=0.05, steps=50, log=before)
    assert sigma > noise_multiplier_for(epsilon=2, delta=DELTA, rate=0.05, steps=50)
    together = log_of((1.0, 10.0, 1), (0.05, sigma, 50))
    together.append(Threshold(1e-7, "vocabulary"))
    assert 1.99 <= epsilon_of(together, delta=DELTA) <= 2


def test_a_wish_that_was_used_up_before_is_refused() -> None:
    with pytest.raises(ModelError, match="no noise is enough"):
        noise_multiplier_for(epsilon=1, delta=DELTA, rate=0.01, steps=10, log=log_of((1.0, 1.0, 1)))


def test_so_many_steps_are_left_as_fit_and_not_one_more() -> None:
    step, done = Step("training", 1.0, 20.0), log_of((1.0, 5.0, 1), (1.0, 20.0, 20))
    found = steps_within(step, most=500, epsilon=3, delta=DELTA, log=done)
    assert 0 < found < 500
    costs = [epsilon_of(log_of((1.0, 5.0, 1), (1.0, 20.0, 20 + found + more)), delta=DELTA) for more in (0, 1)]
    assert costs[0] <= 3 < costs[1]
    assert steps_within(step, most=found - 1, epsilon=3, delta=DELTA, log=done) == found - 1


@pytest.mark.parametrize("half", [1, 50, 100])
def test_what_was_planned_still_fits_when_a_part_of_it_is_done(half: int) -> None:
    sigma = noise_multiplier_for(epsilon=2, delta=DELTA, rate=0.05, steps=100)
    step = Step("training", 0.05, sigma)
    assert steps_within(step, most=100 - half, epsilon=2, delta=DELTA, log=log_of((0.05, sigma, half))) == 100 - half


def test_where_nothing_fits_no_step_is_left_and_where_too_much_was_done_it_is_refused() -> None:
    step = Step("training", 0.05, 1.0)
    cost = epsilon_of(log_of((1.0, 5.0, 1)), delta=DELTA)
    assert steps_within(step, most=9, epsilon=cost, delta=DELTA, log=log_of((1.0, 5.0, 1))) == 0
    with pytest.raises(ModelError, match="costs more than was promised already"):
        steps_within(step, most=9, epsilon=cost - 1e-6, delta=DELTA, log=log_of((1.0, 5.0, 1)))


def test_even_the_largest_wish_gets_some_noise() -> None:
    assert noise_multiplier_for(epsilon=1e5, delta=DELTA, rate=0.01, steps=1) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("name", "value"), [("epsilon", 0), ("epsilon", math.nan), ("delta", 0), ("delta", 1), ("rate", 0), ("rate", 1.1)]
)
def test_a_wish_that_makes_no_sense_is_refused(name: str, value: float) -> None:
    wish: dict[str, Any] = {"epsilon": 1.0, "delta": 1e-6, "rate": 0.1, "steps": 1, name: value}
    with pytest.raises(InputError) as caught:
        noise_multiplier_for(**wish)
    assert caught.value.path == name


def test_the_account_follows_what_was_done_not_what_was_planned() -> None:
    from cartveil.insight.privacy.noise import add_noise
    from cartveil.insight.privacy.randomness import seeded_for_tests
    from cartveil.insight.privacy.sampling import PoissonSampler

    log, random = EventLog(), seeded_for_tests(1)
    sampler = PoissonSampler(50, 0.02, log=log, random=random)
    for _ in range(7):
        sampler.draw()
        add_noise(SimpleNamespace(gradients={"w": torch.zeros(2)}, bound=3.0), multiplier=1.5, log=log, random=random)  # type: ignore[arg-type]
    assert [(step.rate, step.multiplier, step.bound) for step in log.steps] == [(0.02, 1.5, 3.0)] * 7
    assert epsilon_of(log, delta=1e-5) == epsilon_of(log_of((0.02, 1.5, 7)), delta=1e-5)


@pytest.mark.parametrize("delta", [1e-16, 5e-324, 0.0, 1.0, -1.0, math.nan, math.inf])
def test_a_delta_that_cannot_be_accounted_for_is_refused(delta: float) -> None:
    log = log_of((1.0, 4.0, 1))
    for ask in (
        lambda: epsilon_of(log, delta=delta),
        lambda: noise_multiplier_for(epsilon=4, delta=delta, rate=1.0, steps=1),
    ):
        with pytest.raises(InputError) as refused:
            ask()
        assert refused.value.path == "delta"
        assert refused.value.hint


def test_the_least_delta_still_has_an_epsilon() -> None:
    multiplier = noise_multiplier_for(epsilon=4, delta=accounting.LEAST_DELTA, rate=1.0, steps=1)
    assert 3.9 < epsilon_of(log_of((1.0, multiplier, 1)), delta=accounting.LEAST_DELTA) <= 4


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf])
def test_an_epsilon_that_promises_nothing_is_refused(epsilon: float) -> None:
    with pytest.raises(InputError, match="epsilon: must be above 0 and finite"):
        noise_multiplier_for(epsilon=epsilon, delta=DELTA, rate=1.0, steps=1)


def test_without_the_accountant_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    accounting._epsilon.cache_clear()
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(MissingExtraError, match="extra `learn`") as missing:
        epsilon_of(log_of((1.0, 4.0, 1)), delta=DELTA)
    assert "cartveil[learn]" in missing.value.hint
