"""Events with labels: what a detector that learns from clean days is judged on, whoever it watches."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from cartveil.errors import InputError
from cartveil.insight.sequences.column_kinds import check_columns, check_numbered
from cartveil.insight.sequences.streams import seconds_of

_DAY = 86400
#: Share of the days that is learnt from, where no day is named.
_LEARNT = 0.6


@dataclass(frozen=True)
class LabelledEvents:
    """What a detector is judged on.

    Args:
        events: An audit log (see `audit_stream`) or events of consumers (see `consumer_stream`), with `event_id`.
        labels: event_id, incident and, where kinds are known, scenario of the events that are to be found.
        test_start: Midnight, UTC, from which events are judged; None for the first 60% of the days before it.
    """

    events: pa.Table
    labels: pa.Table
    test_start: datetime | None = None

    @property
    def start(self) -> datetime:
        """Return from when on events are judged.

        Raises:
            ColumnError: Events have no times.
            InputError: No event has a time.
        """
        check_columns(self.events, {"time": "timestamps"}, purpose="judging events")
        if self.test_start is not None:
            return self.test_start
        days = seconds_of(self.events["time"].drop_null()) // _DAY
        if not len(days):
            raise InputError("no event has a time", path="events")
        first, last = int(days.min()), int(days.max())
        return datetime.fromtimestamp((first + int(_LEARNT * (last - first + 1))) * _DAY, UTC)


def check_labels(labels: pa.Table) -> None:
    """Refuse labels that do not name events and incidents by numbers.

    Raises:
        ColumnError: A column is missing, or holds something else; no value is told.
    """
    check_columns(labels, {"event_id": None, "incident": None}, purpose="a table of labels")
    for name in ("event_id", "incident"):
        check_numbered(labels, name)


def kinds_of(labels: pa.Table) -> dict[int, str]:
    """Return incident -> its kind; nothing where no label says it."""
    if "scenario" not in labels.column_names:
        return {}
    kinds = labels["scenario"].cast(pa.string()).to_pylist()
    return {number: kind for number, kind in zip(labels["incident"].to_pylist(), kinds, strict=True) if kind}


def quiet(_: str) -> None:
    """Say nothing."""


def keep_nothing(_: pa.Table) -> None:
    """Keep no scores."""
