"""Labelled events as the simulated sets come: a folder with events, labels and the day from which they are judged."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from cartveil.insight.decisions.watch.labelled import LabelledEvents


def labelled_events(folder: Path) -> LabelledEvents:
    """Read events.parquet, labels.parquet and, where it stands, `test_start` in meta.json."""
    meta = folder / "meta.json"
    start = json.loads(meta.read_text(encoding="utf-8"))["test_start"] if meta.exists() else None
    day = datetime.fromisoformat(start).replace(tzinfo=UTC) if start else None
    return LabelledEvents(pq.read_table(folder / "events.parquet"), pq.read_table(folder / "labels.parquet"), day)
