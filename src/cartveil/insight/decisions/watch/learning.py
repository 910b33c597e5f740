"""How a detector learns what is usual."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypedDict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.coding import Coding, learn_coding
from cartveil.insight.decisions.watch.detector import Detector, seconds_at
from cartveil.insight.decisions.watch.evidence import Evidence, highest, past_of, signals_of, with_habits
from cartveil.insight.decisions.watch.habits import Past
from cartveil.insight.decisions.watch.network import Coded, DetectorConfig, fit_network
from cartveil.insight.decisions.watch.second_stage import Corruption, Judge, JudgeConfig, train_judge
from cartveil.insight.decisions.watch.surprise import Calibration, calibrate
from cartveil.insight.sequences.streams import StreamSpec, in_order, seconds_of
from cartveil.insight.training.loop import Epoch


@dataclass(frozen=True)
class SecondStage:
    """What a judge is trained on beside the stream.

    Args:
        log: The raw events that the stream was made of.
        derive: Makes the stream and its spec of a log.
        corruptions: What the judge learns to tell from clean events.
        config: See `JudgeConfig`.
    """

    log: pa.Table
    derive: Callable[[pa.Table], tuple[pa.Table, StreamSpec]]
    corruptions: Sequence[Corruption]
    config: JudgeConfig = field(default_factory=JudgeConfig)


class _Told(TypedDict):
    """Who is told how training goes."""

    on_epoch: Callable[[Epoch], None]
    on_progress: Callable[[str], None]


def train_detector(
    events: pa.Table,
    *,
    spec: StreamSpec,
    until: datetime,
    config: DetectorConfig | None = None,
    second: SecondStage | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Detector:
    """Learn what is usual from the events before `until`.

    The last part of that period is held back from the network; on it surprise is calibrated and the alarm budget set.

    Args:
        events: The stream; what happens from `until` on is not looked at.
        spec: Which column is what.
        until: End of the training period, which should be clean.
        config: See `DetectorConfig`.
        second: How to train a judge beside it; None for none.
        on_epoch: Called after every epoch.
        on_progress: Told before each training how long it will take.

    Raises:
        ModelError: The training period holds too few events.
        ColumnError: A column of the spec is missing.
    """
    config = config or DetectorConfig()
    stream = _before(in_order(events, spec), spec, until)
    seconds = seconds_of(stream[spec.time])
    held = np.arange(len(seconds)) >= int(len(seconds) * (1 - config.held_back))
    coding = learn_coding(stream.filter(pa.array(~held)), spec)
    past = past_of(stream, spec, coding.role_ids(stream, spec))
    settled = int(past.day[held].min())
    told: _Told = {"on_epoch": on_epoch, "on_progress": on_progress}
    model = fit_network(Coded.of(stream, spec, coding), held, config, **told) if config.network else None
    judge = _judge(second, coding, int(seconds[held].min()), told) if second is not None else None
    # Counts need no training: all days count on which there was a habit to speak of.
    signals = signals_of(stream, spec, coding, past=past)
    counted = _calibrated(signals, past, since=int(config.held_back * past.days))
    detector = Detector(model, spec, coding, counted, config, judge=judge, settled=settled + int(seconds[0]) // 86400)
    learnt = None
    if model is not None or judge is not None:
        learnt = detector.learnt_signals(stream, signals)
        detector = replace(detector, learnt=_calibrated(learnt, past, since=settled))
    return _with_clean(detector, stream, past, detector.evidence_of(signals, learnt, past.roles))


def _judge(second: SecondStage, coding: Coding, until: int, told: _Told) -> Judge:
    log = second.log.filter(second.log["time"].is_valid())
    log = log.filter(pa.array(seconds_of(log["time"]) < until))

    def derive(some: pa.Table) -> tuple[pa.Table, StreamSpec]:
        stream, spec = second.derive(some)
        past = past_of(stream, spec, coding.role_ids(stream, spec))
        return with_habits(stream, spec, signals_of(stream, spec, coding, past=past))

    return train_judge(log, derive=derive, corruptions=second.corruptions, config=second.config, **told)


def _before(stream: pa.Table, spec: StreamSpec, until: datetime) -> pa.Table:
    stream = stream.filter(pa.array(seconds_of(stream[spec.time]) < seconds_at(until)))
    if stream.num_rows < 20:
        hint = "at least 20 events before `until` are needed"
        raise ModelError(f"{stream.num_rows} events are too few to learn from", hint=hint)
    return stream


def _calibrated(signals: NDArray[np.float32], past: Past, *, since: int) -> Calibration:
    day = past.keys % past.days
    clean = day >= min(since, int(day.max()))
    return calibrate(highest(signals, past)[clean], past.roles[past.first][clean], sizes=int(past.roles.max()) + 1)


def _with_clean(detector: Detector, stream: pa.Table, past: Past, evidence: Evidence) -> Detector:
    """Return the detector with what clean days usually hold, and how high they score."""
    day = past.keys % past.days
    first_day = int(seconds_of(stream[detector.spec.time])[0]) // 86400
    clean = day > detector.settled - first_day
    clean = clean if clean.any() else np.ones_like(clean)
    detector = replace(detector, usual=detector.usual_of(past, evidence, clean))
    scores = detector.weigh(stream, past, evidence).days.score[clean]
    return replace(detector, clean=(np.sort(scores), max(1, len(np.unique(day[clean])))))
