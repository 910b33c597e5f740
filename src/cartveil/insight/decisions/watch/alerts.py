"""Alerts: the days of an actor that stand out, and why, in plain words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.insight.sequences.streams import StreamSpec


@dataclass(frozen=True)
class Alert:
    """One actor on one day.

    Args:
        actor: Name of an employee or service, or a consumer's pseudonym.
        time: Of the day's strangest event.
        score: Evidence in powers of ten, summed; comparable within one detector.
        reasons: Why, strongest first, in plain words.
        events: `index` of the events that the score is made of, strangest first.
        subjects: Pseudonyms that those events concern; empty where the stream has no subjects.
        found_by: What found it: `detector`, or the names of rules.
        evidence: (field or rule, evidence) of those events, strongest first.
    """

    actor: str
    time: datetime
    score: float
    reasons: tuple[str, ...]
    events: tuple[int, ...]
    subjects: tuple[str, ...] = ()
    found_by: tuple[str, ...] = ("detector",)
    evidence: tuple[tuple[str, float], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what a program may read; nothing in it is sensitive."""
        return {
            "actor": self.actor,
            "time": self.time.isoformat(),
            "score": round(self.score, 3),
            "reasons": list(self.reasons),
            "events": list(self.events),
            "subjects": list(self.subjects),
            "found_by": list(self.found_by),
            "evidence": {name: round(value, 3) for name, value in self.evidence},
        }


@dataclass(frozen=True)
class Days:
    """Scores per actor and day.

    Args:
        unit: Which (actor, day) each event belongs to, (rows,).
        actor: Number of the actor of each unit.
        day: Days since 1970 of each unit.
        own: Evidence of the day, summed over what it tells of, (units,).
        score: By how much that exceeds the actor's habit, (units,).
    """

    unit: NDArray[np.int64]
    actor: NDArray[np.int64]
    day: NDArray[np.int64]
    own: NDArray[np.float64]
    score: NDArray[np.float64]


def reasons_of(
    events: pa.Table, past: pa.Table, contributions: NDArray[np.floating], *, spec: StreamSpec, most: int = 3
) -> tuple[str, ...]:
    """Put the strongest fields of some events into words.

    Args:
        events: The alert's events.
        past: What `usual` is taken from: the actor's earlier events, or the peers' where there are too few.
        contributions: Evidence of each event and field, (events, fields).
        spec: The stream's.
        most: How many reasons at most.
    """
    weight = contributions.sum(0)
    said: list[str] = []
    for field in np.argsort(-weight, kind="stable"):
        if len(said) == most or weight[field] <= 0.1 * weight.max():
            break
        kin = next(group for group in spec.groups if field in group)
        names = [spec.described[place] for place in sorted(kin, key=lambda place: place != field)]
        if (sentence := _told(events.slice(int(np.argmax(contributions[:, field])), 1), past, names, spec)) is not None:
            said.append(sentence)
    return tuple(dict.fromkeys(said)) or ("an unusual order of usual events",)


def _told(event: pa.Table, past: pa.Table, names: Sequence[str], spec: StreamSpec) -> str | None:
    """Return what is rarest among columns that tell of one thing; the first of those that are alike."""
    rarest, sentence = math.inf, None
    for name in names:
        numeric = name in spec.numeric
        value, usual = _say(event[name][0].as_py()), _usual(past[name], numeric=numeric)
        share = _share(past[name], event[name], numeric=numeric)
        # A usual value can still surprise the network, as part of an unusual order of events: no reason to a reader.
        if value != usual and share < rarest:
            rarest, sentence = share, spec.sentence(name).format(value=value, usual=usual)
    return sentence


def _share(column: pa.ChunkedArray, value: pa.ChunkedArray, *, numeric: bool) -> float:
    """Return which share of past values was the same, or, of numbers, at least as far from the median."""
    if not numeric:
        same = pc.is_in(column, value_set=value.cast(column.type).combine_chunks())
        return float(np.asarray(same).mean()) if len(column) else 0.0
    known = column.drop_null().cast(pa.float64()).to_numpy()
    number = value.cast(pa.float64()).to_numpy(zero_copy_only=False)[0]
    if np.isnan(number) or not len(known):
        return float(column.null_count / max(len(column), 1))
    middle = np.median(known)
    return float(np.mean(np.abs(known - middle) >= abs(number - middle)))


def _usual(column: pa.ChunkedArray, *, numeric: bool) -> str:
    known = column.drop_null()
    if len(known) == 0:
        return "none"
    if numeric:
        return _say(pc.quantile(known.cast(pa.float64()), q=0.5)[0].as_py())
    counts = pc.value_counts(known)
    return _say(counts.field("values")[int(np.argmax(counts.field("counts").to_numpy()))].as_py())


def _say(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.1f}"
    return "none" if value is None else str(value)
