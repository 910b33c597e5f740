"""The protocol of purchase probabilities: train on what was known at an origin, ask about the horizon after it.

Origins lie one horizon apart, so that no two answers share a day, and the last one's horizon ends with the data. At
each origin every model is trained, and calibrated, anew on what was known then.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.measures import Evaluation, Figure, Interval, auc_roc, bootstrap, evaluation_of
from cartveil.insight.decisions.purchase.counting import (
    BaseRate,
    PurchaseScorer,
    fit_beta_geometric,
    fit_recency_frequency,
)
from cartveil.insight.decisions.purchase.model import PurchaseConfig, PurchaseModel
from cartveil.insight.decisions.purchase.reliability import (
    Reals,
    brier,
    calibrated,
    calibration_error,
    figures_of,
    log_loss,
    reliability,
    sigmoid,
)
from cartveil.insight.decisions.purchase.training import calibrated_on, questions_of, span_of, train_on
from cartveil.insight.decisions.purchase.visits import Questions, Visits, questions_at, visits_of
from cartveil.insight.decisions.recommend.times import moment_of
from cartveil.insight.sequences.clock import STRAYS

#: What ships, among the figures.
OURS = "purchase"

_ROUNDS = 400


def quiet(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class _Told:
    """What one model said at all origins of one run, and what came true; rows in the same order for all models."""

    probability: Reals
    answer: NDArray[np.float32]
    consumer: NDArray[np.int64]


def evaluate_purchase(
    events: pa.Table,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    config: PurchaseConfig | None = None,
    origins: int = 2,
    on_progress: Callable[[str], None] = quiet,
) -> Evaluation:
    """Measure purchase probabilities beside counts, at several origins.

    Args:
        events: Columns of a release: `subject` and `time`, best with `amount`, `quantity` and `item`.
        seeds: One training each.
        config: See `PurchaseConfig`.
        origins: How many days are asked on, the last of them one horizon before the end.
        on_progress: Called with a line about what is done.

    Returns:
        `purchase` is what ships: LSTM and counts mixed and calibrated. `lstm` is its network alone, calibrated alike;
        `uncalibrated` is what ships before calibration. `recency_frequency` is the logistic regression on counts,
        `beta_geometric` BG/NBD, both calibrated alike; `base_rate` says the share of the held-back time of everybody.
        Intervals are over consumers; `brier_below_recency_frequency` is how much lower ours is, on the same ones.

    Raises:
        InputError: No seed, or no origin.
        ModelError: The period is too short for the first origin; see `train_purchase`.
    """
    if not len(seeds) or origins < 1:
        raise InputError("needs a seed and an origin at least", path="seeds", hint="three seeds, two origins are usual")
    config = config or PurchaseConfig()
    visits = visits_of(events)
    if visits.set_aside:
        on_progress(f"{visits.set_aside:,} {STRAYS}")
    end = float(visits.day.max()) + 1
    _require_length(int(end - visits.day.min()), config.horizon, origins)
    days = [end - config.horizon * place for place in range(origins, 0, -1)]
    told: dict[str, list[_Told]] = {}
    for name, parts in _counted(visits, days, config).items():
        told[name] = [_joined(parts)]
    began = time.perf_counter()
    for seed in seeds:
        on_progress(f"seed {seed}: training at {len(days)} origins")
        for name, parts in _learnt(visits, days, _seeded(config, seed), on_progress).items():
            told.setdefault(name, []).append(_joined(parts))
    return evaluation_of(
        "purchase",
        OURS,
        {name: [figures_of(each.probability, each.answer) for each in runs] for name, runs in told.items()},
        intervals=_all_intervals(told),
        protocol=_protocol(visits, days, config, seeds),
        curves=(_diagram(told),),
        seconds=(time.perf_counter() - began) / (len(seeds) * len(days)),
    )


def _require_length(days: int, horizon: int, origins: int) -> None:
    needed = (4 + origins) * horizon
    if days < needed:
        hint = f"{needed} days are needed: four horizons of {horizon} to learn from, and one for each day asked on"
        raise ModelError(f"{days} days are too few to be judged on {origins} days a horizon apart", hint=hint)


def _learnt(
    visits: Visits, days: Sequence[float], config: PurchaseConfig, on_progress: Callable[[str], None]
) -> Mapping[str, list[_Told]]:
    told: dict[str, list[_Told]] = {OURS: [], "lstm": [], "uncalibrated": []}
    for day in days:
        span = span_of(visits, config, until=day)
        model: PurchaseModel = train_on(visits, span, config, on_progress=on_progress)
        asked = questions_at(visits, day, horizon=config.horizon)
        held_back = questions_of(visits, span, config)[1]
        latest = held_back.latest
        alone = calibrated(model.read(visits, latest), latest.answer)
        told[OURS].append(_told(model.probability(visits, asked), asked))
        told["lstm"].append(_told(alone(model.read(visits, asked)), asked))
        told["uncalibrated"].append(_told(sigmoid(model.log_odds(visits, asked)), asked))
    return told


def _counted(visits: Visits, days: Sequence[float], config: PurchaseConfig) -> Mapping[str, list[_Told]]:
    told: dict[str, list[_Told]] = {"recency_frequency": [], "beta_geometric": [], "base_rate": []}
    for day in days:
        span = span_of(visits, config, until=day)
        learnt, held_back = questions_of(visits, span, config)
        asked = questions_at(visits, day, horizon=config.horizon)
        models: Mapping[str, PurchaseScorer] = {
            "recency_frequency": fit_recency_frequency(visits, learnt),
            # On the days before those that calibrate it, as the others learn.
            "beta_geometric": fit_beta_geometric(visits, float(held_back.cutoff.max()), horizon=config.horizon),
            "base_rate": BaseRate(float(held_back.latest.answer.mean())),
        }
        for name, model in models.items():
            means = calibrated_on(model, visits, held_back)
            told[name].append(_told(means(model.log_odds(visits, asked)), asked))
    return told


def _told(probability: Reals, asked: Questions) -> _Told:
    return _Told(probability, asked.answer, asked.consumer)


def _joined(parts: Sequence[_Told]) -> _Told:
    return _Told(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("probability", "answer", "consumer"))
    )


def _seeded(config: PurchaseConfig, seed: int) -> PurchaseConfig:
    return replace(config, training=replace(config.training, seed=seed))


_MEASURES: Mapping[str, Callable[[Reals, NDArray[np.float32]], float]] = {
    "brier": brier,
    "log_loss": log_loss,
    "calibration_error": calibration_error,
    "auc": lambda said, answer: auc_roc(answer > 0, said),
}


def _all_intervals(told: Mapping[str, Sequence[_Told]]) -> Mapping[str, Mapping[str, Interval]]:
    """Resample consumers, each with all of their answers; probabilities are the mean over seeds."""
    said = {name: np.mean([run.probability for run in runs], axis=0) for name, runs in told.items()}
    first = told[OURS][0]
    order = np.argsort(first.consumer, kind="stable")
    starts = np.flatnonzero(np.diff(first.consumer[order], prepend=-1))
    lengths = np.diff(np.append(starts, len(order)))

    def over(measure: Callable[[NDArray[np.int64]], float]) -> Interval:
        def measured(units: NDArray[np.int64]) -> float:
            return measure(order[_ranges(starts[units], lengths[units])])

        return bootstrap(len(starts), measured, rounds=_ROUNDS)

    found = {
        name: {
            label: over(lambda rows, each=each, measure=measure: measure(each[rows], first.answer[rows]))  # type: ignore[misc]
            for label, measure in _MEASURES.items()
        }
        for name, each in said.items()
    }
    ours, counted = said[OURS], said["recency_frequency"]
    # Both were asked about the same consumers: their difference is surer than either.
    found[OURS]["brier_below_recency_frequency"] = over(
        lambda rows: brier(counted[rows], first.answer[rows]) - brier(ours[rows], first.answer[rows])
    )
    return found


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of all ranges, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)


def _diagram(told: Mapping[str, Sequence[_Told]]) -> Figure:
    lines = {
        name: tuple((said, true) for said, true, _ in reliability(told[name][0].probability, told[name][0].answer))
        for name in (OURS, "uncalibrated", "recency_frequency", "beta_geometric")
    }
    return Figure(
        "Reliability: of those told a probability, how many bought",
        "probability said",
        "share that bought",
        lines,
        ideal=((0.0, 0.0), (1.0, 1.0)),
    )


def _protocol(visits: Visits, days: Sequence[float], config: PurchaseConfig, seeds: Sequence[int]) -> dict[str, Any]:
    return {
        "unit": "consumer",
        "consumers": len(visits.subjects),
        "visits": len(visits),
        "horizon_days": config.horizon,
        "origins": [moment_of(day)[:10] for day in days],
        "asked": [len(questions_at(visits, day, horizon=config.horizon)) for day in days],
        "seeds": list(seeds),
    }
