import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

from bench import operations
from staffroom import START, staff_log


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a small set in the form of the benchmark's: eight weeks, of which the last days hold one snoop."""
    folder = tmp_path_factory.mktemp("misuse")
    log = staff_log(days=56, actors=6)
    pq.write_table(log.rename_columns({"index": "event_id"}), folder / "events.parquet")
    test = START + timedelta(days=46)
    late = np.flatnonzero(np.array([time >= test for time in log["time"].to_pylist()]))
    wrong = late[::97]
    labels = pa.table({"event_id": wrong, "incident": [0] * len(wrong), "scenario": ["snoop"] * len(wrong)})
    pq.write_table(labels, folder / "labels.parquet")
    (folder / "meta.json").write_text(json.dumps({"test_start": f"{test:%Y-%m-%d}"}))
    return folder


@pytest.fixture(scope="module")
def figures(folder):
    """Return what the protocol says of it."""
    return operations.measure(folder, share=1.0, each=1)


def test_every_part_of_the_protocol_has_its_figures(figures):
    assert {"budget", "named_cause", "deletion", "drift", "verdicts"} <= set(figures)
    assert figures["budget"]["5"]["kept"]["splits"] >= 1
    assert figures["named_cause"]["incidents"] == 10
    assert 0 <= figures["deletion"]["passed"] <= 1
    assert json.dumps(figures)


def test_the_table_is_for_people(figures):
    text = operations.table(figures)
    assert "alerts a day" in text
    assert "cause named in" in text


def test_a_share_of_the_actors_is_the_same_at_every_run(folder):
    log = operations.read_log(folder)
    some = operations.some_actors(log, 0.5)
    assert some.equals(operations.some_actors(log, 0.5))
    assert len(set(some["actor"].to_pylist())) == 3


def test_ratios_are_counted_as_kept_within_a_fifth():
    found = operations.spread([1.0, 1.2, 0.8, 1.3])
    assert found["within_a_fifth"] == 0.75
    assert (found["lowest"], found["highest"]) == (0.8, 1.3)
