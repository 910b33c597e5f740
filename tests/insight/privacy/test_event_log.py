"""The event log: nothing is skipped, nothing is forgotten, and a kill takes nothing that was given out."""

import json
import os
from pathlib import Path

import pytest

from cartveil.errors import IntegrityError, ModelError, StorageError
from cartveil.insight.privacy.entries import Draw, Noise, Threshold
from cartveil.insight.privacy.event_log import EventLog

DRAW, NOISE = Draw(0.1, 50, True), Noise(1.5, 2.0, True, "training")


def test_an_empty_batch_cannot_be_skipped() -> None:
    log = EventLog()
    log.append(DRAW)
    with pytest.raises(ModelError, match="got no noise"):
        log.append(DRAW)
    log.append(NOISE)
    log.append(DRAW)
    assert len(log) == 1


def test_a_draw_amplifies_one_noise_alone() -> None:
    log = EventLog()
    for entry in (DRAW, NOISE, NOISE):
        log.append(entry)
    assert [step.rate for step in log.steps] == [0.1, 1.0]


@pytest.mark.parametrize("entry", [Noise(1.0, 1.0, True, "vocabulary"), Threshold(1e-7, "vocabulary")])
def test_a_vocabulary_is_never_taken_for_the_noise_of_a_batch(entry: Noise | Threshold) -> None:
    log = EventLog()
    log.append(DRAW)
    with pytest.raises(ModelError, match="waits for its noise"):
        log.append(entry)


def test_it_comes_back_as_it_was() -> None:
    log = EventLog()
    for entry in (NOISE, Threshold(1e-7, "vocabulary"), DRAW, NOISE, DRAW, NOISE, Noise(9.0, 1.0, False, "popularity")):
        log.append(entry)
    lines = json.loads(json.dumps(log.as_list()))
    assert [line["times"] for line in lines] == [1, 1, 2, 1]
    assert EventLog.restored(lines).steps == log.steps


def test_what_was_written_survives_and_is_continued(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    for entry in (DRAW, NOISE, DRAW, NOISE, DRAW):
        log.append(entry)
    again = EventLog(tmp_path / "log")
    assert again.steps == log.steps
    again.append(DRAW)  # the batch that was drawn before the kill gave out nothing
    again.append(NOISE)
    assert len(EventLog(tmp_path / "log")) == 3


def test_a_line_that_a_kill_cut_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = EventLog(path)
    log.append(NOISE)
    with path.open("a") as file:
        file.write('{"what": "trai')
    again = EventLog(path)
    assert again.steps == log.steps
    again.append(Noise(3.0, 1.0, True, "training"))
    assert [step.multiplier for step in EventLog(path).steps] == [1.5, 3.0]


def test_a_step_is_on_the_disk_before_its_sum_is_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append(number))
    log = EventLog(tmp_path / "log")
    log.append(NOISE)
    assert len(flushed) == 1


def test_where_it_cannot_be_written_the_step_fails(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "nowhere" / "log")
    with pytest.raises(StorageError, match="account"):
        log.append(NOISE)
    assert len(log) == 0


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        "{}",
        '{"what": "training"}',
        '{"what": "training", "multiplier": 1.0, "color": 1}',
        '{"what": "training", "multiplier": 0.0}',
        '{"what": "training", "multiplier": 1.0, "rate": 2.0}',
        '{"what": "training", "multiplier": 1.0, "failure": 0.5}',
        '{"what": "training", "multiplier": "1"}',
        '{"what": "training", "multiplier": 1.0, "times": 0}',
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "log").write_text(line + "\n")
    with pytest.raises(IntegrityError, match="no account"):
        EventLog(tmp_path / "log")
