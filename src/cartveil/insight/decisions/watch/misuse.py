"""The protocol of misuse of access: learn on clean days, judge the days after, beside rules, counts and volume.

What ships counts what actors do against their habits, takes what rules find as evidence too, and asks a judge that was
taught to tell whose events they are. Labels are for scoring only; nothing is fitted on them.

On a log with 100,000 events or more to learn from, each row of what ships or a part of it is what a command runs:

    lstm             cartveil watch LOG --until DAY --second-stage --rules
    no_second_stage  cartveil watch LOG --until DAY --rules
    counts           cartveil watch LOG --until DAY

On smaller logs the first still is; the others have a next-event network beside the counts there. No command runs
`no_recurrence`, `rules` or `volume`. A command alerts on the days that score highest, within its budget.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.measures import Evaluation, Figure, Interval, bootstrap, evaluation_of
from cartveil.insight.decisions.watch.alert_measures import (
    alert_measures,
    days_of,
    incident_outcomes,
    lowest_for_unknown,
)
from cartveil.insight.decisions.watch.detector import seconds_at
from cartveil.insight.decisions.watch.judged import Judged
from cartveil.insight.decisions.watch.labelled import LabelledEvents, keep_nothing, quiet
from cartveil.insight.decisions.watch.learning import SecondStage, train_detector
from cartveil.insight.decisions.watch.network import DetectorConfig
from cartveil.insight.decisions.watch.resampling import precision_interval
from cartveil.insight.decisions.watch.rules import rule_scores
from cartveil.insight.decisions.watch.second_stage import JudgeConfig
from cartveil.insight.decisions.watch.staff import (
    LARGE,
    STAFF_CORRUPTIONS,
    plain_log,
    spec_without_rules,
    staff_judge,
    staff_stream,
    volume_scores,
)
from cartveil.insight.sequences.audit_trail import audit_stream
from cartveil.insight.sequences.streams import StreamSpec, seconds_of
from cartveil.insight.training.loop import Epoch

#: What ships, among the figures.
OURS = "lstm"
#: Which command runs which row; the last two on logs of `LARGE` or more events to learn from.
COMMANDS = {
    OURS: "cartveil watch LOG --until DAY --second-stage --rules",
    "no_second_stage": "cartveil watch LOG --until DAY --rules",
    "counts": "cartveil watch LOG --until DAY",
}

_DAY = 86400
_ROUNDS = 200
#: Alerts a day at which detectors are compared; the first is the one of the main figures.
_BUDGETS = (20, 5)
#: The main figures.
_FIRST = ("average_precision", "incident_recall", "leaked_share_mean", "precision", "recall")
_CURVE = (1, 2, 3, 5, 8, 12, 20, 30, 50)


def evaluate_misuse(
    data: LabelledEvents,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    network: bool = False,
    on_progress: Callable[[str], None] = quiet,
    on_scores: Callable[[pa.Table], None] = keep_nothing,
) -> Evaluation:
    """Judge misuse of access: the detector that ships, the same without parts of it, rules, counts and volume.

    Args:
        data: The log and its labels.
        seeds: One training each of what is trained.
        network: Judge `network` too: counts and rules beside a network that expects the next event, without a judge;
            it is what takes longest to train.
        on_progress: Called with a line about what is done.
        on_scores: Called with event_id and score of all events, by what ships under the first seed.

    Returns:
        Figures per detector, with intervals over resampled incidents.

    Raises:
        InputError: No clean day, no day to judge, no misuse among the judged events, or a label of another event.
        ColumnError: A column is missing, or holds something else; no value is told.
    """
    if not seeds:
        raise InputError("at least one training is needed", path="seeds")
    started = time.perf_counter()
    trial = _trial(data)
    described = time.perf_counter() - started
    on_progress(f"{trial.stream.num_rows:,} events described in {described:.0f} s; " + _expected(described, len(seeds)))
    scores: dict[str, list[NDArray[np.float64]]] = {}
    seconds = 0.0
    for seed in seeds:
        for name, design in _designs(seed, network=network).items():
            if name in scores and not design.seeded:
                continue
            begun = time.perf_counter()
            scores.setdefault(name, []).append(trial.detected(design, on_progress))
            seconds = time.perf_counter() - begun if name == OURS else seconds
            on_progress(f"{name}, seed {seed}: {time.perf_counter() - begun:.0f} s")
    on_scores(pa.table({"event_id": trial.stream["index"], "score": scores[OURS][0]}))
    scores |= {"rules": [trial.ruled()], "volume": [volume_scores(trial.stream)]}
    protocol: dict[str, Any] = {
        "test_start": f"{trial.start:%Y-%m-%d}",
        "seeds": list(seeds),
        "unit": "actor and day",
    }
    protocol |= {"commands": COMMANDS, "commands_from_events": LARGE}
    return _gathered(trial, scores, protocol, seconds=seconds)


def _expected(described: float, seeds: int) -> str:
    # A training derives the stream three more times, and what it learns takes about as long again.
    return f"{2 * seeds} trainings of about {8 * described / 60:.0f} min each follow"


def _designs(seed: int, *, network: bool = False) -> Mapping[str, "_Design"]:
    """Return what ships and what is left of it without one of its parts."""
    plain, expecting = DetectorConfig(network=False), DetectorConfig()
    expecting = replace(expecting, training=replace(expecting.training, seed=seed))
    judge = staff_judge(seed=seed)
    return ({"network": _Design(expecting)} if network else {}) | {
        "counts": _Design(plain, rules=False),
        "no_second_stage": _Design(plain),
        "no_recurrence": _Design(plain, replace(judge, steps=1, overlap=0)),
        OURS: _Design(plain, judge),
    }


@dataclass(frozen=True)
class _Design:
    """A detector to be: its configuration, that of its judge (None: none), and whether rules are evidence."""

    config: DetectorConfig
    judge: JudgeConfig | None = None
    rules: bool = True

    @property
    def seeded(self) -> bool:
        """Return whether another seed gives another detector."""
        return self.config.network or self.judge is not None


@dataclass(frozen=True)
class _Trial:
    """Everything that all detectors share: the log, the stream made of it, and what is judged."""

    log: pa.Table
    stream: pa.Table
    spec: StreamSpec
    bare: StreamSpec
    judged: Judged
    start: datetime

    def detected(self, design: "_Design", on_progress: Callable[[str], None]) -> NDArray[np.float64]:
        """Return what a detector that is trained now makes of every event's day so far."""

        def said(epoch: Epoch) -> None:
            on_progress(f"epoch {epoch.number}, {epoch.score or 0.0:.3f}, {epoch.seconds:.0f} s")

        second = SecondStage(self.log, audit_stream, STAFF_CORRUPTIONS, design.judge) if design.judge else None
        spec = self.spec if design.rules else self.bare
        detector = train_detector(
            self.stream, spec=spec, until=self.start, config=design.config, second=second, on_epoch=said
        )
        return np.asarray(detector.examine(self.stream).so_far)

    def ruled(self) -> NDArray[np.float64]:
        """Return the scores of the rules, in the order of the stream."""
        order = np.argsort(self.log["index"].to_numpy(), kind="stable")
        place = np.searchsorted(self.log["index"].to_numpy()[order], self.stream["index"].to_numpy())
        return np.asarray(rule_scores(self.log)[order][place], dtype=np.float64)

    def test(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores of the events that are judged, in their order."""
        ids = self.stream["index"].to_numpy()
        order = np.argsort(ids, kind="stable")
        place = np.minimum(np.searchsorted(ids[order], self.judged.ids), len(ids) - 1)
        found = scores[order][place]
        return lowest_for_unknown(np.where(ids[order][place] == self.judged.ids, found, np.nan))


def _trial(data: LabelledEvents) -> _Trial:
    start = data.start
    log = plain_log(data.events)
    judged = Judged.of(data.events, data.labels, since=seconds_at(start) // _DAY)
    if not (judged.incident >= 0).any():
        raise InputError("no misuse among the judged events", path="labels", hint="recall of nothing is no figure")
    if seconds_of(data.events["time"].drop_null()).min() >= seconds_at(start):
        raise InputError("no event before it to learn from", path="test_start", hint="choose a later day")
    stream, spec = staff_stream(log)
    return _Trial(log, stream, spec, spec_without_rules(spec), judged, start)


def figures_of(judged: Judged, scores: NDArray[np.float64]) -> dict[str, Any]:
    """Return the measures at 20 alerts a day, and under `at_5` the incident recall and leaked share at 5 a day."""
    main, few = (alert_measures(judged, scores, budget=budget) for budget in _BUDGETS)
    short = ("precision", "recall", "incident_recall", "incident_recall_chance", "leaked_share_mean")
    main["days_to_alert_median"] = (
        float("nan") if main["days_to_alert_median"] is None else main["days_to_alert_median"]
    )
    names = (*_FIRST, *(name for name in main if name not in _FIRST))  # a page begins with what matters
    numbers = {name: main[name] for name in names if isinstance(main[name], int | float)}
    return {**numbers, "at_5": {name: few[name] for name in short}, "per_scenario": main["per_scenario"]}


def _gathered(
    trial: _Trial, scores: Mapping[str, Sequence[NDArray[np.float64]]], protocol: dict[str, Any], *, seconds: float
) -> Evaluation:
    tested = {name: [trial.test(each) for each in found] for name, found in scores.items()}
    return evaluation_of(
        "misuse",
        OURS,
        {name: [figures_of(trial.judged, each) for each in found] for name, found in tested.items()},
        intervals={name: _intervals(trial.judged, found[0]) for name, found in tested.items()},
        protocol={
            "resampled": "incidents; actors for average precision",
            "interval_rounds": _ROUNDS,
            "budgets": list(_BUDGETS),
            **protocol,
        },
        curves=(_recall_curve(trial.judged, {name: found[0] for name, found in tested.items()}),),
        seconds=seconds,
    )


def _intervals(judged: Judged, scores: NDArray[np.float64]) -> dict[str, Interval]:
    """Return intervals: incidents are resampled for what is a mean over them, actors for how well is ranked."""
    day = days_of(judged, scores)
    answer = {
        "average_precision": precision_interval(day.positive, day.score, day.actor, rounds=_ROUNDS),
        "event_average_precision": precision_interval(judged.incident >= 0, scores, judged.actor, rounds=_ROUNDS),
    }
    for budget in _BUDGETS:
        outcomes = incident_outcomes(judged, scores, budget=budget)
        for name, values in zip(("incident_recall", "leaked_share_mean"), outcomes, strict=True):
            key = name if budget == _BUDGETS[0] else f"at_{budget}.{name}"
            answer[key] = _mean_of(values)
    return answer


def _mean_of(values: NDArray[np.float64]) -> Interval:
    return bootstrap(len(values), lambda sample: float(values[sample].mean()), rounds=_ROUNDS)


def _recall_curve(judged: Judged, scores: Mapping[str, NDArray[np.float64]]) -> Figure:
    lines = {
        name: tuple(
            (float(budget), float(alert_measures(judged, each, budget=budget)["incident_recall"])) for budget in _CURVE
        )
        for name, each in scores.items()
    }
    return Figure("Incidents found", "alerts a day", "share of incidents", lines)
