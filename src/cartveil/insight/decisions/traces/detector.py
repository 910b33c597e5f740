"""The detector of strange traces: some small networks that expect the next call, and the calmest stretch of each trace.

A known program on a rare path surprises in bursts, and is calm in between. A program that was never seen surprises all
along. So a trace is judged by its least surprising stretch, not by its mean; `stretch=None` takes the mean.

    detector = train_trace_detector(normal["calls"])
    suspicious = detector.scores(traces["calls"]) >= detector.threshold(false_positives=0.01)
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.traces.lessons import FIELD, Windows, windows_of
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.sequences.traces import Traces, learn_calls, traces_of
from cartveil.insight.sequences.vocabulary import Vocabulary
from cartveil.insight.training.compiled import CompiledUpdate
from cartveil.insight.training.lessons import mean_loss
from cartveil.insight.training.loop import Epoch, TrainingConfig, fit

#: What the card of a saved detector says it is.
KIND = "trace detector"

#: Fewer training traces than this leave nothing to hold back for the threshold.
FEWEST_TRACES = 20


@dataclass(frozen=True)
class TraceConfig:
    """How to train a detector of traces.

    Args:
        networks: How many networks are asked; their surprise is averaged call by call.
        hidden: Units of each LSTM, and of the embedding of a call.
        dropout: Share of units dropped in training.
        steps: Longest window that a network learns from.
        overlap: Steps of a window that repeat the one before it.
        batch: Windows per step.
        held_back: Share of the training traces that no network learns from: for the epoch and the threshold.
        stretch: Calls of the stretch that a trace is judged by; None for the whole trace.
        training: See `TrainingConfig`.
    """

    networks: int = 3
    hidden: int = 96
    dropout: float = 0.5
    steps: int = 128
    overlap: int = 32
    batch: int = 32
    held_back: float = 0.1
    stretch: int | None = 100
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=12, learning_rate=5e-3, patience=4))


@dataclass(frozen=True)
class TraceDetector:
    """A trained detector.

    Args:
        models: The networks, in evaluation mode.
        vocabulary: The calls that training knew.
        config: What it was trained with.
        normal: Scores of normal traces that no network learnt from, rising.
    """

    models: tuple[NextItem, ...]
    vocabulary: Vocabulary
    config: TraceConfig
    normal: NDArray[np.float64]

    def surprise(self, traces: Traces) -> NDArray[np.float64]:
        """Return minus the log-likelihood of each call in nats, mean over the networks, (events,)."""
        return np.asarray(np.mean([_surprise(model, traces) for model in self.models], axis=0))

    def scores(self, column: pa.ChunkedArray) -> NDArray[np.float64]:
        """Return how strange each trace is, in nats a call, (n,); 0 for an empty one.

        Args:
            column: A list of calls per row; a call that training did not know is as strange as its rarity makes it.

        Raises:
            ColumnError: It holds no lists.
        """
        traces = traces_of(column, self.vocabulary)
        return calmest(self.surprise(traces), traces, self.config.stretch)

    def threshold(self, *, false_positives: float) -> float:
        """Return the score that this share of normal traces exceeds.

        Raises:
            InputError: The share is not between 0 and 1, or the traces held back are too few to know it.
        """
        if not 0 < false_positives < 1:
            raise InputError("is not between 0 and 1", path="false_positives", hint="a share, such as 0.01")
        if len(self.normal) * false_positives < 1:
            hint = f"{len(self.normal)} normal traces were held back; ask for at least {1 / len(self.normal):.2g}"
            raise InputError("too small a share to know", path="false_positives", hint=hint)
        return float(np.quantile(self.normal, 1 - false_positives, method="higher"))

    def save(self, folder: str | Path) -> None:
        """Write weights and card; see `save_model`."""
        state = {
            f"{number}.{name}": tensor
            for number, model in enumerate(self.models)
            for name, tensor in model.state_dict().items()
        }
        state["normal"] = torch.from_numpy(self.normal)
        card = {
            "kind": KIND,
            "config": written_config(self.config),
            "calls": list(self.vocabulary.words),
            "vocabulary_digest": self.vocabulary.digest(),
        }
        save_model(folder, state, card)

    @classmethod
    def load(cls, folder: str | Path) -> "TraceDetector":
        """Read what `save` wrote.

        Raises:
            ModelError: No detector of traces, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        try:
            vocabulary = Vocabulary(tuple(card["calls"]))
            config = read_config(TraceConfig, card["config"], path=folder)
            models = []
            for number in range(config.networks):
                model = _network(config, vocabulary.size)
                mine = {name: tensor for name, tensor in state.items() if name.startswith(f"{number}.")}
                model.load_state_dict({name.split(".", 1)[1]: tensor for name, tensor in mine.items()})
                models.append(model.eval())
            return cls(tuple(models), vocabulary, config, state["normal"].numpy())
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error


