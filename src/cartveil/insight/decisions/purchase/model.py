"""The purchase model: an LSTM over a consumer's visits beside their counts, mixed and calibrated on held-back time."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.purchase.counting import RecencyFrequency
from cartveil.insight.decisions.purchase.features import COUNTS, STEP, counts_of
from cartveil.insight.decisions.purchase.lessons import Lessons, log_odds
from cartveil.insight.decisions.purchase.reliability import Calibration, Reals
from cartveil.insight.decisions.purchase.visits import Questions, Visits, questions_at, visits_of
from cartveil.insight.decisions.recommend.times import day_of, moment_of
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.risk import RiskConfig, RiskModel
from cartveil.insight.training.loop import TrainingConfig

#: What the card of a saved model says it is.
KIND = "purchase model"


@dataclass(frozen=True)
class PurchaseConfig:
    """How to train a purchase model.

    Args:
        horizon: Days within which a purchase is asked for.
        every: Days between two questions about the same consumer.
        history: At most this many visits of a consumer are read, the latest.
        hidden: Units of the LSTM.
        dropout: Share of units dropped in training.
        batch: Questions of a step.
        questions: At most this many are learnt from, drawn evenly; bounds the time of a training.
        training: See `TrainingConfig`.

    Raises:
        InputError: A number below 1.
    """

    horizon: int = 28
    every: int = 7
    history: int = 20
    hidden: int = 32
    dropout: float = 0.2
    batch: int = 512
    questions: int = 400_000
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=6, learning_rate=4e-3, patience=2))

    def __post_init__(self) -> None:
        for name in ("horizon", "every", "history", "hidden", "batch", "questions"):
            if getattr(self, name) < 1:
                raise InputError("must be at least 1", path=name, hint="28 days, asked every 7, are usual")


@dataclass(frozen=True)
class PurchaseModel:
    """Says how likely each consumer is to buy within the horizon.

    Args:
        config: What it was trained with.
        counts: The logistic regression on counts; its mean and spread standardise what the network reads.
        network: The LSTM, in evaluation mode.
        share: Weight of the network's log-odds, the rest is that of the counts; chosen on held-back time.
        calibration: From log-odds to probability, fitted on held-back time.
        card: Digest of the release, period, metrics and baselines on held-back time.
    """

    config: PurchaseConfig
    counts: RecencyFrequency
    network: RiskModel
    share: float
    calibration: Calibration
    card: Mapping[str, Any] = field(default_factory=dict)

    def log_odds(self, visits: Visits, questions: Questions) -> Reals:
        """Return log-odds before calibration, (Q,)."""
        counted = self.counts.log_odds(visits, questions)
        if not self.share:
            return counted
        return self.share * self.read(visits, questions) + (1 - self.share) * counted

    def read(self, visits: Visits, questions: Questions) -> Reals:
        """Return the network's own log-odds, (Q,)."""
        return log_odds(self.network, lessons_of(visits, questions, self.counts, self.config))

    def probability(self, visits: Visits, questions: Questions) -> Reals:
        """Return calibrated probabilities (Q,)."""
        return self.calibration(self.log_odds(visits, questions))

    def probabilities(self, events: pa.Table, *, at: datetime | None = None) -> pa.Table:
        """Say how likely each consumer of a release is to buy within the horizon.

        Args:
            events: Columns as in `visits_of`; the very ones that were trained on, or later ones.
            at: First day of the horizon; None for the day after the last event. Later events are not looked at.

        Returns:
            subject, visits, last_visit (a date), probability; most likely first. A consumer without an event before
            `at` is not in it: nothing is known of them.

        Raises:
            ModelError: Nobody had come before `at`.
        """
        until = math.inf if at is None else math.floor(day_of(at))
        visits = visits_of(events, until=until)
        cutoff = float(visits.day.max()) + 1 if at is None else until
        asked = questions_at(visits, cutoff, horizon=0)
        found = self.probability(visits, asked)
        order = np.lexsort((asked.consumer, -found))
        last = visits.day[asked.end - 1].astype(np.int64).astype("datetime64[D]")
        return pa.table(
            {
                "subject": pa.array([visits.subjects[row] for row in asked.consumer[order]], pa.string()),
                "visits": pa.array((asked.end - asked.begin)[order]),
                "last_visit": pa.array(last[order], pa.date32()),
                "probability": pa.array(found[order]),
            }
        )

    def save(self, folder: str | Path) -> None:
        """Write weights and card; see `save_model`."""
        state = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        state |= {f"counts.{name}": torch.from_numpy(getattr(self.counts, name)) for name in _COUNTED}
        own = {"kind": KIND, "config": asdict(self.config), "calibration": asdict(self.calibration)}
        save_model(folder, state, {**self.card, **own, "share": self.share, "counts": list(COUNTS)})

    @classmethod
    def load(cls, folder: str | Path) -> "PurchaseModel":
        """Read what `PurchaseModel.save` wrote.

        Raises:
            ModelError: No purchase model, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        try:
            if card["counts"] != list(COUNTS):
                raise ValueError("counts")
            config = read_config(PurchaseConfig, card["config"], path=folder)
            calibration = read_config(Calibration, card["calibration"], path=folder)
            return cls(config, _counted(state), _network(config, state), float(card["share"]), calibration, card)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error


def new_network(config: PurchaseConfig, *, prior: float) -> RiskModel:
    """Return an untrained network; weights are drawn from torch's generator."""
    shape = EncoderConfig(numeric=STEP + len(COUNTS), embedding=1, hidden=config.hidden, dropout=config.dropout)
    return RiskModel(RiskConfig(shape, min(max(prior, 1e-3), 1 - 1e-3)))


def lessons_of(visits: Visits, questions: Questions, counts: RecencyFrequency, config: PurchaseConfig) -> Lessons:
    """Lay out questions for the network."""
    standard = np.clip((counts_of(visits, questions) - counts.mean) / counts.spread, -5, 5).astype(np.float32)
    return Lessons(visits, questions, standard, config.history, config.batch)


def period_of(span: tuple[float, float]) -> dict[str, str]:
    """Return first and last day as text, for the card."""
    return {"from": moment_of(span[0]), "until": moment_of(span[1])}


_COUNTED = ("mean", "spread", "weights")


def _counted(state: Mapping[str, Tensor]) -> RecencyFrequency:
    return RecencyFrequency(*(state[f"counts.{name}"].numpy() for name in _COUNTED))


def _network(config: PurchaseConfig, state: Mapping[str, Tensor]) -> RiskModel:
    model = new_network(config, prior=0.5)
    model.load_state_dict({k.removeprefix("network."): v for k, v in state.items() if k.startswith("network.")})
    return model.eval()
