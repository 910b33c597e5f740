import json

import pyarrow.parquet as pq
import pytest
from bench.labelled import labelled_events
from bench.takeover import table

from accounts import UNTIL, account_events


@pytest.fixture
def folder(tmp_path):
    events, labels = account_events(consumers=10, strangers=2)
    pq.write_table(events, tmp_path / "events.parquet")
    pq.write_table(labels, tmp_path / "labels.parquet")
    return tmp_path


def test_a_folder_says_from_which_day_on_is_judged_or_leaves_it_to_the_protocol(folder):
    assert labelled_events(folder).test_start is None
    (folder / "meta.json").write_text(json.dumps({"test_start": f"{UNTIL:%Y-%m-%d}"}))
    assert labelled_events(folder).test_start == UNTIL
    assert labelled_events(folder).labels.num_rows > 0


def test_the_table_has_a_line_for_every_detector():
    figures = dict.fromkeys(
        (
            "session_average_precision",
            "recall_at_1pct_fpr",
            "recall_at_0.1pct_fpr",
            "incident_recall_1pct",
            "lost_share_01pct",
            "card_precision_100",
        ),
        0.5,
    )
    lines = table({"lstm": figures, "rules": figures}, ["lstm", "rules"]).splitlines()
    assert [line.split()[0] for line in lines] == ["detector", "lstm", "rules"]
    assert lines[1].split()[1:] == ["0.500"] * 6
