"""The log at its edges: the first, the last, the longest, and what is not there."""

from pathlib import Path

import numpy as np
import pytest

from cartveil.errors import IntegrityError
from cartveil.guard.audit import ENTRY_SCHEMA, AuditLog
from cartveil.guard.audit.entries import read_entries, write_entry
from cartveil.guard.audit.notes import Submission, keep_note, last_note, parse_submission, read_notes
from cartveil.guard.audit.publishing import publish, verify_published
from logbook import PUBLIC, START, filled, sign

NOTE = "cartveil/shop\n1\nAA==\ntime 2026-11-22T09:30:00.000000Z\n\n— cartveil/shop AA==\n"


def test_a_proof_has_63_hashes_at_most() -> None:
    longest = Submission(1, (bytes(32),) * 63, NOTE)
    assert parse_submission(longest.body()) == longest
    with pytest.raises(IntegrityError):
        parse_submission(Submission(1, (bytes(32),) * 64, NOTE).body())


def test_the_body_of_a_submission_is_pinned() -> None:
    assert Submission(7, (b"\0", b"\xff"), NOTE).body() == b"old 7\nAA==\n/w==\n\n" + NOTE.encode()


def test_only_the_end_of_a_long_file_of_notes_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(b"\xff" * 70_000 + b"\n\n" + NOTE.encode())
    assert last_note(path) == NOTE
    damaged = NOTE.encode().replace(b"shop AA", b"shop \xffA")
    path.write_bytes(damaged)
    with pytest.raises(IntegrityError, match="whole checkpoints"):
        read_notes(path)


def test_a_proof_is_asked_for_where_a_log_grew_and_only_there(log: AuditLog, tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def prove(old: int, new: int) -> list[bytes]:
        asked.append((old, new))
        return log.prove_consistency(old, new)

    filled(log, 3)
    early = sign(log)
    filled(log, 4)
    late = sign(log)
    filled(log, 5)
    path = tmp_path / "notes"
    for note, written in ((early, True), (early, False), (late, True), (late, False)):
        assert keep_note(path, note, public_key=PUBLIC, prove=prove) is written
    assert asked == [(3, 7)]
    assert path.read_text() == f"{early}\n{late}\n"


def test_what_an_entry_does_not_say_is_null_or_an_empty_text() -> None:
    whole = write_entry({"time": START, "actor": "anna"})
    short = b'{"actor":"bert","time":"2026-11-22T09:30:00.000000Z"}'
    table = read_entries([whole, short], indexes=np.array([7, 9], np.int32))  # type: ignore[arg-type]
    assert table.schema == ENTRY_SCHEMA
    first, second = table.to_pylist()
    assert first == {"index": 7, "time": START, "actor": "anna", "fields": [], "rows": 0} | dict.fromkeys(
        set(ENTRY_SCHEMA.names) - {"index", "time", "actor", "fields", "rows"}, ""
    )
    assert second == {**first, "index": 9, "actor": "bert", "fields": None, "rows": None}


def test_a_log_without_checkpoints_has_no_latest(log: AuditLog) -> None:
    assert log.latest_checkpoint() is None
    filled(log, 3)
    early = sign(log)
    filled(log, 3)
    late = sign(log)
    assert (log.latest_checkpoint(), log.latest_checkpoint(below=6)) == (late, early)
    assert log.latest_checkpoint(below=3) is None


def test_an_earlier_checkpoint_still_checks_against_the_full_tile_that_came_after_it(
    log: AuditLog, tmp_path: Path
) -> None:
    filled(log, 10)
    early = sign(log)
    publish(log, early, tmp_path, public_key=PUBLIC, entries=True)
    filled(log, 290)
    publish(log, sign(log), tmp_path, public_key=PUBLIC, entries=True)
    assert not (tmp_path / "tile/0/000.p").exists()
    (tmp_path / "checkpoint").write_text(early, encoding="utf-8")
    assert verify_published(tmp_path, public_key=PUBLIC) == {"entries": 10, "bundles": 1}
