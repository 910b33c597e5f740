"""The event log: nothing is skipped, nothing is forgotten, and a kill takes nothing that was given out."""

import errno
import gc
import json
import os
import stat
import subprocess
import sys
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
    log.close()
    again = EventLog(tmp_path / "log")
    assert again.steps == log.steps
    again.append(DRAW)  # the batch that was drawn before the kill gave out nothing
    again.append(NOISE)
    again.close()
    assert len(EventLog(tmp_path / "log")) == 3


def test_a_line_that_a_kill_cut_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = EventLog(path)
    log.append(NOISE)
    log.close()
    with path.open("a") as file:
        file.write('{"what": "trai')
    again = EventLog(path)
    assert again.steps == log.steps
    again.append(Noise(3.0, 1.0, True, "training"))
    again.close()
    assert [step.multiplier for step in EventLog(path).steps] == [1.5, 3.0]


def test_a_step_is_on_the_disk_before_its_sum_is_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[tuple[bool, int]] = []

    def fsync(number: int) -> None:
        found = os.fstat(number)
        flushed.append((stat.S_ISDIR(found.st_mode), found.st_ino))

    monkeypatch.setattr(os, "fsync", fsync)
    log = EventLog(tmp_path / "log")
    assert flushed == [(True, tmp_path.stat().st_ino)]  # a new file: its name too
    log.append(NOISE)
    assert flushed[1:] == [(False, (tmp_path / "log").stat().st_ino)]
    log.close()
    EventLog(tmp_path / "log")
    assert len(flushed) == 2


def test_where_it_cannot_be_opened_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="account cannot be opened"):
        EventLog(tmp_path / "nowhere" / "log")


def test_where_it_cannot_be_written_the_step_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(tmp_path / "log")
    written = os.write

    def full(number: int, text: bytes) -> int:
        if len(text) < 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(number, text[:-8])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageError, match="account cannot be written: No space left"):
            log.append(NOISE)
    assert len(log) == 0
    with pytest.raises(StorageError, match="account is closed"):  # or a whole line would follow the half
        log.append(NOISE)
    assert len(EventLog(tmp_path / "log")) == 0


def test_one_log_at_a_time_holds_a_file(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    log.append(NOISE)
    with pytest.raises(StorageError, match="the account is in use") as caught:
        EventLog(tmp_path / "log")
    assert caught.value.hint == "wait until the other training ends, or give this one an account of its own"
    log.close()
    log.close()
    assert len(log) == 1
    with pytest.raises(StorageError, match="account is closed"):
        log.append(NOISE)
    again = EventLog(tmp_path / "log")
    assert len(again) == 1
    del again
    gc.collect()
    assert len(EventLog(tmp_path / "log")) == 1  # nobody referred to it any more


#: Opens an account, tells how that went, and holds it until it is told to end.
HOLDER = """
import sys
from pathlib import Path
from cartveil.errors import StorageError
from cartveil.insight.privacy.event_log import EventLog
try:
    log = EventLog(Path(sys.argv[1]))
    print("held", flush=True)
    sys.stdin.readline()
except StorageError as error:
    print(error.message, flush=True)
"""


def test_another_program_is_kept_out_until_this_one_ends(tmp_path: Path) -> None:
    path = tmp_path / "log"

    def holder() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(path)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with holder() as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match="in use"):
            EventLog(path)
        with holder() as second:
            assert second.communicate()[0] == "the account is in use\n"
        first.kill()
    log = EventLog(path)
    log.append(NOISE)
    assert len(log) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_program_that_was_forked_off_neither_writes_nor_holds(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    begin, end = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            log.append(NOISE)
        except StorageError:
            log.close()
            os.close(end)
            os.read(begin, 1)  # until the parent ends it
            code = 0
        finally:
            os._exit(code)
    with pytest.raises(StorageError, match="in use"):
        EventLog(tmp_path / "log")
    log.close()
    assert len(EventLog(tmp_path / "log")) == 0  # although the child lives
    os.close(end)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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