def train_trace_detector(
    column: pa.ChunkedArray,
    *,
    config: TraceConfig | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> TraceDetector:
    """Learn what normal traces look like.

    Args:
        column: A list of calls per row, normal traces only.
        config: See `TraceConfig`.
        on_epoch: Called after every epoch of every network.
        on_progress: Told how long training will take, before it begins in earnest.

    Raises:
        ModelError: Too few traces.
        ColumnError: It holds no lists.
    """
    config = config or TraceConfig()
    vocabulary = learn_calls(column)
    traces = traces_of(column, vocabulary)
    traces = traces.part(np.flatnonzero(traces.lengths > 0))
    if len(traces) < FEWEST_TRACES:
        hint = f"at least {FEWEST_TRACES} are needed; `count_next_calls` does with fewer"
        raise ModelError(f"{len(traces)} traces are too few to learn from", hint=hint)
    order = np.random.default_rng(config.training.seed).permutation(len(traces))
    held = traces.part(order[: max(1, int(len(traces) * config.held_back))])
    learnt = traces.part(order[len(held) :])
    on_progress(_estimate(learnt, config))
    models = tuple(_trained(learnt, held, config, number, on_epoch) for number in range(config.networks))
    detector = TraceDetector(models, vocabulary, config, np.empty(0))
    return replace(detector, normal=np.sort(calmest(detector.surprise(held), held, config.stretch)))


def calmest(surprise: NDArray[np.float64], traces: Traces, stretch: int | None) -> NDArray[np.float64]:
    """Return the mean surprise of the least surprising stretch of each trace, (n,); 0 for an empty one.

    Args:
        surprise: Of each call, (events,).
        traces: Whose calls they are.
        stretch: Calls of a stretch; a trace that is shorter is one stretch; None for the whole trace.
    """
    total = np.concatenate([[0.0], np.cumsum(surprise)])
    width = traces.lengths if stretch is None else np.minimum(traces.lengths, stretch)
    # Every call that is the last one of a whole stretch of its own trace.
    here = np.arange(len(surprise)) + 1
    begin = here - width[traces.owner]
    whole = begin >= traces.offsets[:-1][traces.owner]
    means = (total[here] - total[np.maximum(begin, 0)]) / np.maximum(width[traces.owner], 1)
    answer = np.full(len(traces), np.inf)
    np.minimum.at(answer, traces.owner[whole], means[whole])
    return np.where(traces.lengths > 0, answer, 0.0)


def _trained(
    learnt: Traces, held: Traces, config: TraceConfig, number: int, on_epoch: Callable[[Epoch], None]
) -> NextItem:
    training = replace(config.training, seed=config.training.seed * config.networks + number)
    torch.manual_seed(training.seed)
    model = _network(config, learnt.size)
    windows = windows_of(learnt, steps=config.steps, overlap=config.overlap)
    check = windows_of(held, steps=config.steps, overlap=config.overlap)
    fit(
        model,
        mean_loss,
        batches=lambda generator: windows.shuffled(config.batch, generator),
        steps=len(windows.groups(config.batch)),
        validate=lambda trained: -_mean_surprise(trained, check),
        config=training,
        update=CompiledUpdate(),
        on_epoch=on_epoch,
    )
    return model


def _network(config: TraceConfig, calls: int) -> NextItem:
    # One more id than there are calls: the beginning of a trace.
    encoder = EncoderConfig(
        ((FIELD, calls + 1),),
        embedding=config.hidden,
        hidden=config.hidden,
        dropout=config.dropout,
        project=False,
    )
    return NextItem(NextItemConfig(encoder, calls + 1, field=FIELD))


def _mean_surprise(model: NextItem, windows: Windows) -> float:
    total = count = 0.0
    with torch.no_grad():
        for group in windows.groups(64):
            lesson = windows.lesson(group)
            total += float(model.losses(lesson.batch, lesson.targets, lesson.weights).sum())
            count += float(lesson.weights.sum())
    return total / max(count, 1.0)


def _surprise(model: NextItem, traces: Traces, *, steps: int = 30_000) -> NDArray[np.float64]:
    """Return minus the log-likelihood of each call, every trace read whole, (events,)."""
    answer = np.zeros(len(traces.calls))
    order = np.argsort(traces.lengths, kind="stable")
    order = order[traces.lengths[order] > 0]
    begin = 0
    while begin < len(order):
        # Padded steps of a group are bounded, so that memory is.
        end = begin + 1
        while end < len(order) and (end + 1 - begin) * traces.lengths[order[end]] <= steps:
            end += 1
        chosen = order[begin:end]
        some = traces.part(chosen)
        found = _each(model, some)
        rows = np.concatenate([np.arange(traces.offsets[one], traces.offsets[one + 1]) for one in chosen])
        answer[rows] = found
        begin = end
    return answer


def _each(model: NextItem, traces: Traces) -> NDArray[np.float64]:
    windows = windows_of(traces, steps=int(traces.lengths.max()), overlap=0)
    lesson = windows.lesson(np.arange(len(traces)))
    with torch.no_grad():
        scores = torch.log_softmax(model.head.scores(model.encoder(lesson.batch)), dim=-1)  # (B, T, V)
        missed = -scores.gather(-1, lesson.targets[..., None]).squeeze(-1)  # (B, T)
    return np.asarray(missed[lesson.batch.mask].numpy(), dtype=np.float64)


def _estimate(traces: Traces, config: TraceConfig) -> str:
    """Say how long training takes, from one small batch of one network."""
    windows = windows_of(traces, steps=config.steps, overlap=config.overlap)
    model, update = _network(config, traces.size).train(), CompiledUpdate()
    lesson = windows.lesson(windows.groups(config.batch)[0])
    update.gradients(model, mean_loss, lesson)
    started = time.perf_counter()
    update.gradients(model, mean_loss, lesson)
    each = (time.perf_counter() - started) / max(int(lesson.lengths.sum()), 1)
    seconds = each * float(windows.lengths.sum()) * config.training.epochs * config.networks
    return f"training {config.networks} networks takes about {max(seconds, 1):.0f} s"
