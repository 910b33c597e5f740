"""Do an alert's reasons hold? Two checks that ask the detector again.

Deletion: what an alert names is set to what was expected instead, and its score must fall further than if as many other
fields of the same events were. Cause: something is planted in a clean stream's raw log, and the reasons must name it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.alerts import Alert
from cartveil.insight.decisions.watch.days import in_utc
from cartveil.insight.decisions.watch.detector import Detector, Scored
from cartveil.insight.decisions.watch.rules.alerts import COLUMN, MOST_REASONS, PREFIX
from cartveil.insight.sequences.streams import StreamSpec

_DAY = 86400
#: Events of the actor below which the usual is that of all.
_PAST = 10
#: Share of the score by which a fall must exceed one at random: taking anything out moves a score a little.
_CLEARLY = 0.05


@dataclass(frozen=True)
class Falls:
    """By which share scores fell, one number per alert.

    Args:
        named: When the fields that reasons name were set to the usual, (alerts,).
        at_random: When as many other fields were, the mean of the draws, (alerts,).
    """

    named: NDArray[np.float64]
    at_random: NDArray[np.float64]

    @property
    def passed(self) -> float:
        """Return the share of alerts whose score fell clearly further by what their reasons name."""
        return float(np.mean(self.named > self.at_random + _CLEARLY)) if len(self.named) else float("nan")


@dataclass(frozen=True)
class Planted:
    """An incident that was planted.

    Args:
        kind: What was planted.
        actor: In whose name.
        day: Days since 1970.
        score: Of the unit, as the detector gives it.
        reasons: Fields named, strongest first; of an alert also the rules, each as `rule` and its name.
        causes: Fields and rules that tell of what was planted.
        alerted: Whether the reasons are those of an alert that was given.
    """

    kind: str
    actor: str
    day: int
    score: float
    reasons: tuple[str, ...]
    causes: tuple[str, ...]
    alerted: bool = False

    @property
    def named(self) -> bool:
        """Return whether one of the reasons is a cause."""
        return not set(self.reasons).isdisjoint(self.causes)


def named_fields(alert: Alert, spec: StreamSpec) -> tuple[str, ...]:
    """Return the fields that an alert's reasons speak of, strongest first: read off the sentences themselves."""
    patterns = [(name, _pattern(spec.sentence(name))) for name in spec.described]
    told = (name for reason in alert.reasons for name, pattern in patterns if pattern.fullmatch(reason))
    return tuple(dict.fromkeys(told))


def named_rules(alert: Alert) -> tuple[str, ...]:
    """Return the rules whose findings an alert tells, gravest first, each as `rule` and its name."""
    return tuple(PREFIX + name for name in alert.found_by if name != "detector")[:MOST_REASONS]


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.escape(sentence).replace(r"\{value\}", ".*").replace(r"\{usual\}", ".*"))


def deletion_check(
    detector: Detector,
    stream: pa.Table,
    alerts: Sequence[Alert],
    *,
    generator: np.random.Generator,
    draws: int = 3,
) -> Falls:
    """Set what alerts name to the usual, and as many other fields at random, and ask the detector again.

    Args:
        detector: That gave the alerts.
        stream: That it gave them for.
        alerts: Those to be checked; all are checked in one pass, so an actor's earlier alerts change as well.
        generator: Draws the other fields.
        draws: How often others are drawn.

    Raises:
        ModelError: There is no alert.

    Source: Samek et al., Evaluating the Visualization of What a Deep Neural Network Has Learned, 2017, section III.
    """
    if not alerts:
        raise ModelError("no alert to check", hint="give some, such as those of the last month")
    spec = detector.spec
    before = _score_of(detector.examine(stream), alerts, spec)
    named = [named_fields(alert, spec) for alert in alerts]
    falls = [1 - _score_of(detector.examine(_usual(stream, alerts, named, spec)), alerts, spec) / before]
    for _ in range(draws):
        others = [_others(spec, names, generator) for names in named]
        falls.append(1 - _score_of(detector.examine(_usual(stream, alerts, others, spec)), alerts, spec) / before)
    return Falls(falls[0], np.mean(falls[1:], axis=0))


