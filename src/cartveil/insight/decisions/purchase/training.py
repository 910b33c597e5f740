"""From a release to a purchase model: ask about the past, learn, mix with the counts, calibrate on what came later.

    |---- visits ----|-- horizon --|                      training: questions every week, answers known
                     |..... held back: one horizon .....|
                                   |-- horizon --|        held back: three questions, to choose and to calibrate
                                                 until

No answer that is learnt from reaches into the held-back questions' horizon.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.purchase.counting import (
    BaseRate,
    PurchaseScorer,
    RecencyFrequency,
    fit_recency_frequency,
    require_both,
)
from cartveil.insight.decisions.purchase.lessons import Lessons, answer_loss, log_odds, seconds_of_epoch
from cartveil.insight.decisions.purchase.model import (
    PurchaseConfig,
    PurchaseModel,
    lessons_of,
    new_network,
    period_of,
)
from cartveil.insight.decisions.purchase.reliability import (
    Calibration,
    Reals,
    calibrated,
    figures_of,
    fit_calibration,
    log_loss,
    sigmoid,
)
from cartveil.insight.decisions.purchase.visits import Questions, Visits, questions_over, visits_of
from cartveil.insight.decisions.recommend.times import day_of
from cartveil.insight.models.card import digest_of
from cartveil.insight.models.risk import RiskModel
from cartveil.insight.sequences.clock import STRAYS
from cartveil.insight.training.loop import Epoch, fit

#: Questions that are held back, `PurchaseConfig.every` days apart.
HELD_BACK = 3

#: Shares of the network that are tried on held-back time.
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Span:
    """Days on which is asked: to learn from, and held back; and the period that they stand in."""

    learnt: Reals
    held_back: Reals
    first: float
    until: float


def train_purchase(
    events: ProtectedEvents,
    *,
    config: PurchaseConfig | None = None,
    until: datetime | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> PurchaseModel:
    """Train on questions about the past, and calibrate on the latest whose answers are known.

    Args:
        events: A release with `subject` and `time`, best with `amount`, `quantity` and `item`.
        config: See `PurchaseConfig`.
        until: Events of this day or later are not looked at; None to use all.
        on_epoch: Called after every epoch.
        on_progress: Called with a line: how long it will take, and how many rows a wrong clock dated, if any.

    Raises:
        ModelError: The period is shorter than four horizons, or all answers are alike.
        ColumnError: A column is missing, or `quantity` holds no numbers.

    Guarantees:
        - Nothing from `until` on changes the model.
    """
    config = config or PurchaseConfig()
    end = None if until is None else float(np.floor(day_of(until)))
    visits = visits_of(events.table, until=np.inf if end is None else end)
    if visits.set_aside:
        on_progress(f"{visits.set_aside:,} {STRAYS}")
    span = span_of(visits, config, until=end)
    model = train_on(visits, span, config, on_epoch=on_epoch, on_progress=on_progress)
    data = {"digest": digest_of(events.table), **period_of((span.first, span.until)), "set_aside": visits.set_aside}
    card = {**model.card, "data": data}
    return PurchaseModel(model.config, model.counts, model.network, model.share, model.calibration, card)


def train_on(
    visits: Visits,
    span: Span,
    config: PurchaseConfig,
    *,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> PurchaseModel:
    """Train on visits already gathered; see `train_purchase`."""
    learnt, held_back = questions_of(visits, span, config)
    counts = fit_recency_frequency(visits, learnt)
    network = _fitted(_Material(visits, learnt, held_back, counts), config, on_epoch, on_progress)
    counted = counts.log_odds(visits, held_back)
    read = log_odds(network, lessons_of(visits, held_back, counts, config))
    share = _best_share(read, counted, held_back.answer)
    trial = PurchaseModel(config, counts, network, share, Calibration())
    found = calibrated_on(trial, visits, held_back)
    card = _card(replace(trial, calibration=found), visits, held_back, base=float(learnt.answer.mean()))
    card["questions"] = {"learnt_from": len(learnt), "held_back": len(held_back)}
    return PurchaseModel(config, counts, network, share, found, card)


def calibrated_on(scorer: PurchaseScorer, visits: Visits, held_back: Questions) -> Calibration:
    """Calibrate on the last held-back day: what came true lately is nearest to what comes next."""
    latest = held_back.latest
    return calibrated(scorer.log_odds(visits, latest), latest.answer)


def _card(model: PurchaseModel, visits: Visits, held_back: Questions, *, base: float) -> dict[str, Any]:
    """Return how good the model and simple ways were on held-back time, which chose and calibrated them."""
    counted = calibrated_on(model.counts, visits, held_back)(model.counts.log_odds(visits, held_back))
    said = {
        "model": model.probability(visits, held_back),
        "recency_frequency": counted,
        "base_rate": sigmoid(BaseRate(base).log_odds(visits, held_back)),
    }
    figures = {name: figures_of(each, held_back.answer) for name, each in said.items()}
    # With answers that are all alike nothing can be ranked: no number is better than none in JSON.
    known = {name: {key: value for key, value in each.items() if value == value} for name, each in figures.items()}
    return {"metrics": known.pop("model"), "baselines": known}


def span_of(visits: Visits, config: PurchaseConfig, *, until: float | None) -> Span:
    """Lay the days out on which is asked.

    Raises:
        ModelError: The period is shorter than four horizons.
    """
    first, end = float(visits.day.min()), float(visits.day.max()) + 1
    end = end if until is None else min(until, end)
    horizon, every = config.horizon, config.every
    held_back = end - horizon - every * np.arange(HELD_BACK)[::-1]
    # Who came in the first weeks only cannot have been away for long: half a horizon is waited for.
    learnt = np.asarray(np.arange(held_back[0] - horizon, first + horizon / 2, -every)[::-1], dtype=np.float64)
    if end - first < 4 * horizon or not len(learnt):
        hint = "give a longer period, or a shorter horizon"
        raise ModelError(f"{max(int(end - first), 0)} days are fewer than four horizons of {horizon}", hint=hint)
    return Span(learnt, np.asarray(held_back, dtype=np.float64), first, end)


def questions_of(visits: Visits, span: Span, config: PurchaseConfig) -> tuple[Questions, Questions]:
    """Return the questions to learn from and those held back.

    Raises:
        ModelError: All answers to learn from are alike.
    """
    learnt = questions_over(visits, span.learnt, horizon=config.horizon)
    if len(learnt) > config.questions:
        learnt = learnt.take(np.linspace(0, len(learnt) - 1, config.questions).astype(np.int64))
    require_both(learnt)
    return learnt, questions_over(visits, span.held_back, horizon=config.horizon)


@dataclass(frozen=True)
class _Material:
    visits: Visits
    learnt: Questions
    held_back: Questions
    counts: RecencyFrequency


def _fitted(
    material: _Material,
    config: PurchaseConfig,
    on_epoch: Callable[[Epoch], None],
    on_progress: Callable[[str], None],
) -> RiskModel:
    lessons = lessons_of(material.visits, material.learnt, material.counts, config)
    check = lessons_of(material.visits, material.held_back, material.counts, config)
    torch.manual_seed(config.training.seed)
    model = new_network(config, prior=float(material.learnt.answer.mean()))
    epoch = seconds_of_epoch(model, lessons)
    on_progress(
        f"{len(lessons.questions):,} questions, {config.training.epochs} epochs at most: "
        f"about {max(1, round(epoch * config.training.epochs))} s"
    )

    def validate(found: RiskModel) -> float:
        return -_loss(log_odds(found, check), check)

    fit(
        model,
        answer_loss,
        batches=lessons.batches,
        steps=lessons.steps,
        validate=validate,
        config=config.training,
        on_epoch=on_epoch,
    )
    return model


def _loss(found: Reals, lessons: Lessons) -> float:
    return log_loss(np.clip(sigmoid(found), 1e-6, 1 - 1e-6), lessons.questions.answer)


def _best_share(read: Reals, counted: Reals, answer: NDArray[np.float32]) -> float:
    def lost(share: float) -> float:
        mixed = share * read + (1 - share) * counted
        return log_loss(fit_calibration(mixed, answer, "platt")(mixed), answer)

    return min(_SHARES, key=lost)
