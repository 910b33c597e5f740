"""The LSTM forecaster: one model for all items, trained on every period of each."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.forecast.evaluation import score
from cartveil.insight.decisions.forecast.horizon import (
    HORIZON,
    Jittered,
    periods_table,
    targets_of,
    totals_table,
    whole,
)
from cartveil.insight.decisions.forecast.lessons import WARM_UP, Lessons, Plan, count_loss, lessons_of, predict
from cartveil.insight.decisions.forecast.statics import Vocabulary, ids_of
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.counts import CountConfig, CountModel
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.sequences.clock import STRAYS
from cartveil.insight.sequences.levels import levels_of
from cartveil.insight.sequences.series import DemandSeries
from cartveil.insight.training.loop import Epoch, TrainingConfig, fit

#: What the card of a saved forecaster says it is.
KIND = "forecaster"

#: Steps that are timed before training.
_TIMED = 3
#: Units in which a category or an item is embedded.
_EMBEDDING = 8


@dataclass(frozen=True)
class ForecastConfig:
    """How to train a forecaster.

    Args:
        horizon: Periods ahead.
        hidden: Units of the LSTM.
        parts: Of each distribution; see `CountConfig`.
        dropout: Share of units dropped in training.
        periods: At most this many past periods are read.
        batch: Series per step, at most.
        emphasis: Weight of an item is its scale to this power: 1 counts units, 0 counts items.
        memory: Periods after which a lesson weighs 1/e.
        identify: Give every item an embedding of its own, besides one of its category, where it has one.
        training: See `TrainingConfig`.

    Raises:
        InputError: No period ahead.
    """

    horizon: int = HORIZON
    hidden: int = 48
    parts: int = 3
    dropout: float = 0.2
    periods: int = 156
    batch: int = 128
    emphasis: float = 0.5
    memory: float = 24.0
    identify: bool = False
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=8, learning_rate=5e-3))

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise InputError("must be at least 1", path="horizon", hint="leave it out for the usual one")


@dataclass(frozen=True)
class Forecaster:
    """A trained forecaster.

    Args:
        model: The network, in evaluation mode.
        config: What it was trained with.
        unit: What demand was counted in: 1, or less where there were fractions.
        vocabularies: What of an item is embedded.
        held_back: Weighted quantile loss on the last periods of the training data, by a model that had not seen them;
            NaN where there were too few periods to hold any back.
        seasonal: Whether it was trained with the time of the year, and so is asked with it, however much is known then.
        set_aside: Order lines that a wrong clock dated, which it was not trained on.
    """

    model: CountModel
    config: ForecastConfig
    unit: float = 1.0
    vocabularies: tuple[Vocabulary, ...] = ()
    held_back: float = float("nan")
    seasonal: bool = False
    set_aside: int = 0

    @property
    def horizon(self) -> int:
        """Return how many periods ahead it looks."""
        return self.config.horizon

    def quantiles(self, demand: DemandSeries) -> NDArray[np.float32]:
        """Return quantiles (I, targets, levels) of what follows; an item that never sold gets zeros."""
        return whole(self._counted(demand)) * np.float32(self.unit)

    def jittered(self, demand: DemandSeries) -> Jittered:
        """Return quantiles of demand plus a uniform number of up to one unit."""
        return Jittered(self._counted(demand) * self.unit, self.unit)

    def forecast(self, demand: DemandSeries) -> pa.Table:
        """Return item, the first day of each coming period (`week`, say) and its quantiles `q10` ... `q98`."""
        return periods_table(self, demand)

    def totals(self, demand: DemandSeries) -> pa.Table:
        """Return item, how many coming periods (`weeks`, say), and quantiles of their sum."""
        return totals_table(self, demand)

    def save(self, folder: str | Path, *, card: Mapping[str, Any] | None = None) -> None:
        """Write the model.

        Args:
            folder: Made where it is missing.
            card: What else the card should say: metrics, baselines, digest of the release.
        """
        features = self.model.config.encoder.numeric
        own = {"kind": KIND, "config": asdict(self.config), "features": features, "unit": self.unit}
        own |= {"seasonal": self.seasonal, "rows_set_aside": self.set_aside}
        own["vocabularies"] = [[each.field, list(each.names)] for each in self.vocabularies]
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
            vocabularies = tuple(Vocabulary(name, tuple(names)) for name, names in card["vocabularies"])
            shape = _shape(config, int(card["features"]), vocabularies)
            model = CountModel(shape)
            model.load_state_dict(state)
            unit, seasonal, strays = float(card["unit"]), bool(card["seasonal"]), int(card["rows_set_aside"])
        except (KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error
        held_back = card.get("held_back_wql")
        worth = float("nan") if held_back is None else float(held_back)
        return cls(model.eval(), config, unit, vocabularies, worth, seasonal, strays)

    def _counted(self, demand: DemandSeries) -> NDArray[np.float64]:
        levels = levels_of(_latest(demand, self.config.periods), seasonal=self.seasonal)
        expected = self.model.config.encoder.numeric
        if levels.features.shape[-1] != expected:
            hint = "give periods, order lines and prices where training had them, and only there"
            raise ModelError("the forecaster was trained on another kind of series", hint=hint)
        return predict(self.model, levels, ids_of(demand, self.vocabularies), unit=self.unit)


def train_forecaster(
    demand: DemandSeries,
    *,
    config: ForecastConfig | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Forecaster:
    """Train on all items at once.

    First a rehearsal: the last periods are held back, to learn what the forecast is worth. Then all periods are
    trained on. With too few periods to hold any back there is no rehearsal.

    Args:
        demand: What is known up to now; nothing later is looked at.
        config: See `ForecastConfig`.
        on_epoch: Called after every epoch, of the rehearsal and of the training.
        on_progress: Told before training begins how long it will take, and how many order lines were set aside.

    Raises:
        ModelError: No item has a sale, or there are too few periods.
    """
    config = config or ForecastConfig()
    demand = _latest(demand, config.periods)
    lessons = lessons_of(demand, _plan(config))
    if demand.set_aside:
        on_progress(f"{demand.set_aside:,} {STRAYS}")
    seconds = _seconds(lessons, config)
    on_progress(f"training will take about {seconds:.0f} s: a rehearsal without the last periods, then with all")
    held_back = _rehearse(demand, config, on_epoch)
    model = _fit(lessons, config, on_epoch)
    seasonal = lessons.levels.seasonal
    return Forecaster(model, config, lessons.unit, lessons.vocabularies, held_back, seasonal, demand.set_aside)


def _rehearse(demand: DemandSeries, config: ForecastConfig, on_epoch: Callable[[Epoch], None]) -> float:
    """Return the loss on the last periods of a model that has not seen them; NaN where it cannot be known."""
    first = demand.demand.shape[1] - config.horizon
    known, later = demand.before(max(first, 0)), demand.demand[:, max(first, 0) :]
    if first < config.horizon + WARM_UP or not ((known.demand > 0).any() and (later > 0).any()):
        return float("nan")
    lessons = lessons_of(known, _plan(config))
    if not len(lessons.rows):
        return float("nan")
    model = _fit(lessons, config, on_epoch)
    found = whole(predict(model, lessons.levels, lessons.ids, unit=lessons.unit)) * np.float32(lessons.unit)
    return score(found, later).wql


def _seconds(lessons: Lessons, config: ForecastConfig) -> float:
    """Return how long training should take, from steps of a model that is thrown away."""
    model, rows = _fresh(lessons, config), lessons.rows[: lessons.size]
    if not len(rows):
        return 0.0
    lesson = lessons.lesson(rows, np.random.default_rng(0))
    count_loss(model, lesson).backward()  # type: ignore[no-untyped-call]
    times = []
    for _ in range(_TIMED):
        began = perf_counter()
        count_loss(model, lesson).backward()  # type: ignore[no-untyped-call]
        times.append(perf_counter() - began)
    return min(times) * lessons.steps * config.training.epochs * 2


def _fit(lessons: Lessons, config: ForecastConfig, on_epoch: Callable[[Epoch], None]) -> CountModel:
    torch.manual_seed(config.training.seed)
    model = _fresh(lessons, config)
    fit(
        model,
        count_loss,
        batches=lessons.batches,
        steps=lessons.steps,
        validate=None,
        config=config.training,
        on_epoch=on_epoch,
    )
    return model


def _fresh(lessons: Lessons, config: ForecastConfig) -> CountModel:
    return CountModel(_shape(config, lessons.levels.features.shape[-1], lessons.vocabularies))


def _shape(config: ForecastConfig, features: int, vocabularies: tuple[Vocabulary, ...]) -> CountConfig:
    encoder = EncoderConfig(
        categorical=tuple((each.field, each.size) for each in vocabularies),
        numeric=features,
        embedding=_EMBEDDING,
        hidden=config.hidden,
        dropout=config.dropout,
    )
    return CountConfig(encoder, len(targets_of(config.horizon)), config.parts)


def _plan(config: ForecastConfig) -> Plan:
    return Plan(config.horizon, config.emphasis, config.memory, config.identify, config.batch)


def _latest(demand: DemandSeries, periods: int) -> DemandSeries:
    return demand.since(max(0, demand.demand.shape[1] - periods))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
