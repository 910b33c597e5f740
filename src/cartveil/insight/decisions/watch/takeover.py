"""The protocol of account takeover: learn on clean days, judge the days after, beside counts and rules.

Labels are for scoring only. Nothing is fitted on them and nothing is chosen by them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.measures import (
    Evaluation,
    Figure,
    Interval,
    bootstrap,
    evaluation_of,
)
from cartveil.insight.decisions.watch.accounts import (
    ACCOUNT_CORRUPTIONS,
    account_config,
    account_rules,
    place_rarity,
    train_account_judge,
)
from cartveil.insight.decisions.watch.detector import seconds_at
from cartveil.insight.decisions.watch.labelled import LabelledEvents, keep_nothing, quiet
from cartveil.insight.decisions.watch.learning import train_detector
from cartveil.insight.decisions.watch.network import DetectorConfig
from cartveil.insight.decisions.watch.resampling import precision_interval
from cartveil.insight.decisions.watch.second_stage import JudgeConfig
from cartveil.insight.decisions.watch.session_measures import Sessions, check_sessions, cut_at, session_figures
from cartveil.insight.sequences.consumer_trail import consumer_stream
from cartveil.insight.sequences.streams import StreamSpec, in_order, seconds_of
from cartveil.insight.training.loop import TrainingConfig

#: What ships, among the figures.
OURS = "lstm"

_DAY = 86400
_ROUNDS = 200
#: What the first stage predicts of an event; all columns together would say little more and take five times as long.
_PREDICTED = (
    "chain_share",
    "device_days",
    "network_days",
    "region_share",
    "unseen_days",
    "other_device_hours",
    "hour_rarity",
    "category_rarity",
    "action_rarity",
    "amount_against_own",
    "takes_in_visit",
    "changes_7_days",
    "denied_1_days",
)


def evaluate_takeover(
    data: LabelledEvents,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    on_progress: Callable[[str], None] = quiet,
    on_scores: Callable[[pa.Table], None] = keep_nothing,
) -> Evaluation:
    """Judge takeover of accounts: the judge that ships, the same without memory, the first stage, rules and counts.

    Args:
        data: Events and labels.
        seeds: One training each; the first stage is trained once.
        on_progress: Called with a line about what is done.
        on_scores: Called with event_id and score of all events, by what ships under the first seed.

    Returns:
        Figures per detector, with intervals over resampled consumers.

    Raises:
        InputError: No clean day, no day to judge, no takeover among the judged events, or a label of another event.
        ColumnError: A column is missing, or holds something else; no value is told.
    """
    if not seeds:
        raise InputError("at least one training is needed", path="seeds")
    started = time.perf_counter()
    trial = _trial(data)
    described = time.perf_counter() - started
    minutes = _expected(described, trial) * 2 * len(seeds) / 60
    on_progress(f"{trial.stream.num_rows:,} events described in {described:.0f} s; training takes {minutes:.0f} min")
    scores: dict[str, list[NDArray[np.float64]]] = {OURS: [], "no_recurrence": []}
    begun = time.perf_counter()
    for seed in seeds:
        for name, config in _configs(trial.clean, seed).items():
            on_progress(f"{name}, seed {seed}")
            scores[name].append(trial.judged(config, on_progress))
    seconds = (time.perf_counter() - begun) / (2 * len(seeds))
    on_scores(pa.table({"event_id": trial.stream["event_id"], "score": scores[OURS][0]}))
    scores["no_second_stage"] = [trial.surprised(seeds[0])]
    scores |= {"rules": [account_rules(trial.stream)], "counts": [place_rarity(trial.stream)]}
    return _gathered(trial, scores, seeds, seconds=seconds)


@dataclass(frozen=True)
class _Trial:
    """What all detectors share: events, the stream made of them, what is judged, from when, and the clean events."""

    events: pa.Table
    stream: pa.Table
    spec: StreamSpec
    sessions: Sessions
    start: datetime
    clean: int

    def judged(self, config: JudgeConfig, on_progress: Callable[[str], None]) -> NDArray[np.float64]:
        """Return the scores of a judge that is trained anew."""
        judge = train_account_judge(
            self.events,
            until=self.start,
            config=config,
            on_epoch=lambda epoch: on_progress(f"epoch {epoch.number}, {epoch.score:.3f}, {epoch.seconds:.0f} s"),
        )
        return judge.score(self.stream)

    def surprised(self, seed: int) -> NDArray[np.float64]:
        """Return the scores of the first stage alone: how surprising each event is to a network that expects it."""
        spec = replace(self.spec, numeric=tuple(name for name in self.spec.numeric if name in _PREDICTED))
        training = TrainingConfig(epochs=2, learning_rate=5e-3, seed=seed)
        detector = train_detector(
            self.stream, spec=spec, until=self.start, config=DetectorConfig(events=8192, training=training)
        )
        found = detector.score(self.stream)
        order = np.argsort(found[spec.index].to_numpy(), kind="stable")
        place = np.searchsorted(found[spec.index].to_numpy()[order], self.stream[spec.index].to_numpy())
        return np.asarray(found["score"].to_numpy()[order][place], dtype=np.float64)

    def test(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of the events that are judged."""
        return self.sessions.aligned(self.stream["event_id"].to_numpy().astype(np.int64), scores)


