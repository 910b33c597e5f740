"""What a stream says about its actors before anything is learnt by a network: counts against habit, and sizes.

Each signal is calibrated on days of actors that were clean: evidence is minus the decimal logarithm of the share of a
role's clean (actor, day)s in which the signal rose at least as high.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.insight.decisions.watch.coding import Coding
from cartveil.insight.decisions.watch.habits import READINGS, Past, beyond_habit
from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.streams import StreamSpec, seconds_of

#: Days from which a habit is taken for what an actor's evidence usually is; the last week is left out.
_SETTLED, _PEER_DAYS, _WINDOW = 7, 3.0, 15


def past_of(stream: pa.Table, spec: StreamSpec, roles: NDArray[np.int64]) -> Past:
    """Return who acted on which day; the stream stands in order of time."""
    return Past.of(keys_of(stream[spec.actor]), roles, seconds_of(stream[spec.time]))


def signals_of(stream: pa.Table, spec: StreamSpec, coding: Coding, *, past: Past) -> NDArray[np.float32]:
    """Return counts against habit, in each reading, then sizes, (rows, READINGS * counted + sized)."""
    bins = dict(zip(spec.numeric, coding.bins(stream, spec), strict=False))
    quiet = dict(spec.quiet)
    counted = READINGS * len(spec.counted)
    found = np.empty((stream.num_rows, counted + len(spec.sized)), dtype=np.float32)
    for place, (name, beside) in enumerate(spec.counted):
        codes = [bins[each] if each in bins else keys_of(stream[each]) + 1 for each in (name, *beside)]
        readings = np.stack(beyond_habit(keys_of(*codes), past), axis=1)
        readings[_is(stream[name], quiet.get(name, ()))] = 0.0
        found[:, READINGS * place : READINGS * (place + 1)] = readings
    for place, name in enumerate(spec.sized, start=counted):
        values = stream[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        found[:, place] = np.log1p(np.maximum(np.nan_to_num(values), 0.0))
    if spec.excused:
        others = _is(stream[spec.excused], ("yes",))
        found[np.ix_(others, _amounts(spec))] = 0.0
    return found


def _amounts(spec: StreamSpec) -> NDArray[np.bool_]:
    """Return which signals are of amounts, (signals,)."""
    counted = np.repeat([name in spec.amounts for name, _ in spec.counted], READINGS)
    return np.concatenate([counted, [name in spec.amounts for name in spec.sized]]).astype(bool)


def with_habits(stream: pa.Table, spec: StreamSpec, signals: NDArray[np.float32]) -> tuple[pa.Table, StreamSpec]:
    """Add to a stream, as numbers, by how much each counted column exceeds the habit: what a judge reads beside it.

    Args:
        stream: In order of time.
        spec: The stream's.
        signals: What `signals_of` returned of it.
    """
    names = tuple(f"beyond_{name}" for name, _ in spec.counted)
    for place, name in enumerate(names):
        readings = signals[:, READINGS * place : READINGS * (place + 1)].mean(1)
        stream = stream.append_column(name, pa.array(np.round(readings, 2)))
    return stream, replace(spec, numeric=(*spec.numeric, *names))


def _is(column: pa.ChunkedArray, values: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which rows have one of these values; numbers are written as text in a spec."""
    wanted = pa.array(values, pa.string()).cast(column.type)
    return np.asarray(pc.is_in(column, value_set=wanted).to_numpy(), dtype=bool)


def highest(signals: NDArray[Any], past: Past) -> NDArray[Any]:
    """Return how high each signal rose in each (actor, day), (units, signals)."""
    order = np.argsort(past.unit, kind="stable")
    begins = np.searchsorted(past.unit[order], np.arange(len(past.keys)))
    return np.asarray(np.maximum.reduceat(signals[order], begins, axis=0))


@dataclass(frozen=True)
class Evidence:
    """What each described column says of each event.

    Args:
        sudden: Of today, (rows, fields).
        slow: Of the last weeks together, (rows, fields); 0 for columns that the spec does not call slow.
        judged: Of the judge, (rows,); 0 without one.
    """

    sudden: NDArray[np.float32]
    slow: NDArray[np.float32]
    judged: NDArray[np.float32]

    def above(self, threshold: float, spec: StreamSpec) -> "Evidence":
        """Return what lies above a threshold, with 0 where another column that tells of the same thing says more."""
        weight = np.array([2.0 if name in spec.firm else 1.0 for name in spec.described], dtype=np.float32)
        return Evidence(
            strongest_of_kin(np.maximum(self.sudden - threshold, 0.0) * weight, spec.groups),
            strongest_of_kin(np.maximum(self.slow - threshold, 0.0), spec.slow_groups),
            np.maximum(self.judged - threshold, 0.0),
        )

    def findings(self, spec: StreamSpec) -> NDArray[np.float32]:
        """Return the strongest of each group, sudden and slow, and the judge's, (rows, findings)."""
        columns = [self.sudden[:, group].max(1) for group in spec.groups]
        columns += [self.slow[:, group].max(1) for group in spec.slow_groups]
        return np.stack([*columns, self.judged], axis=1)


