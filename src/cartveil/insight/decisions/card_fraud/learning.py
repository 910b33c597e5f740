"""Learning to tell fraud: from the payments of a period, with all that came before them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.card_fraud.model import CardFraud
from cartveil.insight.decisions.card_fraud.network import FraudNetwork, Lesson, NetworkConfig, mean_loss
from cartveil.insight.decisions.card_fraud.prepared import Prepared, batch_of, prepare
from cartveil.insight.decisions.card_fraud.trees import Trees, TreesConfig, grow_trees
from cartveil.insight.models.card import digest_of
from cartveil.insight.sequences.card_history import FEATURES, HistoryConfig
from cartveil.insight.sequences.card_trails import STEP
from cartveil.insight.sequences.transactions import transactions_of
from cartveil.insight.training.loop import TrainingConfig, fit

#: Shares of the payments at which features are cut into ranges: fine where the rare ones are.
_CUTS = (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 0.995, 1.0)

#: Least width of a range: many features have one value for nearly all.
_LEAST_RANGE = 1e-3

#: Steps that are timed before it is said how long training takes.
_TIMED = 2


@dataclass(frozen=True)
class FraudConfig:
    """How to learn.

    Args:
        history: How the past is read.
        hidden: Units of each LSTM.
        units: Units of the layer in which trails and features meet.
        dropout: See `NetworkConfig`.
        customer_steps: Steps of a customer's trail that a payment is learnt with.
        terminal_steps: Steps of a terminal's trail likewise.
        legitimate: Share of the legitimate payments that is learnt from in an epoch, drawn anew for each.
        batch: Payments per step.
        trails: Read the trails; without them the network has features alone, for comparison.
        trees: How trees are grown beside the network; None for no trees, and no need of XGBoost.
        training: See `TrainingConfig`.

    Raises:
        ModelError: A number makes no sense.
    """

    history: HistoryConfig = field(default_factory=HistoryConfig)
    hidden: int = 32
    units: int = 64
    dropout: float = 0.15
    customer_steps: int = 32
    terminal_steps: int = 64
    legitimate: float = 0.1
    batch: int = 256
    trails: bool = True
    trees: TreesConfig | None = field(default_factory=TreesConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=20, learning_rate=3e-3))

    def __post_init__(self) -> None:
        if min(self.customer_steps, self.terminal_steps, self.batch) < 1 or not 0 < self.legitimate <= 1:
            raise ModelError(
                "steps and batch must be 1 or more, and a share above 0 and at most 1", hint="see `FraudConfig`"
            )


def quiet(_: str) -> None:
    """Say nothing."""


def train_card_fraud(
    table: pa.Table,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    config: FraudConfig | None = None,
    on_progress: Callable[[str], None] = quiet,
) -> CardFraud:
    """Learn from the payments of a period.

    Args:
        table: Columns `transaction`, `time`, `customer`, `terminal`, `amount`, `fraud`; with weeks before the period,
            which features and trails look back on.
        since: Begin of the period; None for a quarter into the table.
        until: Its end; None for the last moment at which verdicts are in.
        config: See `FraudConfig`.
        on_progress: Told how long it takes, before it begins, and how far it is.

    Raises:
        ColumnError: A column is missing or of another type.
        MissingExtraError: Trees are asked for and the extra `boost` is not installed.
        ModelError: The period holds no fraud, or nothing else.
    """
    config = config or FraudConfig()
    events = transactions_of(table)
    if not len(events):
        raise ModelError("no transaction to learn from", hint="every row lacks a value, or there is none")
    first, last = int(events.seconds[0]), int(events.seconds[-1])
    begin = first + (last - first) // 4 if since is None else _seconds(since)
    end = last + 1 - config.history.delay if until is None else _seconds(until)
    rows = np.flatnonzero((events.seconds >= begin) & (events.seconds < end))
    model = learn(prepare(events, config.history), rows, config=config, on_progress=on_progress)
    return replace(model, card={"data": {"digest": digest_of(table)}, "payments": len(rows)})


def learn(
    prepared: Prepared,
    rows: NDArray[np.int64],
    *,
    config: FraudConfig | None = None,
    on_progress: Callable[[str], None] = quiet,
) -> CardFraud:
    """Learn from some of the transactions that were prepared.

    Args:
        prepared: With the history that `config` asks for.
        rows: Which to learn from, (n,); their verdicts must be known to whoever calls.
        config: See `FraudConfig`.
        on_progress: See `train_card_fraud`.

    Raises:
        MissingExtraError: Trees are asked for and the extra `boost` is not installed.
        ModelError: There is no fraud among them, or nothing else.
    """
    config = config or FraudConfig()
    frauds = int(prepared.events.fraud[rows].sum())
    if not 0 < frauds < len(rows):
        found = "no fraud" if not frauds else "nothing but fraud"
        raise ModelError(f"{found} among {len(rows)} payments to learn from", hint="take a longer period")
    trees = _trees(prepared, rows, config)
    network = _network(prepared, rows, config, on_progress=on_progress)
    return CardFraud(network.double().eval(), trees, config.history, {})


def _trees(prepared: Prepared, rows: NDArray[np.int64], config: FraudConfig) -> Trees | None:
    if config.trees is None:
        return None
    seed = config.training.seed
    return grow_trees(prepared.features[rows], prepared.events.fraud[rows], config=config.trees, seed=seed)


def _network(
    prepared: Prepared, rows: NDArray[np.int64], config: FraudConfig, *, on_progress: Callable[[str], None]
) -> FraudNetwork:
    features, fraud = prepared.features[rows], prepared.events.fraud[rows]
    torch.manual_seed(config.training.seed)
    shape = NetworkConfig(
        features=len(FEATURES),
        ranges=len(_CUTS) - 1,
        steps=len(STEP),
        hidden=config.hidden,
        units=config.units,
        dropout=config.dropout,
        prior=float(fraud.mean()),
        trails=config.trails,
    )
    network = FraudNetwork(shape)
    network.measure(*_measured(features))
    lessons = Lessons(prepared, rows, config)
    on_progress(f"learning from {len(rows):,} payments, {_estimated(network, lessons, config)}")
    fit(
        network,
        mean_loss,
        batches=lessons.batches,
        steps=lessons.steps,
        validate=None,
        config=config.training,
        on_epoch=lambda epoch: on_progress(f"epoch {epoch.number}/{config.training.epochs}, loss {epoch.loss:.4f}"),
    )
    return network


def _measured(features: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean, standard deviation and edges of the ranges of each feature."""
    edges = np.quantile(features, _CUTS, axis=0).T  # (features, ranges + 1)
    edges = np.maximum.accumulate(edges + np.arange(len(_CUTS)) * _LEAST_RANGE, axis=1)
    found = features.mean(0), features.std(0) + 0.05, edges
    mean, spread, cuts = (torch.from_numpy(each.astype(np.float32)) for each in found)
    return mean, spread, cuts


