"""Sessions in which somebody else seems to be at work, and why, in plain words."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.alerts import Alert, reasons_of
from cartveil.insight.decisions.watch.detector import seconds_at
from cartveil.insight.decisions.watch.second_stage.judge import Judge
from cartveil.insight.decisions.watch.second_stage.learning import held_back
from cartveil.insight.decisions.watch.second_stage.occlusion import occluded_evidence
from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.streams import seconds_of

_DAY = 86400
#: Events of a session that its reasons are drawn from.
_STRANGEST = 5
#: Events of an account from which its own past says what is usual.
_ENOUGH = 10


@dataclass(frozen=True)
class _Judged:
    """Sessions of a stream: which each event belongs to, each one's highest score and first moment, who is unlearnt."""

    of: NDArray[np.int64]
    score: NDArray[np.float64]
    seconds: NDArray[np.int64]
    unlearnt: NDArray[np.bool_]


def account_alerts(judge: Judge, stream: pa.Table, *, since: datetime, per_day: float = 10.0) -> tuple[Alert, ...]:
    """Return the sessions from `since` on that stand out, strangest first; one alert each.

    Args:
        judge: See `train_account_judge`.
        stream: As `consumer_stream` returns it, the days that the judge was trained on included: the past is what makes
            a session strange, and the clean days before `since` are what the budget is set on: those of the consumers
            whom the judge did not learn from, as long as there are such.
        since: Alert on sessions that begin from here on.
        per_day: Budget: how many sessions of a clean day would have been alerted on.

    Raises:
        ModelError: No event lies before `since` to set the budget on.
    """
    scores = judge.score(stream)
    found = _sessions(stream, scores, judge)
    late = found.seconds >= seconds_at(since)
    if late.all():
        raise ModelError("no event before `since` to set the budget on", hint="give the clean days as well")
    cut = _cut(found, ~late, judge, per_day=per_day)
    chosen = np.flatnonzero(late & (found.score > cut))
    chosen = chosen[np.argsort(-found.score[chosen], kind="stable")]
    strange = [_strangest(np.flatnonzero(found.of == session), scores) for session in chosen]
    if not strange:
        return ()
    reasons = np.split(
        np.maximum(occluded_evidence(judge, stream, np.concatenate(strange)), 0.0),
        np.cumsum([len(rows) for rows in strange])[:-1],
    )
    return tuple(
        _alert(judge, stream, rows, float(scores[rows[0]]), contributions)
        for rows, contributions in zip(strange, reasons, strict=True)
    )


def _sessions(stream: pa.Table, scores: NDArray[np.float64], judge: Judge) -> _Judged:
    keys = keys_of(stream["consumer"], keys_of(stream["session"]) + 1)
    _, first, of = np.unique(keys, return_index=True, return_inverse=True)
    highest = np.full(len(first), -np.inf)
    np.maximum.at(highest, of, scores)
    unlearnt = held_back(stream["consumer"], judge.config.held_back)
    return _Judged(of, highest, seconds_of(stream["time"])[first], unlearnt[first])


def _cut(found: _Judged, clean: NDArray[np.bool_], judge: Judge, *, per_day: float) -> float:
    """Return the score above which lie so many sessions of a clean day, by consumers that the judge has not learnt."""
    seconds = found.seconds[clean]
    # In the first days everything is new, and the judge did not learn from them.
    begin = seconds.min() + judge.config.settling * (seconds.max() - seconds.min())
    settled = clean & (found.seconds >= begin)
    told = settled & found.unlearnt
    told = told if told.any() else settled
    scores = np.sort(found.score[told])[::-1]
    days = max(1.0, (seconds.max() - begin) / _DAY)
    place = int(per_day * days * told.sum() / settled.sum())
    return float(scores[place]) if place < len(scores) else -np.inf


def _strangest(rows: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    return rows[np.argsort(-scores[rows], kind="stable")][:_STRANGEST]


def _alert(
    judge: Judge, stream: pa.Table, rows: NDArray[np.int64], score: float, contributions: NDArray[np.float64]
) -> Alert:
    events = stream.take(pa.array(rows))
    before = stream.slice(0, int(rows.min()))
    own = before.filter(pc.equal(before["consumer"], events["consumer"][0]))
    weight = contributions.sum(0)
    strongest = np.argsort(-weight, kind="stable")[:_STRANGEST]
    return Alert(
        actor=str(events["consumer"][0].as_py()),
        time=events["time"][0].as_py(),
        score=score,
        reasons=reasons_of(events, own if own.num_rows >= _ENOUGH else before, contributions, spec=judge.spec),
        events=tuple(int(index.as_py()) for index in events[judge.spec.index]),
        found_by=("judge",),
        evidence=tuple((judge.spec.described[place], float(weight[place])) for place in strongest if weight[place] > 0),
    )
