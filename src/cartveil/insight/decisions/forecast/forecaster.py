"""The LSTM forecaster: one model for all items, trained on every week of each."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.forecast.evaluation import score
from cartveil.insight.decisions.forecast.horizon import HORIZON, LEVELS, TARGETS, totals_table, weekly_table
from cartveil.insight.decisions.forecast.lessons import WARM_UP, Lessons, lessons_of, predict, quantile_loss
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.quantiles import QuantileConfig, QuantileModel
from cartveil.insight.sequences.levels import levels_of
from cartveil.insight.sequences.weekly import WeeklyDemand
from cartveil.insight.training.loop import Epoch, TrainingConfig, fit

#: What the card of a saved forecaster says it is.
KIND = "forecaster"


@dataclass(frozen=True)
class ForecastConfig:
    """How to train a forecaster.

    Args:
        hidden: Units of the LSTM.
        dropout: Share of units dropped in training.
        weeks: At most this many past weeks are read.
        batch: Series per step.
        emphasis: Weight of an item is its scale to this power: 1 counts units, 0 counts items.
        memory: Weeks after which a lesson weighs 1/e.
        training: See `TrainingConfig`.
    """

    hidden: int = 48
    dropout: float = 0.2
    weeks: int = 156
    batch: int = 64
    emphasis: float = 0.7
    memory: float = 12.0
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=6, learning_rate=3e-3, patience=6))


@dataclass(frozen=True)
class Forecaster:
    """A trained forecaster.

    Args:
        model: The network, in evaluation mode.
        config: What it was trained with.
        held_back: Weighted quantile loss on the last weeks of the training data, by a model that had not seen them;
            NaN where there were too few weeks to hold any back.
    """

    model: QuantileModel
    config: ForecastConfig
    held_back: float = float("nan")

    def quantiles(self, demand: WeeklyDemand) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels) of what follows; an item that never sold gets zeros."""
        return predict(self.model, levels_of(_latest(demand, self.config.weeks)))

    def forecast(self, demand: WeeklyDemand) -> pa.Table:
        """Return item, week (its Monday) and quantiles `q10` ... `q98` of each of the four coming weeks."""
        return weekly_table(self, demand)

    def totals(self, demand: WeeklyDemand) -> pa.Table:
        """Return item, weeks (1 to 4) and quantiles of the sum of that many coming weeks."""
        return totals_table(self, demand)

    def save(self, folder: str | Path, *, card: Mapping[str, Any] | None = None) -> None:
        """Write the model.

        Args:
            folder: Made where it is missing.
            card: What else the card should say: metrics, baselines, digest of the release.
        """
        own = {"kind": KIND, "config": asdict(self.config), "features": self.model.config.encoder.numeric}
        save_model(folder, self.model.state_dict(), {**(card or {}), **own, "held_back_wql": _number(self.held_back)})

    @classmethod
    def load(cls, folder: str | Path) -> "Forecaster":
        """Read what `Forecaster.save` wrote.

        Raises:
            ModelError: No forecaster, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        try:
            training = dict(card["config"].pop("training"))
            training["rates"] = tuple(tuple(rate) for rate in training["rates"])
            config = ForecastConfig(**card["config"], training=TrainingConfig(**training))
            model = QuantileModel(_shape(config, int(card["features"])))
            model.load_state_dict(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error
        held_back = card.get("held_back_wql")
        return cls(model.eval(), config, float("nan") if held_back is None else float(held_back))


def train_forecaster(
    demand: WeeklyDemand,
    *,
    config: ForecastConfig | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Forecaster:
    """Train on all items at once.

    First the last four weeks are held back, to learn how many epochs are enough and what the forecast is worth;
    then all weeks are trained on, for as many epochs. With too few weeks to hold any back, the configured number of
    epochs is run.

    Args:
        demand: What is known up to now; nothing later is looked at.
        config: See `ForecastConfig`.
        on_epoch: Called after every epoch, of both passes.

    Raises:
        ModelError: No item has a sale, or there are too few weeks.
    """
    config = config or ForecastConfig()
    demand = _latest(demand, config.weeks)
    weeks = demand.demand.shape[1]
    held_back, training = float("nan"), config.training
    if weeks >= 2 * HORIZON + WARM_UP and demand.demand[:, :-HORIZON].any():
        known, later = demand.before(weeks - HORIZON), demand.demand[:, -HORIZON:]
        levels = levels_of(known)

        def validate(model: QuantileModel) -> float:
            return -score(predict(model, levels), later).wql

        epochs = _fit(_lessons(known, config), config, validate=validate, on_epoch=on_epoch)[1]
        best = max(epochs, key=lambda epoch: epoch.score)
        held_back, training = -best.score, replace(training, epochs=best.number)
    # Nothing is left to validate on: the last epoch is kept.
    ticks = iter(range(training.epochs))
    everything = replace(config, training=training)
    model, _ = _fit(_lessons(demand, config), everything, validate=lambda _: float(next(ticks)), on_epoch=on_epoch)
    return Forecaster(model, config, held_back)


def _fit(
    lessons: Lessons,
    config: ForecastConfig,
    *,
    validate: Callable[[QuantileModel], float],
    on_epoch: Callable[[Epoch], None],
) -> tuple[QuantileModel, tuple[Epoch, ...]]:
    torch.manual_seed(config.training.seed)
    model = QuantileModel(_shape(config, lessons.levels.features.shape[-1]))
    epochs = fit(
        model,
        quantile_loss,
        batches=lessons.batches,
        steps=lessons.steps,
        validate=validate,
        config=config.training,
        on_epoch=on_epoch,
    )
    return model, epochs


def _shape(config: ForecastConfig, features: int) -> QuantileConfig:
    encoder = EncoderConfig(numeric=features, embedding=1, hidden=config.hidden, dropout=config.dropout)
    return QuantileConfig(encoder, LEVELS, len(TARGETS))


def _lessons(demand: WeeklyDemand, config: ForecastConfig) -> Lessons:
    return lessons_of(demand, emphasis=config.emphasis, memory=config.memory, size=config.batch)


def _latest(demand: WeeklyDemand, weeks: int) -> WeeklyDemand:
    return demand.since(max(0, demand.demand.shape[1] - weeks))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