def _expected(described: float, trial: _Trial) -> float:
    """Return about how many seconds one training takes, from how long it took to describe all events once."""
    config, share = account_config(trial.clean), trial.clean / max(trial.stream.num_rows, 1)
    copies = config.rounds * len(ACCOUNT_CORRUPTIONS)
    # An epoch reads what is learnt from a copy about half as fast as it was described.
    learnt = copies * config.training.epochs * 2 * config.clean
    return float(described * (share * (1 + copies + learnt) + 1))


def _trial(data: LabelledEvents) -> _Trial:
    check_sessions(data.events, data.labels)
    start = data.start
    events = in_order(data.events, StreamSpec(fields=(), actor="consumer", index="event_id"))
    sessions = Sessions.of_events(events, data.labels, since=seconds_at(start) // _DAY)
    if not np.isin(data.labels["event_id"].to_numpy(), sessions.ids).all():
        hint = "labels may name events of the test part only: days before it must hold none"
        raise InputError("a label names an event that is not judged", path="event_id", hint=hint)
    if not (sessions.taken >= 0).any():
        raise InputError("no takeover among the judged events", path="labels", hint="recall of nothing is no figure")
    if (sessions.taken >= 0).all():
        raise InputError("every judged session is a takeover", path="labels", hint="label the intruders' events only")
    clean = int((seconds_of(events["time"]) < seconds_at(start)).sum())
    if not clean:
        raise InputError("no event before it to learn from", path="test_start", hint="choose a later day")
    stream, spec = consumer_stream(events)
    return _Trial(events, stream, spec, sessions, start, clean)


def _configs(rows: int, seed: int) -> Mapping[str, JudgeConfig]:
    config = account_config(rows, seed=seed)
    return {OURS: config, "no_recurrence": replace(config, steps=1, overlap=0)}


def _gathered(
    trial: _Trial, scores: Mapping[str, Sequence[NDArray[np.float64]]], seeds: Sequence[int], *, seconds: float
) -> Evaluation:
    tested = {name: [trial.test(each) for each in found] for name, found in scores.items()}
    runs = {name: [session_figures(trial.sessions, each) for each in found] for name, found in tested.items()}
    high = {name: trial.sessions.highest(found[0]) for name, found in tested.items()}
    return evaluation_of(
        "takeover",
        OURS,
        runs,
        intervals={name: _intervals(trial.sessions, each) for name, each in high.items()},
        protocol={
            "test_start": f"{trial.start:%Y-%m-%d}",
            "seeds": list(seeds),
            "unit": "session",
            "resampled": "consumers",
            "interval_rounds": _ROUNDS,
        },
        curves=(_precision_curve(trial.sessions, high), _alarm_curve(trial.sessions, high)),
        seconds=seconds,
    )


def _intervals(sessions: Sessions, high: NDArray[np.float64]) -> dict[str, Interval]:
    """Return intervals over resampled consumers: a consumer's sessions are not independent of each other."""
    _, consumer = np.unique(sessions.consumer, return_inverse=True)
    order = np.argsort(-high, kind="stable")
    positive, consumer, ranked = (sessions.taken >= 0)[order], consumer[order], high[order]
    last = np.append(ranked[1:] != ranked[:-1], True)
    units = int(consumer.max()) + 1

    def recall(sample: NDArray[np.int64], share: float) -> float:
        weight = np.bincount(sample, minlength=units)[consumer]
        wrong, found = np.cumsum(weight * ~positive), np.cumsum(weight * positive)
        reached = np.flatnonzero(last & (wrong <= share * wrong[-1]))
        if not found[-1]:
            return float("nan")
        return float(found[reached[-1]] / found[-1]) if len(reached) else 0.0

    return {
        "session_average_precision": precision_interval(sessions.taken >= 0, high, sessions.consumer, rounds=_ROUNDS),
        "recall_at_1pct_fpr": bootstrap(units, lambda sample: recall(sample, 0.01), rounds=_ROUNDS),
        "recall_at_0.1pct_fpr": bootstrap(units, lambda sample: recall(sample, 0.001), rounds=_ROUNDS),
    }


def _precision_curve(sessions: Sessions, high: Mapping[str, NDArray[np.float64]]) -> Figure:
    positive = sessions.taken >= 0
    lines = {}
    for name, score in high.items():
        hit = np.cumsum(positive[np.argsort(-score, kind="stable")])
        listed = np.arange(1, len(hit) + 1)
        places = np.searchsorted(hit, np.unique(np.linspace(1, hit[-1], 40).astype(np.int64)))
        lines[name] = tuple((float(hit[place] / hit[-1]), float(hit[place] / listed[place])) for place in places)
    return Figure("Sessions of intruders", "recall", "precision", lines)


def _alarm_curve(sessions: Sessions, high: Mapping[str, NDArray[np.float64]]) -> Figure:
    positive = sessions.taken >= 0
    shares = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
    lines = {
        name: tuple((share, float((score[positive] > cut_at(positive, score, share)).mean())) for share in shares)
        for name, score in high.items()
    }
    return Figure("Sessions found at a share of false alarms", "share of clean sessions alarmed on", "recall", lines)
