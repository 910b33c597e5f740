import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.decisions.purchase.reliability import (
    Calibration,
    brier,
    calibrated,
    calibration_error,
    fit_calibration,
    log_loss,
    logistic_fit,
    reliability,
    sigmoid,
)


def told(rows=4000, seed=0, bend=lambda odds: odds):
    """Return log-odds, and answers that come true as `bend` of them says."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1, 1.5, rows)
    return odds, (rng.random(rows) < sigmoid(bend(odds))).astype(np.float32)


def test_true_probabilities_have_hardly_any_calibration_error():
    odds, answer = told()
    assert calibration_error(sigmoid(odds), answer) < 0.03


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibration_mends_what_says_too_much(method):
    odds, answer = told(bend=lambda odds: 0.4 * odds - 1)
    later, came = told(seed=1, bend=lambda odds: 0.4 * odds - 1)
    found = fit_calibration(odds, answer, method)
    assert calibration_error(found(later), came) < 0.03 < 0.1 < calibration_error(sigmoid(later), came)
    assert log_loss(found(later), came) < log_loss(np.clip(sigmoid(later), 1e-6, 1), came)


@pytest.mark.parametrize("bend", [lambda odds: odds, lambda odds: 0.3 * odds - 1, lambda odds: 3 * np.sin(odds / 3)])
def test_the_chosen_calibration_is_not_worse_than_none(bend):
    odds, answer = told(bend=bend)
    later, came = told(seed=1, bend=bend)
    assert brier(calibrated(odds, answer)(later), came) <= brier(sigmoid(later), came) + 1e-3


def test_the_simplest_that_is_not_clearly_worse_is_taken():
    odds, answer = told()
    assert calibrated(odds, answer).method == "none"
    odds, answer = told(bend=lambda odds: 0.4 * odds - 1)
    assert calibrated(odds, answer).method == "platt"
    odds, answer = told(bend=lambda odds: np.where(odds > 0, 2.0, -3.0))
    assert calibrated(odds, answer).method == "isotonic"


def test_few_answers_or_answers_that_are_all_alike_leave_log_odds_as_they_are():
    odds, answer = told()
    assert calibrated(odds[:49], answer[:49]) == Calibration()
    assert calibrated(odds, np.ones_like(answer)) == Calibration()
    assert fit_calibration(odds, np.zeros_like(answer), "isotonic") == Calibration()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-8, 8), st.booleans()), min_size=2, max_size=80),
    st.sampled_from(["platt", "isotonic"]),
)
def test_a_calibration_rises_and_is_never_certain(pairs, method):
    odds = np.array([pair[0] for pair in pairs])
    found = fit_calibration(odds, np.array([pair[1] for pair in pairs], np.float32), method)
    said = found(np.linspace(-20, 20, 200))
    assert (np.diff(said) >= -1e-12).all()
    assert ((said > 0) & (said < 1)).all()


def test_logistic_regression_finds_the_weights_it_was_made_with():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 2))
    answer = rng.random(20_000) < sigmoid(features @ [1.0, -2.0] + 0.5)
    assert logistic_fit(features, answer.astype(float), ridge=0.0) == pytest.approx([1.0, -2.0, 0.5], abs=0.1)


def test_features_that_tell_all_give_finite_weights():
    features = np.array([[-1.0], [-2], [1], [2]])
    assert np.isfinite(logistic_fit(features, np.array([0.0, 0, 1, 1]), ridge=1e-3)).all()


def test_the_diagram_of_a_known_case():
    said = np.repeat([0.1, 0.5], 10)
    answer = np.array([1.0] + [0] * 9 + [1] * 5 + [0] * 5)
    assert [(round(a, 6), round(b, 6), n) for a, b, n in reliability(said, answer)] == [(0.1, 0.1, 10), (0.5, 0.5, 10)]
    assert calibration_error(said, answer) == pytest.approx(0)
    assert calibration_error(said + 0.2, answer) == pytest.approx(0.2)
    with pytest.raises(InputError, match="nothing to compare"):
        reliability(np.array([]), np.array([]))
