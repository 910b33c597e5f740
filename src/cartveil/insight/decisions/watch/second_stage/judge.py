"""The judge: how likely each event is foreign to its actor, from that event and those before it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.second_stage.inputs import Inputs, Rows
from cartveil.insight.decisions.watch.windows import Windows, windows_of
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.risk import RiskConfig, RiskModel
from cartveil.insight.sequences.streams import StreamSpec
from cartveil.insight.training.loop import TrainingConfig

#: What the card of a saved judge says it is.
KIND = "judge"


@dataclass(frozen=True)
class JudgeConfig:
    """How to train a judge.

    Args:
        hidden: Units of the LSTM.
        embedding: Units per field.
        dropout: Share of units dropped in training.
        steps: Events per window; with 1 nothing is remembered from event to event.
        overlap: Events of a window that only warm the encoder up.
        events: Events per step of training, padding included.
        rounds: How often each corruption is applied to the clean log.
        clean: Share of the windows without a corrupted event that is learnt from, above 0 to 1.
        settling: First share of the period whose events are read and not judged: everything is new there.
        held_back: Share of the actors by whom the best epoch is chosen.
        training: See `TrainingConfig`.

    Raises:
        ModelError: A number is outside its range.
    """

    hidden: int = 64
    embedding: int = 8
    dropout: float = 0.1
    steps: int = 64
    overlap: int = 16
    events: int = 4096
    rounds: int = 2
    clean: float = 0.5
    settling: float = 0.25
    held_back: float = 0.1
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=4, learning_rate=4e-3, patience=2))

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.steps:
            raise ModelError("`overlap` must be from 0 to below `steps`", hint="a fourth of `steps` is usual")
        if self.rounds < 1 or self.events < 1 or not 0 < self.clean <= 1:
            raise ModelError("`rounds` and `events` must be 1 or more, `clean` above 0 to 1", hint="see the defaults")
        if not (0 <= self.settling < 1 and 0 < self.held_back < 1):
            raise ModelError("`settling` and `held_back` must be shares below 1", hint="such as 0.25 and 0.1")


@dataclass(frozen=True)
class Judge:
    """A trained judge.

    Args:
        model: The network, in evaluation mode.
        spec: The stream that it was trained on.
        inputs: How a stream becomes numbers.
        config: What it was trained with.
    """

    model: RiskModel
    spec: StreamSpec
    inputs: Inputs
    config: JudgeConfig

    def score(self, stream: pa.Table) -> NDArray[np.float64]:
        """Return the log-odds that each event is foreign to its actor, (rows,).

        Args:
            stream: As `derive` returned it: in order of time, the actors' past included.

        Guarantees:
            - A score depends on the event and earlier ones only.
        """
        if stream.num_rows == 0:
            return np.empty(0)
        reading = Reading.of(self.inputs.rows(stream, self.spec), self.config)
        answer = np.zeros(stream.num_rows)
        self.model.eval()
        with torch.no_grad():
            for chosen in reading.groups(np.arange(len(reading.windows.rows)), events=4 * self.config.events):
                rows = reading.windows.rows[chosen]
                odds = self.model(reading.batch(chosen)).numpy()  # (B, T)
                rows = rows[:, : odds.shape[1]]
                fresh = reading.windows.fresh[chosen][:, : odds.shape[1]]
                answer[reading.order[rows[fresh]]] = odds[fresh]
        return answer

    def state(self) -> dict[str, Tensor]:
        """Return the weights."""
        return dict(self.model.state_dict())

    def card(self) -> dict[str, Any]:
        """Return all else that makes the judge, in JSON's types."""
        return {
            "network": written_config(self.model.config),
            "spec": written_config(self.spec),
            "inputs": self.inputs.to_dict(),
            "config": written_config(self.config),
        }

    @classmethod
    def of(cls, state: Mapping[str, Tensor], card: Mapping[str, Any], *, path: str | Path) -> "Judge":
        """Make a judge of what `state` and `card` returned.

        Args:
            state: The weights.
            card: What `card` returned, after a way through JSON.
            path: Where they stand, for the message.

        Raises:
            ModelError: They do not fit together.
        """
        try:
            model = RiskModel(read_config(RiskConfig, card["network"], path=path))
            model.load_state_dict(dict(state))
            inputs = Inputs.from_dict(card["inputs"])
            spec = read_config(StreamSpec, card["spec"], path=path)
            return cls(model.eval(), spec, inputs, read_config(JudgeConfig, card["config"], path=path))
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise ModelError("card does not fit the weights", path=str(path), hint="train the model again") from error

    def save(self, folder: str | Path, *, card: Mapping[str, Any] | None = None) -> None:
        """Write the judge; what it holds of the stream are its words and scales, never an actor or a subject.

        Args:
            folder: Made where it is missing.
            card: What else the card should say: metrics, baselines, digest of the release.
        """
        save_model(folder, self.state(), {**(card or {}), "kind": KIND, **self.card()})

    @classmethod
    def load(cls, folder: str | Path) -> "Judge":
        """Read what `Judge.save` wrote.

        Raises:
            ModelError: No judge, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        return cls.of(state, card, path=folder)


@dataclass(frozen=True)
class Reading:
    """Rows cut into windows that the encoder reads; `order` leads from the windows' rows to those of the stream."""

    rows: Rows
    order: NDArray[np.int64]
    windows: Windows

    @classmethod
    def of(cls, rows: Rows, config: JudgeConfig) -> "Reading":
        """Cut each actor's events into windows."""
        order = np.argsort(rows.actors, kind="stable")
        windows = windows_of(
            rows.ids[order], rows.ids[order, -1], rows.actors[order], steps=config.steps, overlap=config.overlap
        )
        return cls(Rows(rows.ids[order], rows.numbers[order], rows.actors[order]), order, windows)

    def groups(self, chosen: NDArray[np.int64], *, events: int) -> list[NDArray[np.int64]]:
        """Return windows of like length in groups of at most so many steps, padding included."""
        return self.windows.cuts(chosen, events=events)

    def shuffled(self, groups: list[NDArray[np.int64]], generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Yield groups of the same sizes with other windows of like length, in a fresh order."""
        return self.windows.shuffled(groups, generator)

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Return some windows as the encoder reads them: each step is the event itself."""
        rows = self.windows.rows[chosen]
        rows = rows[:, : int((rows >= 0).sum(1).max())]  # (B, T)
        real = rows >= 0
        safe = np.where(real, rows, 0)
        return batch_of(self.rows.ids[safe], self.rows.numbers[safe], real.sum(1))


def batch_of(ids: NDArray[np.int64], numbers: NDArray[np.float32], lengths: NDArray[np.int64]) -> Batch:
    """Return ids (B, T, fields) and numbers (B, T, 2 * numeric) of so many steps (B,) as the encoder reads them."""
    categorical = {f"field_{place}": torch.from_numpy(ids[..., place]) for place in range(ids.shape[-1])}
    return Batch(categorical, {}, torch.from_numpy(numbers), torch.from_numpy(lengths))