def named_causes(
    found: Scored,
    planted: Sequence[tuple[str, str, int]],
    causes: Mapping[str, Sequence[str]],
    *,
    detector: Detector,
    alerts: Sequence[Alert] = (),
) -> tuple[Planted, ...]:
    """Say of planted incidents how they scored and what the reasons name.

    Args:
        found: The stream with the incidents planted, examined.
        planted: Kind, actor and day since 1970 of each.
        causes: Kind -> fields of the stream, and rules, that tell of it.
        detector: That examined it.
        alerts: Those that were given: an incident among them is judged by what its alert says, and not by what the
            detector alone would say.
    """
    names = np.asarray(found.stream[detector.spec.actor].cast(pa.string()).to_pylist(), dtype=object)
    first = np.unique(found.actors, return_index=True)
    number = {str(names[row]): int(actor) for actor, row in zip(*first, strict=True)}
    given = {(alert.actor, int(in_utc(alert.time).timestamp()) // _DAY): alert for alert in alerts}
    answer = []
    for kind, actor, day in planted:
        units = np.flatnonzero((found.days.actor == number.get(actor, -1)) & (found.days.day == day))
        if len(units):
            alert = given.get((actor, day)) or detector.alert_of(found, int(units[0]))
            reasons = tuple(dict.fromkeys((*named_rules(alert), *_as_causes(alert, detector.spec))))
            score = float(found.days.score[units[0]])
            answer.append(Planted(kind, actor, day, score, reasons, tuple(causes[kind]), (actor, day) in given))
    return tuple(answer)


def _as_causes(alert: Alert, spec: StreamSpec) -> tuple[str, ...]:
    """Return the fields that are named, those that hold what rules found as those rules."""
    named = named_fields(alert, spec)
    return tuple(PREFIX + name.removeprefix(COLUMN) if name in spec.firm else name for name in named)


def _others(spec: StreamSpec, named: Sequence[str], generator: np.random.Generator) -> tuple[str, ...]:
    kin = _with_kin(named, spec)
    rest = [name for name in spec.described if name not in kin]
    count = min(len(named), len(rest))
    return tuple(str(name) for name in generator.choice(rest, count, replace=False)) if count else ()


def _score_of(found: Scored, alerts: Sequence[Alert], spec: StreamSpec) -> NDArray[np.float64]:
    """Return the summed evidence of each alert's own events, (alerts,)."""
    rows = _rows_of(found.stream, alerts, spec)
    return np.array([max(found.score[mine].sum(), 1e-9) for mine in rows])


def _rows_of(stream: pa.Table, alerts: Sequence[Alert], spec: StreamSpec) -> list[NDArray[np.int64]]:
    """Return the rows of each alert's events."""
    index = stream[spec.index].combine_chunks()
    wanted = pa.array([event for alert in alerts for event in alert.events], index.type)
    rows = pc.index_in(wanted, value_set=index).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.split(rows, np.cumsum([len(alert.events) for alert in alerts])[:-1])


def _usual(stream: pa.Table, alerts: Sequence[Alert], fields: Sequence[Sequence[str]], spec: StreamSpec) -> pa.Table:
    """Return the stream with some fields of the alerts' events as the actor usually has them."""
    changes: dict[str, dict[int, object]] = {}
    actors = stream[spec.actor].cast(pa.string())
    for alert, rows, names in zip(alerts, _rows_of(stream, alerts, spec), fields, strict=True):
        first = int(rows.min())
        own = stream.slice(0, first).filter(pc.equal(actors.slice(0, first), alert.actor))
        past = own if own.num_rows >= _PAST else stream.slice(0, max(first, 1))
        for name in _with_kin(names, spec):
            value = _most_usual(past[name], numeric=name in spec.numeric)
            changes.setdefault(name, {}).update(dict.fromkeys(rows.tolist(), value))
    for name, values in changes.items():
        stream = stream.set_column(stream.column_names.index(name), name, _replaced(stream[name], values))
    return stream


def _with_kin(names: Sequence[str], spec: StreamSpec) -> tuple[str, ...]:
    """Return fields with those that tell of the same: what one says no longer, another must not say in its place."""
    chosen = {spec.described.index(name) for name in names}
    places = {place for group in spec.groups if chosen & set(group) for place in group}
    return tuple(spec.described[place] for place in sorted(places))


def _most_usual(column: pa.ChunkedArray, *, numeric: bool) -> object:
    known = column.drop_null()
    if not len(known):
        return None
    if numeric:
        return pc.quantile(known.cast(pa.float64()), q=0.5, interpolation="lower")[0].as_py()
    counts = pc.value_counts(known)
    return counts.field("values")[int(np.argmax(counts.field("counts").to_numpy()))].as_py()


def _replaced(column: pa.ChunkedArray, values: Mapping[int, object]) -> pa.Array:
    rows = np.fromiter(values, dtype=np.int64)
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    ordered = pa.array([values[row] for row in np.sort(rows)], column.type)
    return pc.replace_with_mask(column.combine_chunks(), pa.array(mask), ordered)
