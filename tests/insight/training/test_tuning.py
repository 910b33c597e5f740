import importlib.util
import math
import os
import sys
import time

import pytest

from cartveil.errors import InputError, MissingExtraError, ModelError
from cartveil.insight.training.standing import Epoch
from cartveil.insight.training.tuning import Choice, Real, Whole, tune

SPACE = {"rate": Real(1e-4, 1.0, log=True), "hidden": Whole(4, 64), "tied": Choice((True, False))}


@pytest.fixture
def optuna() -> None:
    if importlib.util.find_spec("optuna") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Optuna: .ci/run installs the extra `tune`")
        pytest.skip("Optuna is not installed: pip install 'cartveil[tune]'")


def bowl(settings, _):
    return -abs(math.log10(settings["rate"]) + 2) - abs(settings["hidden"] - 20) / 20 - settings["tied"]


@pytest.mark.usefixtures("optuna")
def test_it_finds_the_bottom_of_a_bowl():
    found = tune(bowl, SPACE, minutes=1, seed=0, at_most=60)
    assert found.score == max(score for _, score in found.trials) > -0.5
    assert found.best["tied"] is False
    assert bowl(found.best, None) == found.score


@pytest.mark.usefixtures("optuna")
def test_settings_lie_in_their_ranges_and_the_same_seed_proposes_the_same():
    one, other = (tune(bowl, SPACE, minutes=1, seed=3, at_most=12) for _ in range(2))
    assert one == other
    assert len(one.trials) == 12
    for settings, _ in one.trials:
        assert 1e-4 <= settings["rate"] <= 1.0
        assert settings["hidden"] in range(4, 65)


@pytest.mark.usefixtures("optuna")
def test_the_budget_is_kept_even_by_the_trial_that_runs():
    def slow(_, on_epoch):
        for number in range(1000):
            time.sleep(0.02)
            on_epoch(Epoch(number, 0.0, 0.0, 1.0, 1.0))
            if number == 2 and not done:
                done.append(number)
                return 1.0
        return 0.0

    done: list[int] = []
    started = time.perf_counter()
    found = tune(slow, SPACE, minutes=0.5 / 60, seed=0)
    assert time.perf_counter() - started < 5
    assert math.isnan(found.trials[-1][1])
    assert found.score == 1.0


@pytest.mark.usefixtures("optuna")
def test_a_trial_that_lags_behind_is_stopped():
    def objective(settings, on_epoch):
        for number in range(1, 6):
            on_epoch(Epoch(number, 0.0, settings["rate"], 1.0, 1.0))
            epochs.append(number)
        return settings["rate"]

    epochs: list[int] = []
    found = tune(objective, SPACE, minutes=1, seed=0, at_most=30)
    stopped = [settings["rate"] for settings, score in found.trials if math.isnan(score)]
    assert stopped
    assert len(epochs) < 30 * 5
    assert found.best["rate"] > max(stopped)


@pytest.mark.usefixtures("optuna")
def test_a_trial_that_diverges_does_not_end_the_search():
    def objective(settings, _):
        if settings["rate"] > 0.01:
            raise ModelError("loss is not finite")
        return settings["rate"]

    found = tune(objective, SPACE, minutes=1, seed=0, at_most=20)
    assert 0 < found.score <= 0.01
    assert any(math.isnan(score) for _, score in found.trials)


@pytest.mark.usefixtures("optuna")
def test_a_mistake_in_the_objective_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        tune(lambda settings, _: 1 / 0, SPACE, minutes=1, seed=0, at_most=3)


@pytest.mark.usefixtures("optuna")
def test_no_trial_that_ends_is_a_clear_error():
    def objective(settings, _):
        raise ModelError("loss is not finite")

    with pytest.raises(ModelError, match="no trial came to its end"):
        tune(objective, SPACE, minutes=1, seed=0, at_most=2)


@pytest.mark.usefixtures("optuna")
def test_it_says_nothing(capfd):
    tune(bowl, SPACE, minutes=1, seed=0, at_most=3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("space", "minutes"),
    [
        ({}, 1),
        (SPACE, 0),
        (SPACE, math.nan),
        ({"rate": Real(2, 1)}, 1),
        ({"rate": Real(0, 1, log=True)}, 1),
        ({"tied": Choice(())}, 1),
    ],
)
def test_what_cannot_be_searched_is_refused(space, minutes):
    with pytest.raises(InputError):
        tune(bowl, space, minutes=minutes, seed=0)


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError) as caught:
        tune(bowl, SPACE, minutes=1, seed=0)
    assert "cartveil[tune]" in caught.value.hint