def of_columns(
    evidence: NDArray[np.float32], spec: StreamSpec, surprise: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the evidence of each described column, sudden and slow.

    Args:
        evidence: Of the signals, (rows, signals).
        spec: The stream's.
        surprise: Evidence of the network by column, (rows, fields); None where there is no network.

    Returns:
        The mean of the two strongest of the steady reading, the fresh one, the size and the network, as far as a column
        has them; then the slow reading of slow columns. (rows, fields) each.
    """
    sudden, slow = np.zeros((2, len(evidence), len(spec.described)), dtype=np.float32)
    views: dict[str, list[NDArray[np.float32]]] = {}
    for place, (name, _) in enumerate(spec.counted):
        views[name] = [evidence[:, READINGS * place + reading] for reading in (0, 1)]
        views[name] += [surprise[:, spec.described.index(name)]] if surprise is not None else []
        if name in spec.slow:
            slow[:, spec.described.index(name)] = evidence[:, READINGS * place + 2]
    for place, name in enumerate(spec.sized, start=READINGS * len(spec.counted)):
        views.setdefault(name, []).append(evidence[:, place])
    for name, found in views.items():
        sudden[:, spec.described.index(name)] = np.sort(np.stack(found, axis=1), axis=1)[:, -2:].mean(1)
    return sudden, slow


def strongest_of_kin(evidence: NDArray[np.float32], groups: tuple[tuple[int, ...], ...]) -> NDArray[np.float32]:
    """Return the evidence with 0 where another column of the group says more."""
    answer = np.zeros(evidence.shape, dtype=np.float32)
    rows = np.arange(len(evidence))
    for group in groups:
        best = np.asarray(group)[evidence[:, group].argmax(1)]
        answer[rows, best] = evidence[rows, best]
    return answer


def above_own(findings: NDArray[np.float32], past: Past, usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the evidence of each day so far, less what the actor's own days usually hold, summed, (rows,).

    Args:
        findings: What each finding contributes, (rows, findings).
        past: Who acted on which day.
        usual: What a clean day holds, (findings,); it stands for a few days of every actor.
    """
    own = own_habit(highest(findings, past), past, usual)
    score = np.zeros(len(findings))
    order = np.argsort(past.unit, kind="stable")
    for finding in range(findings.shape[1]):
        rising = so_far(findings[order, finding], past.unit[order])
        score[order] += np.maximum(rising - own[past.unit[order], finding], 0.0)
    return score


def own_habit(peak: NDArray[np.float32], past: Past, usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the days of the actor before each (actor, day) usually hold of each finding, (units, findings).

    Args:
        peak: The highest of each day, (units, findings).
        past: Who acted on which day.
        usual: What a clean day holds, (findings,).
    """
    actor, day = past.keys // past.days, past.keys % past.days
    settled = np.searchsorted(past.keys, actor * past.days + np.maximum(day - _SETTLED, 0))
    begin = np.maximum(np.searchsorted(past.keys, actor * past.days), settled - _WINDOW)
    total = np.concatenate([np.zeros((1, peak.shape[1])), np.cumsum(peak, axis=0, dtype=np.float64)])
    weight = (settled - begin)[:, None] + _PEER_DAYS
    return np.asarray((total[settled] - total[begin] + _PEER_DAYS * usual) / weight)


def by_finding(findings: NDArray[np.float64], spec: StreamSpec) -> NDArray[np.float64]:
    """Return what findings say by group of columns, sudden and slow together, (..., findings) -> (..., groups)."""
    groups = spec.groups
    answer = findings[..., : len(groups)].astype(np.float64)
    for place, group in enumerate(spec.slow_groups, start=len(groups)):
        answer[..., groups.index(group)] += findings[..., place]
    return answer


def so_far(values: NDArray[np.float32], units: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the highest value of the unit up to each row; rows stand by unit and time."""
    span = float(values.max(initial=0.0)) + 1.0
    return np.asarray(np.maximum.accumulate(values + units * span) - units * span)
