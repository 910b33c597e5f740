"""The events of an audit log that are judged, as numbers: who acted when, what was read, and what was misuse."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.watch.labelled import check_labels, kinds_of
from cartveil.insight.sequences.column_kinds import Kind, check_columns, check_numbered
from cartveil.insight.sequences.streams import seconds_of

_DAY = 86400
#: Actions that read; what they read while allowed is what leaks.
_READS = ("search", "view", "reveal", "export")
#: What judging needs to know of an event, and what the column must hold.
_NEEDED: Mapping[str, Kind | None] = {
    "event_id": "whole numbers",
    "time": "timestamps",
    "actor": None,
    "action": None,
    "rows": "numbers",
    "decision": None,
}


@dataclass(frozen=True)
class Judged:
    """The events that are judged, in order of `event_id`, as the measures need them.

    Args:
        ids: `event_id`, rising, (rows,).
        micros: Time in microseconds since 1970, (rows,).
        day: Days since 1970, (rows,).
        actor: Number of the actor, in the order of their names, (rows,).
        session: Number of the session, in the order of their names, (rows,); -1 where there is none.
        read: Records that an allowed read returned, else 0, (rows,).
        incident: Number of the incident, -1 for ordinary events, (rows,).
        scenario: Incident -> its kind.
    """

    ids: NDArray[np.int64]
    micros: NDArray[np.int64]
    day: NDArray[np.int64]
    actor: NDArray[np.int64]
    session: NDArray[np.int64]
    read: NDArray[np.int64]
    incident: NDArray[np.int64]
    scenario: Mapping[int, str]

    @classmethod
    def of(cls, log: pa.Table, labels: pa.Table, *, since: int) -> "Judged":
        """Gather the events from a day on.

        Args:
            log: Columns event_id, time, actor, session, action, rows, decision; session may be missing.
            labels: Columns event_id and incident, and scenario where kinds are known: the misuse only.
            since: First day that is judged, in days since 1970.

        Raises:
            ColumnError: A column is missing, or holds something else; no value is told.
            InputError: No event lies there, or a label names an event that is not in the log.
        """
        check_columns(log, _NEEDED, purpose="judging misuse")
        check_numbered(log, "event_id")
        check_labels(labels)
        micros = seconds_of(log["time"], unit="us")
        log = log.filter(pa.array(micros // (_DAY * 1_000_000) >= since))
        if log.num_rows == 0:
            raise InputError("no event to judge", path="time", hint="the test part begins after the last event")
        log = log.take(pa.array(np.argsort(log["event_id"].to_numpy(), kind="stable")))
        ids = log["event_id"].to_numpy()
        marked = labels["event_id"].to_numpy()
        place = np.minimum(np.searchsorted(ids, marked), len(ids) - 1)
        if (ids[place] != marked).any():
            hint = "labels may name events of the test part only"
            raise InputError("a label names an event that is not judged", path="event_id", hint=hint)
        incident = np.full(len(ids), -1, dtype=np.int64)
        incident[place] = labels["incident"].to_numpy()
        reads = np.isin(_text(log["action"]), _READS) & (_text(log["decision"]) == "allow")
        micros = seconds_of(log["time"], unit="us")
        return cls(
            ids,
            micros,
            micros // (_DAY * 1_000_000),
            _by_name(log["actor"]),
            _by_name(log["session"]) if "session" in log.column_names else np.full(len(ids), -1),
            np.where(reads, _numbers(log["rows"]), 0.0).astype(np.int64),
            incident,
            kinds_of(labels),
        )


def _text(column: pa.ChunkedArray) -> NDArray[np.object_]:
    return np.asarray(column.cast(pa.string()).to_numpy(zero_copy_only=False))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return the numbers of a column, 0 where there is none."""
    return np.asarray(np.nan_to_num(column.cast(pa.float64()).to_numpy(zero_copy_only=False)), dtype=np.float64)


def _by_name(column: pa.ChunkedArray) -> NDArray[np.int64]:
    words = column.cast(pa.string()).combine_chunks().dictionary_encode()
    names = np.array(words.dictionary.to_pylist(), dtype=object)
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[np.argsort(names, kind="stable")] = np.arange(len(names))
    rank[-1] = -1
    indices = words.indices.fill_null(len(names)).to_numpy()
    return np.asarray(rank[indices])
