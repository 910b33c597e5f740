"""How good a detector of account takeover is: ranks of sessions, consumers found a day, and what was spent before.

A session's score is the highest of its events. What an event's score may rest on is that event and earlier ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.measures import auc_roc, average_precision
from cartveil.insight.decisions.watch.labelled import check_labels, kinds_of
from cartveil.insight.sequences.column_kinds import Kind, check_columns, check_numbered
from cartveil.insight.sequences.relations import keys_of
from cartveil.insight.sequences.streams import seconds_of

_DAY = 86400
#: Actions by which an intruder gets something of value.
_SPENDS = ("checkout", "coupon", "return")
#: Shares of clean sessions that may be alarmed on, and how the keys call them.
_CUTS = ((0.01, "1pct"), (0.001, "0.1pct"))
#: Consumers that can be looked into each day.
CHECKED = 100
#: What judging needs to know of an event, and what the column must hold.
_NEEDED: Mapping[str, Kind | None] = {
    "event_id": "whole numbers",
    "time": "timestamps",
    "consumer": None,
    "session": None,
    "action": None,
    "amount": "numbers",
    "decision": None,
}


@dataclass(frozen=True)
class Sessions:
    """The events that are judged, and the sessions and consumers that they belong to.

    Args:
        ids: `event_id`, rising, (events,).
        seconds: Time, (events,).
        spent: What an allowed event took, (events,).
        incident: Number of the takeover, -1 for the owner's events, (events,).
        of: Session of each event, (events,).
        consumer: Of each session, (sessions,).
        day: Days since 1970 on which each session begins, (sessions,).
        taken: Takeover that each session is part of, -1 for none, (sessions,).
        scenario: Takeover -> its kind.
    """

    ids: NDArray[np.int64]
    seconds: NDArray[np.int64]
    spent: NDArray[np.float64]
    incident: NDArray[np.int64]
    of: NDArray[np.int64]
    consumer: NDArray[np.int64]
    day: NDArray[np.int64]
    taken: NDArray[np.int64]
    scenario: Mapping[int, str]

    @classmethod
    def of_events(cls, events: pa.Table, labels: pa.Table, *, since: int) -> "Sessions":
        """Gather the events from a day on.

        Args:
            events: Columns event_id, time, consumer, session, action, amount, decision.
            labels: Columns event_id and incident, and scenario where kinds are known: the intruders' events only.
            since: First day that is judged, in days since 1970.

        Raises:
            ColumnError: A column is missing, or holds something else; no value is told.
            InputError: No event lies there.
        """
        check_sessions(events, labels)
        events = events.filter(pa.array(seconds_of(events["time"]) // _DAY >= since)).sort_by("event_id")
        if not events.num_rows:
            raise InputError("no event to judge", path="since", hint="the events end before it")
        ids, seconds = events["event_id"].to_numpy().astype(np.int64), seconds_of(events["time"], unit="us")
        incident = _incidents(ids, labels)
        _, first, of = np.unique(keys_of(_plain(events["session"])), return_index=True, return_inverse=True)
        taken = np.full(len(first), -1)
        np.maximum.at(taken, of, incident)
        consumer = _ranks(events["consumer"])[first]
        day = seconds[first] // (_DAY * 1_000_000)
        return cls(ids, seconds, _spent(events), incident, of, consumer, day, taken, kinds_of(labels))

    def highest(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each session's highest score, (sessions,)."""
        answer = np.full(len(self.taken), -np.inf)
        np.maximum.at(answer, self.of, scores)
        return answer

    def aligned(self, ids: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a score per event; events without one get less than any other.

        Args:
            ids: `event_id` of each score, each once.
            scores: Higher is more suspicious; no NaN.

        Raises:
            InputError: A score is no number.
        """
        if np.isnan(scores).any():
            raise InputError("a score is no number", path="score", hint="leave out what cannot be scored")
        order = np.argsort(ids, kind="stable")
        place = np.minimum(np.searchsorted(ids[order], self.ids), max(len(ids) - 1, 0))
        known = ids[order][place] == self.ids if len(ids) else np.zeros(len(self.ids), dtype=bool)
        found = scores[order][place] if len(ids) else np.zeros(len(self.ids))
        lowest = float(found[known].min()) - 1 if known.any() else 0.0
        return np.where(known, found, lowest)


def check_sessions(events: pa.Table, labels: pa.Table) -> None:
    """Refuse what no session can be judged by.

    Raises:
        ColumnError: A column is missing, or holds something else; no value is told.
    """
    check_columns(events, _NEEDED, purpose="judging takeovers")
    check_numbered(events, "event_id")
    check_labels(labels)


def session_figures(sessions: Sessions, scores: NDArray[np.float64], *, top: int = CHECKED) -> dict[str, Any]:
    """Return all figures of one detector.

    Args:
        sessions: What is judged.
        scores: Of each event, see `Sessions.aligned`, (events,).
        top: Consumers that are checked each day.

    Returns:
        Counts, average precision per event and session, recall of sessions and takeovers at two shares of false
        alarms, the share spent before an alarm, the daily list of consumers, and the same per kind of takeover.
    """
    positive, high = sessions.taken >= 0, sessions.highest(scores)
    found: dict[str, Any] = {
        "sessions": len(positive),
        "takeover_sessions": int(positive.sum()),
        "event_average_precision": average_precision(sessions.incident >= 0, scores),
        "session_average_precision": average_precision(positive, high),
        "session_auroc": auc_roc(positive, high),
        "base_rate": float(positive.mean()),
    }
    cuts = {name: cut_at(positive, high, share) for share, name in _CUTS}
    for name, cut in cuts.items():
        found[f"recall_at_{name}_fpr"] = _share(high[positive] > cut)
    found |= _daily(sessions, high, top=top)
    return found | _by_incident(sessions, scores, cuts, high=high)


def cut_at(positive: NDArray[np.bool_], high: NDArray[np.float64], share: float) -> float:
    """Return the score above which lies this share of the clean sessions."""
    clean = np.sort(high[~positive])[::-1]
    place = int(share * len(clean))
    return float(clean[place]) if place < len(clean) else -np.inf


def _daily(sessions: Sessions, high: NDArray[np.float64], *, top: int) -> dict[str, float]:
    """Return the figures of a list of consumers a day; one found out is blocked and leaves the later lists."""
    width = int(sessions.consumer.max()) + 1
    keys, unit = np.unique(sessions.day * width + sessions.consumer, return_inverse=True)
    score, taken = np.full(len(keys), -np.inf), np.full(len(keys), -1)
    np.maximum.at(score, unit, high)
    np.maximum.at(taken, unit, sessions.taken)
    # Equal scores are put in an order by chance, always the same.
    luck = np.random.default_rng(0).random(len(keys))
    day, consumer = keys // width, keys % width
    order = np.lexsort((-luck, -score, day))
    precision, possible, chance = [], [], []
    found, known = set(), set()  # type: ignore[var-annotated]
    for rows in np.split(order, np.flatnonzero(np.diff(day[order])) + 1):
        listed = rows[~np.isin(consumer[rows], list(found))][:top]
        hits = listed[taken[listed] >= 0]
        fresh = set(consumer[rows[taken[rows] >= 0]].tolist()) - known
        precision.append(len(hits) / top)
        possible.append(min(top, len(fresh)) / top)
        chance.append(min(1.0, top / len(rows)))
        found |= set(consumer[hits].tolist())
        known |= fresh
    return {
        f"card_precision_{top}": float(np.mean(precision)),
        f"card_precision_{top}_max": float(np.mean(possible)),
        f"card_recall_{top}": len(found) / max(1, len(known)),
        "card_recall_chance": float(np.mean(chance)),
    }


def _by_incident(
    sessions: Sessions, scores: NDArray[np.float64], cuts: Mapping[str, float], *, high: NDArray[np.float64]
) -> dict[str, Any]:
    """Return which takeovers were found, what was spent up to the alarm, and the same per kind."""
    numbers = np.unique(sessions.incident[sessions.incident >= 0])
    rows = []
    for number in numbers:
        mine = np.flatnonzero(sessions.incident == number)
        alarms = [mine[scores[mine] > cuts[name]] for _, name in _CUTS]
        until = sessions.seconds[alarms[1]].min() if len(alarms[1]) else np.iinfo(np.int64).max
        spent = sessions.spent[mine]
        rows.append((*(len(alarm) > 0 for alarm in alarms), spent[sessions.seconds[mine] <= until].sum(), spent.sum()))
    table = np.array(rows, dtype=np.float64).reshape(len(numbers), 4)
    kinds = np.array([sessions.scenario.get(int(number), "") for number in numbers])
    positive = sessions.taken >= 0
    kind_of = np.array([sessions.scenario.get(int(number), "") for number in sessions.taken])
    figures: dict[str, Any] = {
        "incidents": len(numbers),
        "incident_recall_1pct": _share(table[:, 0]),
        "incident_recall_01pct": _share(table[:, 1]),
        "lost_share_01pct": _ratio(table[:, 2], table[:, 3]),
    }
    named = sorted({kind for kind in kinds.tolist() if kind})
    figures["per_scenario"] = {
        kind: {
            "incident_recall": _share(table[kinds == kind, 0]),
            "incidents": int((kinds == kind).sum()),
            "leaked_share": _ratio(table[kinds == kind, 2], table[kinds == kind, 3]),
            "unit_recall": _share(high[positive & (kind_of == kind)] > cuts["1pct"]),
            "units": int((positive & (kind_of == kind)).sum()),
        }
        for kind in named
    }
    return figures


def _incidents(ids: NDArray[np.int64], labels: pa.Table) -> NDArray[np.int64]:
    labelled = labels["event_id"].to_numpy()
    order = np.argsort(labelled)
    place = np.minimum(np.searchsorted(labelled[order], ids), max(len(order) - 1, 0))
    if not len(order):
        return np.full(len(ids), -1)
    hit = labelled[order][place] == ids
    return np.where(hit, labels["incident"].to_numpy()[order][place].astype(np.int64), -1)


def _spent(events: pa.Table) -> NDArray[np.float64]:
    spends = pc.is_in(_plain(events["action"]), pa.array(_SPENDS))
    allowed = pc.equal(_plain(events["decision"]), "allow")
    counted = np.asarray(pc.fill_null(pc.and_(spends, allowed), False))
    amount = np.nan_to_num(events["amount"].cast(pa.float64()).to_numpy(zero_copy_only=False))
    return np.where(counted, amount, 0.0)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a number per value, in the order of the values."""
    codes = pc.dictionary_encode(column.combine_chunks())
    ranks = np.empty(len(codes.dictionary), dtype=np.int64)
    ranks[pc.sort_indices(codes.dictionary).to_numpy()] = np.arange(len(ranks))
    return np.asarray(ranks[codes.indices.to_numpy()])


def _share(found: NDArray[Any]) -> float:
    return float(np.mean(found)) if len(found) else float("nan")


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else float("nan")