@dataclass(frozen=True)
class Lessons:
    """Payments to learn from: all frauds in every epoch, and a share of the others drawn anew.

    Args:
        prepared: All transactions.
        rows: Those to learn from, (n,).
        config: See `FraudConfig`.
    """

    prepared: Prepared
    rows: NDArray[np.int64]
    config: FraudConfig

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has."""
        fraud = self.prepared.events.fraud[self.rows]
        return -(-(int(fraud.sum()) + self._drawn(fraud)) // self.config.batch)

    def batches(self, generator: np.random.Generator) -> Iterator[Lesson]:
        """Yield the lessons of an epoch in a fresh order."""
        fraud = self.prepared.events.fraud[self.rows]
        drawn = generator.choice(self.rows[~fraud], self._drawn(fraud), replace=False)
        order = generator.permutation(np.concatenate([self.rows[fraud], drawn]))
        for begin in range(0, len(order), self.config.batch):
            yield self.lesson(order[begin : begin + self.config.batch])

    def lesson(self, rows: NDArray[np.int64]) -> Lesson:
        """Return these payments with their trails."""
        prepared, config = self.prepared, self.config
        fraud = prepared.events.fraud[rows]
        # A payment that stands for ten others counts as ten.
        weights = np.where(fraud, 1.0, 1.0 / config.legitimate).astype(np.float32)
        return Lesson(
            batch_of(*prepared.customer.windows(rows, config.customer_steps)),
            batch_of(*prepared.terminal.windows(rows, config.terminal_steps)),
            torch.from_numpy(prepared.features[rows]),
            torch.from_numpy(fraud.astype(np.float32)),
            torch.from_numpy(weights),
        )

    def _drawn(self, fraud: NDArray[np.bool_]) -> int:
        return max(1, int((~fraud).sum() * self.config.legitimate))


def _estimated(network: FraudNetwork, lessons: Lessons, config: FraudConfig) -> str:
    """Return in words how long training will take, after some steps that leave no trace."""
    batches = lessons.batches(np.random.default_rng(0))
    started = 0.0
    for number in range(min(_TIMED + 1, lessons.steps)):
        # The first step warms caches up; it is timed only where there is no other.
        started = time.perf_counter() if number < 2 else started
        mean_loss(network, next(batches)).backward()  # type: ignore[no-untyped-call]
    network.zero_grad(set_to_none=True)
    seconds = (time.perf_counter() - started) / max(1, min(_TIMED, lessons.steps - 1))
    whole = round(seconds * lessons.steps * config.training.epochs)
    return f"about {timedelta(seconds=whole)} h" if whole >= 60 else f"about {whole} s"


def _seconds(moment: datetime) -> int:
    # Times without a zone are taken as UTC, as those of the table are.
    return int(np.datetime64(moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta()), "s").astype(np.int64))
