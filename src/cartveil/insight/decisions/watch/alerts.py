"""Alerts: the days of an actor that stand out, and why, in plain words."""

from collections.abc import Mapping, Sequence
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


def by_group(values: NDArray[np.floating], spec: StreamSpec) -> NDArray[np.float64]:
    """Return the sums over the columns that tell of one thing, (..., fields) -> (..., groups)."""
    return np.stack([values[..., list(group)].sum(-1) for group in spec.groups], axis=-1).astype(np.float64)


def reasons_of(
    events: pa.Table,
    past: pa.Table,
    contributions: NDArray[np.floating],
    *,
    spec: StreamSpec,
    weight: NDArray[np.floating] | None = None,
    most: int = 3,
) -> tuple[str, ...]:
    """Put the strongest findings of some events into words.

    A finding is told by the column that carries it, or by a rarer one: of those beside which it is counted, since what
    is strange of a combination may be any part, and of its kin that are not measured themselves.

    Args:
        events: The alert's events.
        past: What `usual` is taken from: the actor's earlier events, or the peers' where there are too few.
        contributions: Evidence of each event and field, (events, fields).
        spec: The stream's.
        weight: What each of the spec's groups adds to the score, (groups,); default: its contributions, summed.
        most: How many reasons at most.
    """
    weight = by_group(contributions.sum(0), spec) if weight is None else weight
    said: dict[str, None] = {}
    for group in np.argsort(-weight, kind="stable"):
        if len(said) == most or weight[group] <= 0.1 * weight.max():
            break
        # Two findings that come down to the same fact are one reason.
        if (sentence := _told(events, past, contributions, group=spec.groups[group], spec=spec)) is not None:
            said.setdefault(sentence)
    return tuple(said) or ("an unusual order of usual events",)


def _told(
    events: pa.Table,
    past: pa.Table,
    contributions: NDArray[np.floating],
    *,
    group: Sequence[int],
    spec: StreamSpec,
) -> str | None:
    """Put what kin found into words; where all that carries it is usual, whatever of the kin is not."""
    rests: dict[str, NDArray[np.floating]] = {}
    for place in sorted(group, key=lambda place: -contributions[:, place].sum()):
        for name in _candidates(spec.described[place], group, spec):
            rests[name] = rests.get(name, 0) + contributions[:, place]
    every = {spec.described[place]: contributions[:, list(group)].sum(1) for place in group}
    return _rarest(events, past, rests, spec) or _rarest(events, past, every, spec)


def _rarest(
    events: pa.Table, past: pa.Table, rests: Mapping[str, NDArray[np.floating]], spec: StreamSpec
) -> str | None:
    """Return the sentence of the rarest column over the events, by what rests on each; the first of those alike."""
    rarest, sentence = 0.0, None
    for name, weight in rests.items():
        said, usual, rarity = _rarity(events[name], past[name], numeric=name in spec.numeric)
        if weight @ rarity > rarest:
            rarest = float(weight @ rarity)
            sentence = spec.sentence(name).format(value=said[int((weight * rarity).argmax())], usual=usual)
    return sentence


def _candidates(carries: str, group: Sequence[int], spec: StreamSpec) -> tuple[str, ...]:
    """Return the columns that may tell what a column carries: itself first."""
    counted = dict(spec.counted)
    beside = (name for name in counted.get(carries, ()) if name in spec.described)
    kin = (spec.described[place] for place in group)
    silent = (name for name in kin if name not in counted and name not in spec.sized)
    return tuple(dict.fromkeys((carries, *beside, *silent)))


def _rarity(
    values: pa.ChunkedArray, past: pa.ChunkedArray, *, numeric: bool
) -> tuple[list[str], str, NDArray[np.float64]]:
    """Return values in words, the usual one, and how rare each is in the past, in nats, (values,)."""
    usual = _usual(past, numeric=numeric)
    said = [_say(value) for value in values.to_pylist()]
    # A usual value can still surprise the network, as part of an unusual order of events: no reason to a reader.
    other = np.array([value != usual for value in said], dtype=bool)
    return said, usual, np.where(other, -np.log(_shares(past, values, numeric=numeric)), 0.0)


def _shares(column: pa.ChunkedArray, values: pa.ChunkedArray, *, numeric: bool) -> NDArray[np.float64]:
    """Return which share of past values was the same, or, of numbers, at least as far from the median, (values,).

    Half a value is added to the past, so that what was never seen is the rarer the longer the past.
    """
    if numeric:
        past, new = (each.cast(pa.float64()).to_numpy(zero_copy_only=False) for each in (column, values))
        known = past[~np.isnan(past)]
        distance = np.sort(np.abs(known - (np.median(known) if len(known) else 0.0)))
        far = np.abs(new - (np.median(known) if len(known) else 0.0))
        count = np.where(np.isnan(new), len(past) - len(known), len(known) - np.searchsorted(distance, far))
    else:
        seen = {each["values"]: each["counts"] for each in pc.value_counts(column).to_pylist()}
        count = np.array([seen.get(value, 0) for value in values.to_pylist()])
    return np.asarray((count + 0.5) / (len(column) + 1.0), dtype=np.float64)


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
