import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, norm

from cartveil.errors import InputError
from cartveil.insight.privacy.auditing.one_run import bound_from_one_run, epsilon_shown, p_value

COUNTS = st.integers(1, 60).flatmap(
    lambda canaries: st.integers(0, canaries).flatmap(
        lambda guesses: st.tuples(st.integers(0, guesses), st.just(guesses), st.just(canaries))
    )
)
EPSILONS, DELTAS = st.floats(0, 8), st.sampled_from([0.0, 1e-6, 1e-3, 0.05])


def accuracy(epsilon: float) -> float:
    """Return how often randomized response is right."""
    return 1 / (1 + math.exp(-epsilon))


def reference(correct: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """Return the theorem's p-value, term by term, with i up to m."""
    right = binom(guesses, accuracy(epsilon))
    alpha = max(float(right.cdf(correct - 1) - right.cdf(correct - i - 1)) / i for i in range(1, canaries + 1))
    return min(1.0, float(right.sf(correct - 1)) + 2 * canaries * delta * alpha)


@given(COUNTS, EPSILONS, DELTAS)
def test_p_values_are_the_theorems(counts: tuple[int, int, int], epsilon: float, delta: float) -> None:
    correct, guesses, canaries = counts
    found = p_value(correct, guesses, canaries=canaries, epsilon=epsilon, delta=delta)
    assert found == pytest.approx(reference(*counts, epsilon, delta), rel=1e-9, abs=1e-12)


# The theorem allows for the worst: with probability delta everything is told, else each coin by randomized response.
@given(COUNTS, EPSILONS, st.sampled_from([1e-6, 1e-3, 0.05, 0.3]))
def test_no_mechanism_is_right_more_often_than_the_p_value_allows(
    counts: tuple[int, int, int], epsilon: float, delta: float
) -> None:
    correct, guesses, canaries = counts
    honest = (1 - delta) * float(binom.sf(correct - 1, guesses, accuracy(epsilon))) + delta
    assert p_value(correct, guesses, canaries=canaries, epsilon=epsilon, delta=delta) >= honest - 1e-12


# Another worst: each coin is told with probability delta, the others not at all; all are guessed.
@given(st.integers(1, 60), st.sampled_from([1e-4, 1e-2, 0.2]), st.data())
def test_coins_told_one_by_one_are_allowed_for_too(canaries: int, delta: float, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, canaries))
    honest = float(binom.sf(correct - 1, canaries, delta + (1 - delta) / 2))
    assert p_value(correct, canaries, canaries=canaries, epsilon=0.0, delta=delta) >= honest - 1e-12


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("guesses", [20, 100, 400])
def test_randomized_response_is_refuted_as_often_as_allowed_and_no_more(guesses: int, epsilon: float) -> None:
    exceeds = [
        epsilon_shown(correct, guesses, canaries=guesses, delta=0.0, confidence=0.95) > epsilon
        for correct in range(guesses + 1)
    ]
    # Exact, over all outcomes: no simulation.
    wrongly = float(binom.pmf(np.flatnonzero(exceeds), guesses, accuracy(epsilon)).sum())
    assert wrongly <= 0.05
    assert wrongly > 0.01 or accuracy(epsilon) ** guesses > 0.01  # and not by being blunt


def epsilon_of_gaussian(spread: float, delta: float) -> float:
    """Return the exact epsilon of a Gaussian of a bound of 1. Source: Balle and Wang (2018), theorem 8."""

    def excess(epsilon: float) -> float:
        near, far = 1 / (2 * spread) - epsilon * spread, -1 / (2 * spread) - epsilon * spread
        return float(norm.cdf(near) - math.exp(epsilon) * norm.cdf(far)) - delta

    return float(brentq(excess, 0.0, 40.0))


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_honest_noise_is_hardly_ever_refuted_though_the_best_of_several_ways_is_taken(spread: float) -> None:
    generator, delta = np.random.default_rng(1), 1e-5
    epsilon, shown = epsilon_of_gaussian(spread, delta), []
    for _ in range(150):
        included = generator.random(200) < 0.5
        shown.append(bound_from_one_run(included + generator.normal(0, spread, 200), included, delta=delta).epsilon)
    assert sum(each > epsilon for each in shown) <= 0.05 * len(shown)
    assert max(shown) > 0.05 * epsilon  # the attack is not blind


