"""The log at its edges: the first, the last, the longest, and what is not there."""

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from cartveil.errors import IntegrityError
from cartveil.guard.audit import ENTRY_SCHEMA, AuditLog, Checkpoint, verify_consistency, verify_inclusion
from cartveil.guard.audit.entries import read_entries, write_entry
from cartveil.guard.audit.merkle import consistency_proof, inclusion_proof, leaf_hash, node_hash, tree_root
from cartveil.guard.audit.notes import Submission, keep_note, last_note, parse_submission, read_notes
from cartveil.guard.audit.publishing import publish, verify_published
from cartveil.guard.audit.tiles import recompute
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


def test_a_log_is_published_as_far_as_its_checkpoint_says(log: AuditLog, tmp_path: Path) -> None:
    filled(log, 10)
    publish(log, sign(log), tmp_path, public_key=PUBLIC)
    filled(log, 5)
    note = sign(log)
    filled(log, 5)
    publish(log, note, tmp_path, public_key=PUBLIC)
    assert verify_published(tmp_path, public_key=PUBLIC)["entries"] == 15
    verify_consistency(old=15, new=20, old_root=log.root(15), new_root=log.root(), proof=log.prove_consistency(15))
    proof = log.prove_consistency(10, 15)
    verify_consistency(old=10, new=15, old_root=log.root(10), new_root=log.root(15), proof=proof)


def test_a_partial_tile_that_somebody_removed_is_no_hindrance(log: AuditLog, tmp_path: Path) -> None:
    filled(log, 10)
    publish(log, sign(log), tmp_path, public_key=PUBLIC, entries=True)
    for name in ("0", "entries"):
        shutil.rmtree(tmp_path / "tile" / name / "000.p")
    filled(log, 290)
    publish(log, sign(log), tmp_path, public_key=PUBLIC, entries=True)
    assert verify_published(tmp_path, public_key=PUBLIC) == {"entries": 300, "bundles": 2}


# A tree of equal entries: every complete tree of a height has one hash, so no size is too large to prove.
SAME = [leaf_hash(b"x")]
for _ in range(62):
    SAME.append(node_hash(SAME[-1], SAME[-1]))


def same(level: int, position: int) -> bytes:
    return SAME[level]


@pytest.mark.parametrize("size", [2**62, 2**62 - 1, 2**61 + 2**53 + 3])
def test_the_largest_trees_prove_as_small_ones_do(size: int) -> None:
    root = tree_root(size, same)
    for index in (0, 1, 2**53, 2**53 + 1, 2**60 + 1, size - 2, size - 1):
        proof = inclusion_proof(index, size, same)
        verify_inclusion(b"x", index=index, size=size, proof=proof, root=root)
        with pytest.raises(IntegrityError):
            verify_inclusion(b"x", index=index, size=size, proof=proof[:-1], root=root)
    for old in (1, 2**53 - 1, 2**53 + 2, 2**60, 2**60 + 2**53, 2**61 - 1, size - 1):
        proof = consistency_proof(old, size, same)
        verify_consistency(old=old, new=size, old_root=tree_root(old, same), new_root=root, proof=proof)
        with pytest.raises(IntegrityError):
            verify_consistency(old=old + 1, new=size, old_root=tree_root(old, same), new_root=root, proof=proof)


def test_a_shorter_log_cannot_pose_as_a_longer_one() -> None:
    first, second = leaf_hash(b"a"), leaf_hash(b"b")
    both = node_hash(first, second)
    verify_consistency(old=1, new=2, old_root=first, new_root=both, proof=[second])
    for size in (3, 4):
        with pytest.raises(IntegrityError):
            verify_consistency(old=1, new=size, old_root=first, new_root=both, proof=[second])


def test_every_tile_is_recomputed_once() -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(600)]
    tiles = list(recompute([leaves[:200], leaves[200:300], leaves[300:]]))
    assert [(level, index) for level, index, _ in tiles] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    full = list(recompute([leaves[:200], leaves[200:512]]))
    assert [(level, index, len(tile) // 32) for level, index, tile in full] == [(0, 0, 256), (0, 1, 256), (1, 0, 2)]
    assert list(recompute([])) == []


def test_where_no_tile_is_there_are_no_hashes(log: AuditLog) -> None:
    assert log.tile(0, 0) == b""
    filled(log, 1)
    assert (len(log.tile(0, 0)), log.tile(0, 1), log.tile(1, 0)) == (32, b"", b"")


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_times_are_written_in_utc_wherever_it_runs(log: AuditLog) -> None:
    shanghai = START.astimezone(timezone(timedelta(hours=8)))
    assert b'"time":"2026-11-22T09:30:00.000000Z"' in write_entry({"time": shanghai})
    assert "\ntime 2026-11-22T09:30:00.000000Z\n" in Checkpoint("cartveil/shop", 0, b"", shanghai).body()


def test_a_long_entry_does_not_close_the_log() -> None:
    entries = [write_entry({"time": START, "actor": actor}) for actor in ("anna", "x" * 3_000_000, "max")]
    assert read_entries(entries, indexes=[0, 1, 2])["actor"].to_pylist() == ["anna", "x" * 3_000_000, "max"]
