"""The detector: what it makes of a stream, and which days stand out.

Counts of what each actor usually does in a day come first; beside them may stand a network, which expects the next
event, and a judge, which was taught to tell whose events they are. A score rests on an event and those before it only.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.alerts import Alert, Days, by_group, reasons_of
from cartveil.insight.decisions.watch.coding import Coding
from cartveil.insight.decisions.watch.evidence import (
    Evidence,
    above_own,
    by_finding,
    highest,
    of_columns,
    own_habit,
    past_of,
    signals_of,
    with_habits,
)
from cartveil.insight.decisions.watch.habits import Past
from cartveil.insight.decisions.watch.network import Coded, DetectorConfig, network_surprise
from cartveil.insight.decisions.watch.second_stage import Judge
from cartveil.insight.decisions.watch.stored import ARRAYS, calibration_in, coding_in, network_in, part_in
from cartveil.insight.decisions.watch.surprise import Calibration
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.models.fields import FieldsModel
from cartveil.insight.sequences.streams import StreamSpec, in_order, seconds_of

#: What the card of a saved detector says it is.
KIND = "detector"
_MODEL, _JUDGE = "network.", "judge."
#: Events that an alert shows, and findings whose strangest event is among them.
_SHOWN, _GRAVEST = 20, 3


@dataclass(frozen=True)
class Scored:
    """A stream with what the detector makes of it.

    Args:
        stream: The events, in order of time.
        contributions: Evidence above the threshold per event and field, (rows, fields).
        score: Their sum, (rows,).
        actors: Number of the actor of each event, (rows,).
        days: Scores per actor and day.
        so_far: What the actor's day is worth up to and including each event, (rows,).
        judged: Evidence above the threshold of the judge, (rows,); 0 without one.
        parts: What each group of columns adds to the score of an (actor, day), (units, groups).
    """

    stream: pa.Table
    contributions: NDArray[np.float32]
    score: NDArray[np.float64]
    actors: NDArray[np.int64]
    days: Days
    so_far: NDArray[np.float64]
    judged: NDArray[np.float32]
    parts: NDArray[np.float64]


@dataclass(frozen=True)
class Detector:
    """A trained detector.

    Args:
        model: The network, in evaluation mode; None where only what can be counted speaks.
        spec: The stream that it was trained on.
        coding: How columns become ids.
        calibration: What counts and sizes rise to on clean days.
        config: What it was trained with.
        learnt: The same of the network's surprise and the judge's odds, on days that they were not trained on.
        judge: The second stage; None where there is none.
        clean: Scores of the clean (actor, day)s, rising, and how many days they cover.
        usual: What a clean day holds of each finding, (findings,).
        settled: Day, since 1970, from which scores mean something.
    """

    model: FieldsModel | None
    spec: StreamSpec
    coding: Coding
    calibration: Calibration
    config: DetectorConfig
    learnt: Calibration | None = None
    judge: Judge | None = None
    clean: tuple[NDArray[np.float64], int] = (np.empty(0), 1)
    usual: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    settled: int = 0

    def score(self, stream: pa.Table) -> pa.Table:
        """Return the evidence of each event, in order of time.

        Returns:
            Columns index, actor and time; `score`, the event's own evidence; `day_score`, what the actor's day is worth
            up to and including the event; `by_judge`, and `by_` and the name of each field.
        """
        found = self.examine(stream)
        names = self.spec.described
        evidence = {f"by_{name}": found.contributions[:, place] for place, name in enumerate(names)}
        base = {name: found.stream[name] for name in (self.spec.index, self.spec.actor, self.spec.time)}
        own = {"score": found.score, "day_score": found.so_far, "by_judge": found.judged}
        return pa.table({**base, **own, **evidence})

    def alerts(self, stream: pa.Table, *, per_day: float = 1.0, since: datetime | None = None) -> tuple[Alert, ...]:
        """Return the (actor, day)s that stand out, strangest first.

        Args:
            stream: The events, those of the training period included: the past is what makes an event strange.
            per_day: Budget: how many alerts a day the clean part of the training period would have given.
            since: Alert on days from this time on; default: on all.
        """
        found = self.examine(stream)
        days = found.days
        wanted = days.score >= self.threshold(per_day)
        if since is not None:
            wanted &= days.day >= seconds_at(since) // 86400
        units = np.flatnonzero(wanted)
        return tuple(self.alert_of(found, int(unit)) for unit in units[np.argsort(-days.score[units], kind="stable")])

    def threshold(self, per_day: float) -> float:
        """Return the score that on clean days is reached so many times a day."""
        scores, covered = self.clean
        allowed = int(per_day * covered)
        if allowed >= len(scores):
            return 0.0 if len(scores) == 0 else 1e-9
        # Strictly above the first score that must not raise an alert.
        return float(np.nextafter(scores[len(scores) - 1 - allowed], np.inf))

    def examine(self, stream: pa.Table) -> Scored:
        """Return the stream in order with all that alerts are made of."""
        stream = in_order(stream, self.spec)
        fields = len(self.spec.described)
        if stream.num_rows == 0:
            nothing, none = np.empty(0, dtype=np.int64), np.empty(0)
            empty = Days(nothing, nothing, nothing, none, none)
            evidence, judged = np.empty((0, fields), dtype=np.float32), np.empty(0, dtype=np.float32)
            return Scored(stream, evidence, none, nothing, empty, none, judged, np.empty((0, len(self.spec.groups))))
        past = past_of(stream, self.spec, self.coding.role_ids(stream, self.spec))
        counted = signals_of(stream, self.spec, self.coding, past=past)
        learnt = self.learnt_signals(stream, counted) if self.learnt else None
        return self.weigh(stream, past, self.evidence_of(counted, learnt, past.roles))

    def learnt_signals(self, stream: pa.Table, counted: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the surprise of the network by column and the odds of the judge, as far as there are such.

        Args:
            stream: In order of time.
            counted: What `signals_of` returned of it.
        """
        parts = []
        if self.model is not None:
            coded = Coded.of(stream, self.spec, self.coding)
            parts.append(network_surprise(self.model, coded, self.config))
        if self.judge is not None:
            beside, _ = with_habits(stream, self.spec, counted)
            parts.append(self.judge.score(beside).astype(np.float32)[:, None])
        return np.concatenate(parts, axis=1)

    def evidence_of(
        self, counted: NDArray[np.float32], learnt: NDArray[np.float32] | None, roles: NDArray[np.int64]
    ) -> Evidence:
        """Return what counts, sizes, network and judge say of each event."""
        evidence = self.learnt.evidence(learnt, roles) if self.learnt is not None and learnt is not None else None
        surprise = evidence[:, : len(self.spec.described)] if evidence is not None and self.model is not None else None
        sudden, slow = of_columns(self.calibration.evidence(counted, roles), self.spec, surprise)
        judged = (
            evidence[:, -1] if evidence is not None and self.judge is not None else np.zeros(len(sudden), np.float32)
        )
        return Evidence(sudden, slow, judged)

    def weigh(self, stream: pa.Table, past: Past, evidence: Evidence) -> Scored:
        """Return events and days with what the evidence above the threshold makes of them."""
        above = evidence.above(self.config.threshold, self.spec)
        findings = above.findings(self.spec)
        usual = self.usual if len(self.usual) else np.zeros(findings.shape[1])
        peak = highest(findings, past)
        beyond = np.maximum(peak - own_habit(peak, past, usual), 0.0)
        so_far = above_own(findings, past, usual)
        first_day = int(seconds_of(stream[self.spec.time])[0]) // 86400
        days = Days(
            past.unit,
            past.keys // past.days,
            past.keys % past.days + first_day,
            peak.sum(1).astype(np.float64),
            highest(so_far[:, None], past)[:, 0].astype(np.float64),
        )
        contributions = above.sudden + above.slow
        score = contributions.sum(1).astype(np.float64) + above.judged
        parts = by_finding(beyond, self.spec)
        return Scored(stream, contributions, score, past.actors, days, so_far, above.judged, parts)

    def usual_of(self, past: Past, evidence: Evidence, clean: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return what the clean ones of the (actor, day)s hold of each finding on average."""
        above = evidence.above(self.config.threshold, self.spec)
        return np.asarray(highest(above.findings(self.spec), past)[clean].mean(0), dtype=np.float64)

    def save(self, folder: str | Path, *, card: Mapping[str, Any] | None = None) -> None:
        """Write the model; what it holds of the stream are its words and quantiles, never an actor or a subject.

        Args:
            folder: Made where it is missing.
            card: What else the card should say: metrics, baselines, digest of the release.
        """
        own = {
            "kind": KIND,
            "config": written_config(self.config),
            "network": written_config(self.model.config) if self.model is not None else None,
            "judge": self.judge.card() if self.judge is not None else None,
            "spec": written_config(self.spec),
            "coding": {
                "words": [words.words for words in self.coding.words],
                "edges": self.coding.edges,
                "roles": self.coding.roles.words,
            },
            "clean_days": self.clean[1],
            "settled": self.settled,
        }
        arrays = {"clean": self.clean[0], "usual": self.usual}
        arrays |= {f"counted.{name}": values for name, values in asdict(self.calibration).items()}
        arrays |= {f"learnt.{name}": values for name, values in asdict(self.learnt).items()} if self.learnt else {}
        state = {ARRAYS + name: torch.from_numpy(np.asarray(values)) for name, values in arrays.items()}
        for prefix, part in (
            (_MODEL, self.model and self.model.state_dict()),
            (_JUDGE, self.judge and self.judge.state()),
        ):
            state |= {prefix + name: tensor for name, tensor in (part or {}).items()}
        save_model(folder, state, {**(card or {}), **own})

    @classmethod
    def load(cls, folder: str | Path) -> "Detector":
        """Read what `Detector.save` wrote.

        Raises:
            ModelError: No detector, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        try:
            return cls(
                network_in(card["network"], part_in(state, _MODEL), folder),
                read_config(StreamSpec, card["spec"], path=folder),
                coding_in(card["coding"]),
                calibration_in(state, "counted."),
                read_config(DetectorConfig, card["config"], path=folder),
                calibration_in(state, "learnt.") if ARRAYS + "learnt.levels" in state else None,
                Judge.of(part_in(state, _JUDGE), card["judge"], path=folder) if card["judge"] else None,
                (state[ARRAYS + "clean"].numpy(), int(card["clean_days"])),
                state[ARRAYS + "usual"].numpy(),
                int(card["settled"]),
            )
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error

    def alert_of(self, found: Scored, unit: int) -> Alert:
        """Put one (actor, day) of an examined stream into an alert, whatever its score."""
        rows = np.flatnonzero(found.days.unit == unit)
        # Not what is strange by itself, but what the score is made of: beyond what this actor's days usually hold.
        weight = found.parts[unit] if found.parts[unit].any() else None
        strange = _strangest(found, rows, self.spec)
        events = found.stream.take(pa.array(strange))
        before = np.arange(len(found.score)) < rows.min()
        past = found.stream.filter(pa.array(before & (found.actors == found.actors[rows[0]])))
        past = past if past.num_rows >= 10 else found.stream.filter(pa.array(before))
        subjects = events["subject"].drop_null().cast(pa.string()) if "subject" in events.column_names else ()
        return Alert(
            actor=str(events[self.spec.actor][0].as_py()),
            time=events[self.spec.time][0].as_py(),
            score=float(found.days.score[unit]),
            reasons=reasons_of(events, past, found.contributions[strange], spec=self.spec, weight=weight),
            events=tuple(int(index.as_py()) for index in events[self.spec.index]),
            subjects=tuple(dict.fromkeys(value.as_py() for value in subjects)),
            evidence=_evidence(found.contributions[strange], self.spec),
        )


def _strangest(found: Scored, rows: NDArray[np.int64], spec: StreamSpec) -> NDArray[np.int64]:
    """Return the events of one (actor, day) that its alert shows, the strangest first; one at least.

    Those on which the gravest findings rest are among them.
    """
    rows = rows[np.argsort(-found.score[rows], kind="stable")]
    gravest = np.argsort(-found.parts[found.days.unit[rows[0]]], kind="stable")[:_GRAVEST]
    rests = by_group(found.contributions[rows], spec)[:, gravest].argmax(0)
    first = np.isin(np.arange(len(rows)), rests) & (found.score[rows] > 0)
    shown = np.sort(np.argsort(~first, kind="stable")[:_SHOWN])
    shown = shown[found.score[rows[shown]] > 0]
    return rows[shown] if len(shown) else rows[:1]


def _evidence(contributions: NDArray[np.float32], spec: StreamSpec) -> tuple[tuple[str, float], ...]:
    weight = contributions.sum(0)
    order = [field for field in np.argsort(-weight, kind="stable") if weight[field] > 0]
    return tuple((spec.described[field], float(weight[field])) for field in order)


def seconds_at(moment: datetime) -> int:
    """Return a moment in seconds since 1970."""
    # Streams of naive times are taken as UTC, and so is a naive `until`.
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