def test_coins_that_were_not_told_show_nothing_as_often_as_promised() -> None:
    generator = np.random.default_rng(2)
    shown = [
        bound_from_one_run(generator.normal(size=40), generator.random(40) < 0.5, delta=0.0).epsilon for _ in range(300)
    ]
    assert sum(each > 0 for each in shown) <= 0.05 * len(shown)


@pytest.mark.parametrize(("canaries", "shown"), [(100, 3.49), (1000, 5.81)])
def test_guessing_all_coins_right_shows_what_the_number_of_canaries_can_show(canaries: int, shown: float) -> None:
    included = np.random.default_rng(3).permutation(np.arange(canaries) % 2 == 0)
    found = bound_from_one_run(included.astype(float), included, delta=0.0, fractions=(1.0,))
    assert found.epsilon == pytest.approx(shown, abs=0.01)
    assert (found.correct, found.guesses, found.canaries) == (canaries, canaries, canaries)


# The guide names these.
@pytest.mark.parametrize(("canaries", "shown"), [(100, 3.1), (500, 4.7), (1000, 5.4)])
def test_what_can_be_shown_as_the_audit_is_used(canaries: int, shown: float) -> None:
    included = np.arange(canaries) % 2 == 0
    found = bound_from_one_run(included.astype(float), included, delta=1e-5)
    assert found.epsilon == pytest.approx(shown, abs=0.05)


def test_trying_more_ways_costs_something() -> None:
    included = np.arange(100) % 2 == 0
    one, four = (
        bound_from_one_run(included.astype(float), included, delta=0.0, fractions=fractions).epsilon
        for fractions in ((1.0,), (0.1, 0.25, 0.5, 1.0))
    )
    assert one > four > 2.5


def test_the_surest_guesses_show_more_where_the_rest_is_noise() -> None:
    generator = np.random.default_rng(4)
    included = generator.random(1000) < 0.5
    scores = np.where(np.arange(1000) < 120, 100.0 * (2 * included - 1), generator.normal(size=1000))
    assert bound_from_one_run(scores, included, delta=1e-6).guesses == 100


def test_a_larger_delta_explains_more() -> None:
    shown = [epsilon_shown(95, 100, canaries=100, delta=delta, confidence=0.95) for delta in (0.0, 1e-4, 1e-2)]
    assert shown[0] > shown[1] > shown[2]


@settings(max_examples=50)
@given(COUNTS, DELTAS)
def test_what_is_shown_is_refuted_and_a_little_more_is_not(counts: tuple[int, int, int], delta: float) -> None:
    correct, guesses, canaries = counts
    shown = epsilon_shown(correct, guesses, canaries=canaries, delta=delta, confidence=0.95)

    def p(epsilon: float) -> float:
        return p_value(correct, guesses, canaries=canaries, epsilon=epsilon, delta=delta)

    assert shown == 0 or p(shown) < 0.05
    assert p(shown + 2e-4) >= 0.05


def test_one_canary_is_too_few_to_show_anything() -> None:
    assert bound_from_one_run(np.ones(1), np.ones(1, bool), delta=0.0).epsilon == 0


@pytest.mark.parametrize(
    ("scores", "coins", "given"),
    [
        (np.zeros(3), np.ones(2, bool), {}),
        (np.zeros(0), np.ones(0, bool), {}),
        (np.array([0.0, math.nan]), np.ones(2, bool), {}),
        (np.zeros(2), np.ones(2, bool), {"delta": 1.0}),
        (np.zeros(2), np.ones(2, bool), {"confidence": 1.0}),
        (np.zeros(2), np.ones(2, bool), {"fractions": ()}),
        (np.zeros(2), np.ones(2, bool), {"fractions": (0.0,)}),
    ],
)
def test_what_makes_no_sense_is_refused(scores: np.ndarray, coins: np.ndarray, given: dict[str, object]) -> None:
    with pytest.raises(InputError):
        bound_from_one_run(scores, coins, **{"delta": 0.0, **given})


def test_more_right_guesses_than_guesses_are_refused() -> None:
    with pytest.raises(InputError, match="ascending order"):
        p_value(3, 2, canaries=5, epsilon=1.0, delta=0.0)
