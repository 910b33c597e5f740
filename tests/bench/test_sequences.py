"""The bench of sequences, at a size that takes milliseconds."""

import pytest
from bench.sequences import measure, summary, write_release

from cartveil.events.protected import load_protected


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    write_release(folder / "events.parquet", 3_000)
    assert len(load_protected(folder / "events.parquet")) == 3_000
    return [measure(folder / "events.parquet", folder / name) for name in ("one", "two")]


def test_every_event_is_read(runs):
    assert [run["events"] for run in runs] == [3_000, 3_000]
    # The last event of a consumer is a target alone; the event at a cut is one window's last and the next one's first.
    assert all(run["steps_read"] == 3_000 - run["consumers"] for run in runs)


def test_figures_are_medians_and_the_largest_peak(runs):
    told = summary(runs)
    slow = [{**runs[0], "write": runs[0]["write"] + 1, "peak_mib": 9_999.0}, *runs]
    assert told["events"] == 3_000
    assert summary(slow)["peak_mib"] == 9_999
    assert 0 < told["events_per_second"] < told["written_per_second"]
