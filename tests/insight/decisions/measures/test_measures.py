import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.decisions.measures import (
    Figure,
    auc_roc,
    average_precision,
    bootstrap,
    evaluation_of,
    recall_at,
)

LABELLED = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60)


def _split(rows: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=float)


def test_a_perfect_ranking_has_average_precision_one() -> None:
    assert average_precision(np.array([True, True, False]), np.array([3.0, 2.0, 1.0])) == 1.0


def test_average_precision_of_a_known_list() -> None:
    # Hits on places 1, 3 and 4: (1/1 + 2/3 + 3/4) / 3.
    positive = np.array([True, False, True, True, False])
    assert average_precision(positive, np.arange(5, 0, -1.0)) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_a_constant_score_gets_the_share_of_positives_and_half_of_the_area() -> None:
    positive = np.array([True, False, False, False])
    assert average_precision(positive, np.zeros(4)) == pytest.approx(0.25)
    assert auc_roc(positive, np.zeros(4)) == pytest.approx(0.5)
    assert recall_at(positive, np.zeros(4), false_positives=0.5) == 0.0


@given(LABELLED)
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[bool, int]]) -> None:
    positive, score = _split(rows)
    pairs = [(a, b) for a in score[positive] for b in score[~positive]]
    if not pairs:
        assert math.isnan(auc_roc(positive, score))
        return
    assert auc_roc(positive, score) == pytest.approx(np.mean([(a > b) + 0.5 * (a == b) for a, b in pairs]))


@given(LABELLED, st.floats(0, 1))
def test_recall_is_what_the_best_allowed_threshold_finds(rows: list[tuple[bool, int]], share: float) -> None:
    positive, score = _split(rows)
    if not positive.any():
        assert math.isnan(recall_at(positive, score, false_positives=share))
        return
    cuts = [*np.unique(score), np.inf]
    fine = [cut for cut in cuts if (score[~positive] >= cut).sum() <= share * (~positive).sum() + 1e-9]
    best = max((score[positive] >= cut).mean() for cut in fine)
    assert recall_at(positive, score, false_positives=share) == pytest.approx(best)


def test_nothing_positive_has_average_precision_zero() -> None:
    assert average_precision(np.zeros(3, dtype=bool), np.arange(3.0)) == 0.0


@pytest.mark.parametrize("measure", [average_precision, auc_roc])
def test_scores_that_do_not_fit_are_refused(measure: object) -> None:
    with pytest.raises(InputError):
        measure(np.array([True]), np.array([1.0, 2.0]))  # type: ignore[operator]
    with pytest.raises(InputError):
        measure(np.array([True]), np.array([np.nan]))  # type: ignore[operator]


def test_an_interval_holds_the_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    held = 0
    for seed in range(100):
        sample = generator.normal(size=80)
        found = bootstrap(80, lambda chosen, sample=sample: float(sample[chosen].mean()), rounds=200, seed=seed)
        held += found.low <= 0 <= found.high
    assert 85 <= held <= 100


def test_resamples_without_a_figure_are_left_out() -> None:
    found = bootstrap(2, lambda chosen: float("nan") if (chosen == chosen[0]).all() else 1.0, rounds=50)
    assert (found.low, found.high) == (1.0, 1.0)


def test_nothing_to_resample_is_refused() -> None:
    with pytest.raises(InputError):
        bootstrap(0, lambda _: 0.0)


def test_an_evaluation_gives_means_over_seeds_and_their_spread() -> None:
    runs = {"lstm": [{"ap": 0.2, "all": {"x": 1.0}}, {"ap": 0.4, "all": {"x": 3.0}}], "count": [{"ap": 0.1}]}
    interval = bootstrap(1, lambda _: 0.3)
    curve = Figure("t", "x", "y", {"lstm": ((0.0, 0.0),)})
    found = evaluation_of("task", "lstm", runs, intervals={"lstm": {"ap": interval}}, curves=(curve,))
    written = found.to_dict()
    assert written["lstm"] == {"ap": pytest.approx(0.3), "all": {"x": 2.0}}
    assert written["sd"] == {"lstm": {"ap": pytest.approx(0.02**0.5), "all": {"x": pytest.approx(2**0.5)}}}
    assert written["intervals"] == {"lstm": {"ap": [0.3, 0.3]}}
