import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cartveil.errors import InputError
from cartveil.insight.privacy.auditing.membership import attack_by_loss, attack_by_score
from cartveil.insight.privacy.auditing.shadows import confidences_of, draw_halves, likelihood_ratios
from cartveil.insight.privacy.randomness import seeded_for_tests


def simulated(shadows: int, people: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return target, members, shadows and halves where some people are hard and others easy, trained on or not."""
    generator = np.random.default_rng(0)
    halves = draw_halves(people, shadows + 2, random=seeded_for_tests(0))
    easy = generator.normal(0, 3, people)
    spoken = easy + halves * 1.0 + generator.normal(0, 0.5, halves.shape)
    return spoken[0], halves[0], spoken[1:], halves[1:]


def test_everybody_is_in_half_of_the_shadows() -> None:
    halves = draw_halves(500, 8)
    assert (halves.sum(0) == 4).all()
    assert abs(halves[0].mean() - 0.5) < 0.2
    assert (halves[0] != halves[1]).any()


@pytest.mark.parametrize("shadows", [0, 2, 5])
def test_too_few_or_uneven_shadows_are_refused(shadows: int) -> None:
    with pytest.raises(InputError, match="even number"):
        draw_halves(10, shadows)


@given(st.floats(1e-6, 30))
def test_confidence_is_the_logit_of_the_probability(loss: float) -> None:
    chance = np.exp(-loss)
    assert float(confidences_of(np.array(loss))) == pytest.approx(float(np.log(chance) - np.log1p(-chance)), rel=1e-6)


def test_confidences_of_certainty_and_of_despair_are_finite() -> None:
    assert np.isfinite(confidences_of(np.array([0.0, 1e-30, 1e4]))).all()


@pytest.mark.parametrize("shadows", [16, 64])
def test_ratios_are_those_of_two_normal_distributions(shadows: int) -> None:
    target, _, spoken, halves = simulated(shadows, people=6)
    sides = []
    for chosen in (halves, ~halves):
        groups = [spoken[chosen[:, each], each] for each in range(6)]
        own = np.array([group.std(ddof=1) for group in groups])
        squares, freedom = sum(group.var() * len(group) for group in groups), sum(len(group) - 1 for group in groups)
        spread = own if shadows == 64 else np.sqrt(squares / freedom)
        sides.append(norm.logpdf(target, [group.mean() for group in groups], spread))
    assert likelihood_ratios(target, spoken, halves) == pytest.approx(sides[0] - sides[1], rel=1e-6)


def test_shadows_find_members_whom_the_loss_alone_does_not_tell() -> None:
    target, members, spoken, halves = simulated(16)
    by_loss = attack_by_loss(-target, members)
    by_ratio = attack_by_score(likelihood_ratios(target, spoken, halves), members)
    assert by_loss.auc < 0.65
    assert by_ratio.auc > 0.85
    assert by_ratio.found_at[0.01] > 5 * max(by_loss.found_at[0.01], 0.01)


def test_shadows_of_a_model_that_tells_nothing_find_nobody() -> None:
    generator = np.random.default_rng(1)
    target, members, spoken, halves = simulated(16)
    ratios = likelihood_ratios(generator.permutation(target), generator.normal(size=spoken.shape), halves)
    assert 0.4 < attack_by_score(ratios, members).auc < 0.6


@pytest.mark.parametrize("cut", ["people", "never in", "never out"])
def test_what_makes_no_sense_is_refused(cut: str) -> None:
    target, _, spoken, halves = simulated(16)
    halves = halves.copy()
    if cut == "people":
        target = target[:-1]
    else:
        halves[:, 3] = cut == "never out"
    with pytest.raises(InputError):
        likelihood_ratios(target, spoken, halves)
