"""Choose settings by trying them, within a budget of minutes.

Optuna proposes what to try next from what was tried before, in memory and on this machine alone. A trial that lags
behind the others is stopped, and when the time is over the running one is, so that the budget is kept.

    tuned = tune(objective, {"hidden": Whole(32, 256, log=True), "dropout": Real(0, 0.5)}, minutes=30, seed=0)
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cartveil.errors import InputError, MissingExtraError, ModelError
from cartveil.insight.training.standing import Epoch

if TYPE_CHECKING:
    from optuna import Study, Trial


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; `log` where its order of magnitude matters."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included; `log` where its order of magnitude matters."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of some options."""

    options: tuple[str | int | float | bool | None, ...]


#: What may be tried.
Space = Mapping[str, Real | Whole | Choice]

#: (settings, what to call after every epoch) -> score, higher is better.
Objective = Callable[[Mapping[str, Any], Callable[[Epoch], None]], float]


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Args:
        best: The settings with the best score.
        score: Their score.
        trials: (settings, score) of every trial in order; NaN for one that was stopped or failed.
    """

    best: Mapping[str, Any]
    score: float
    trials: tuple[tuple[Mapping[str, Any], float], ...]


def tune(objective: Objective, space: Space, *, minutes: float, seed: int, at_most: int | None = None) -> Tuned:
    """Try settings until the time is over.

    Args:
        objective: (settings, on_epoch) -> score on validation data, higher is better. Hand `on_epoch` to `fit`: it
            stops trials that lag behind the median, and the one that runs when the time is over.
        space: Name of a setting -> what it may be.
        minutes: Budget, above 0.
        seed: Of the proposals; the trials that fit into the time still depend on the machine.
        at_most: Trials; None for as many as the time allows.

    Returns:
        The best settings and all trials.

    Raises:
        MissingExtraError: Optuna is not installed.
        InputError: No time, nothing to choose, or an empty range.
        ModelError: No trial came to its end.

    Source: Akiba et al., Optuna, KDD 2019; Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011,
        section 4 (the sampler).
    """
    _check(space, minutes)
    study = _study(seed)
    deadline = time.perf_counter() + 60 * minutes

    def trial_of(trial: "Trial") -> float:
        settings = {name: _proposed(trial, name, choice) for name, choice in space.items()}
        return objective(settings, _judge(trial, deadline))

    # A trial that diverges is a bad trial, not the end of the search.
    study.optimize(trial_of, n_trials=at_most, timeout=60 * minutes, catch=(ModelError,))
    return _tuned(study)


def _study(seed: int) -> "Study":
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("tuning needs Optuna", hint="pip install 'cartveil[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    sampler = optuna.samplers.TPESampler(seed=seed)
    return optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner())


def _proposed(trial: "Trial", name: str, choice: Real | Whole | Choice) -> Any:
    match choice:
        case Real():
            return trial.suggest_float(name, choice.low, choice.high, log=choice.log)
        case Whole():
            return trial.suggest_int(name, choice.low, choice.high, log=choice.log)
        case Choice():
            return trial.suggest_categorical(name, choice.options)


def _judge(trial: "Trial", deadline: float) -> Callable[[Epoch], None]:
    from optuna import TrialPruned

    def on_epoch(epoch: Epoch) -> None:
        trial.report(epoch.score, epoch.number)
        if trial.should_prune() or time.perf_counter() > deadline:
            raise TrialPruned

    return on_epoch


def _tuned(study: "Study") -> Tuned:
    from optuna.trial import TrialState

    ended = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
    if not ended:
        raise ModelError("no trial came to its end", hint="give it more minutes, or look at the first error")
    values = [trial.value if trial.state is TrialState.COMPLETE else None for trial in study.trials]
    scores = [math.nan if value is None else value for value in values]
    trials = tuple((dict(trial.params), score) for trial, score in zip(study.trials, scores, strict=True))
    return Tuned(dict(study.best_params), float(study.best_value), trials)


def _check(space: Space, minutes: float) -> None:
    if not minutes > 0:
        raise InputError("must be above 0", path="minutes", hint="such as 30")
    if not space:
        raise InputError("nothing to choose", path="space", hint="name a setting and its range")
    for name, choice in space.items():
        if isinstance(choice, Choice):
            if not choice.options:
                raise InputError("no option to choose from", path=f"space.{name}", hint="name some")
        elif not choice.low <= choice.high or (choice.log and choice.low <= 0):
            raise InputError("not a range", path=f"space.{name}", hint="low to high; above 0 where `log`")
