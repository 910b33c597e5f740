"""Checkpoints kept elsewhere: what enters a file of notes, and what does not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import IntegrityError, StorageError
from cartveil.guard.audit import AuditLog
from cartveil.guard.audit.notes import Submission, keep_note, last_note, parse_submission, read_notes
from logbook import OTHER, PUBLIC, filled, new_log, sign


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "shop.notes"


def keep(log: AuditLog, notes: Path, **changes: object) -> bool:
    return keep_note(notes, sign(log, **changes), public_key=PUBLIC, prove=log.prove_consistency)


def test_a_growing_log_is_kept_step_by_step(log: AuditLog, notes: Path) -> None:
    written = []
    for count in (0, 3, 300, 1):
        filled(log, count)
        assert keep(log, notes)
        written.append(log.latest_checkpoint())
    assert read_notes(notes) == written
    assert not keep(log, notes), "a log that did not grow has nothing new to say"
    assert read_notes(notes) == written


def test_no_file_holds_no_checkpoint(notes: Path) -> None:
    assert read_notes(notes) == []
    assert last_note(notes) is None


def test_the_newest_is_found_at_the_end_of_a_long_file(log: AuditLog, notes: Path) -> None:
    for _ in range(3):
        filled(log, 1)
        keep(log, notes)
    filled(log, 1)
    newest = sign(log)
    earlier = notes.read_text()
    for times in (1, 150):  # beyond what is looked at
        for text in (earlier * times + newest, earlier * times + newest + "\n", newest, newest + "\n"):
            notes.write_text(text)
            assert last_note(notes) == read_notes(notes)[-1] == newest


def test_a_printed_checkpoint_is_a_file_of_one_and_is_continued(log: AuditLog, notes: Path) -> None:
    filled(log, 3)
    printed = sign(log)
    notes.parent.mkdir()
    notes.write_text(printed)
    filled(log, 3)
    assert keep(log, notes)
    assert read_notes(notes) == [printed, log.latest_checkpoint()]


@pytest.mark.parametrize(("kept", "size", "said"), [(10, 10, "continue"), (10, 15, "continue"), (10, 4, "shorter")])
def test_a_forked_or_cut_log_is_refused_and_nothing_written(
    log: AuditLog, notes: Path, tmp_path: Path, kept: int, size: int, said: str
) -> None:
    filled(log, kept)
    keep(log, notes)
    before = notes.read_bytes()
    forked = new_log(tmp_path / "forked.db")
    filled(forked, size, actor="nobody")
    with pytest.raises(IntegrityError, match=said):
        keep(forked, notes)
    assert notes.read_bytes() == before


def test_another_log_and_another_key_are_refused(log: AuditLog, notes: Path) -> None:
    filled(log, 2)
    keep(log, notes)
    with pytest.raises(IntegrityError, match="another log"):
        keep(log, notes, origin="cartveil/other")
    with pytest.raises(IntegrityError, match="signed"):
        keep(log, notes, key=OTHER)


@pytest.mark.parametrize("damage", [b"x", b"\xff\xfe", b"\n\n\n"])
def test_what_is_no_file_of_checkpoints_is_not_written_to(log: AuditLog, notes: Path, damage: bytes) -> None:
    keep(log, notes)
    notes.write_bytes(notes.read_bytes() + damage)
    with pytest.raises(IntegrityError):
        keep(log, notes)


def test_a_changed_line_between_checkpoints_is_noticed_when_all_are_read(log: AuditLog, notes: Path) -> None:
    for _ in range(3):
        filled(log, 1)
        keep(log, notes)
    text = notes.read_text()
    for damaged in (text.replace("\n\n", "\n", 3), text.replace("\n", "\n\n", 2), "\n" + text, text + "x"):
        notes.write_text(damaged)
        with pytest.raises(IntegrityError):
            read_notes(notes)


def test_a_place_that_cannot_be_written_is_named(log: AuditLog, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        keep(log, tmp_path)
    assert caught.value.path == str(tmp_path)


@given(st.integers(0, 2**40), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_submission_comes_back_as_it_was_sent(old: int, proof: list[bytes]) -> None:
    submission = Submission(old, tuple(proof), "cartveil/shop\n1\nAA==\n\n— cartveil/shop AA==\n")
    assert parse_submission(submission.body()) == submission


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"old 1",
            b"old x\n\nnote",
            b"old 01\n\nnote",
            b"new 1\n\nnote",
            b"\xff\n\nnote",
            b"old 1\nAB==\n\nnote",
        ),
        b"old 1\n" + b"AAAA\n" * 64 + b"\nnote",
    ],
)
def test_what_is_no_submission_is_refused(body: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_submission(body)
