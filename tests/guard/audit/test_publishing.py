"""A log in a folder: what stands there, that it only grows, and that it checks without the database."""

import os
from pathlib import Path

import pytest

from cartveil.errors import IntegrityError, ReadError, StorageError
from cartveil.guard.audit import AuditLog, parse_checkpoint, verify_consistency, verify_inclusion
from cartveil.guard.audit import publishing as module
from cartveil.guard.audit.merkle import consistency_proof, inclusion_proof
from cartveil.guard.audit.publishing import publish, published_checkpoint, published_tiles, verify_published
from cartveil.guard.audit.tiles import read_bundle, tile_nodes
from logbook import OTHER, PUBLIC, filled, new_log, sign


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "public"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_log_is_published_in_the_layout_of_the_specification(log: AuditLog, folder: Path) -> None:
    filled(log, 600)
    assert publish(log, sign(log), folder, public_key=PUBLIC, entries=True) == 8
    assert files(folder) == {
        *("checkpoint", "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"),
        *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"),
    }
    assert (folder / "tile/0/000").stat().st_size == 8192
    assert read_bundle((folder / "tile/entries/002.p/88").read_bytes())[87] == log.entry(599)
    assert verify_published(folder, public_key=PUBLIC) == {"entries": 600, "bundles": 3}


def test_hashes_alone_are_published_unless_entries_are_asked_for(log: AuditLog, folder: Path) -> None:
    filled(log, 300)
    publish(log, sign(log), folder, public_key=PUBLIC)
    assert not any("entries" in name for name in files(folder))
    assert verify_published(folder, public_key=PUBLIC) == {"entries": 300, "bundles": 0}
    publish(log, sign(log), folder, public_key=PUBLIC, entries=True)
    assert verify_published(folder, public_key=PUBLIC) == {"entries": 300, "bundles": 2}


def test_publishing_again_writes_only_what_is_new(log: AuditLog, folder: Path) -> None:
    filled(log, 512)
    publish(log, sign(log), folder, public_key=PUBLIC, entries=True)
    assert publish(log, sign(log), folder, public_key=PUBLIC, entries=True) == 1  # the checkpoint
    whole = {path: path.stat().st_mtime_ns for path in (folder / "tile/0").iterdir()}
    filled(log, 3)
    assert publish(log, sign(log), folder, public_key=PUBLIC, entries=True) == 3
    assert {path: path.stat().st_mtime_ns for path in whole} == whole
    assert verify_published(folder, public_key=PUBLIC) == {"entries": 515, "bundles": 3}


def test_a_partial_tile_stays_until_it_is_full(log: AuditLog, folder: Path) -> None:
    for count in (10, 10, 236):
        filled(log, count)
        publish(log, sign(log), folder, public_key=PUBLIC, entries=True)
        verify_published(folder, public_key=PUBLIC)
        if log.size == 20:
            assert {"tile/0/000.p/10", "tile/0/000.p/20"} <= files(folder)
    assert files(folder) == {"checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000"}


def test_entries_published_once_stay_though_later_ones_are_not_asked_for(log: AuditLog, folder: Path) -> None:
    filled(log, 10)
    publish(log, sign(log), folder, public_key=PUBLIC, entries=True)
    filled(log, 290)
    publish(log, sign(log), folder, public_key=PUBLIC)
    assert "tile/entries/000.p/10" in files(folder)
    assert "tile/0/000.p/10" not in files(folder)
    assert verify_published(folder, public_key=PUBLIC) == {"entries": 300, "bundles": 0}


def test_proofs_come_from_the_folder_alone(log: AuditLog, folder: Path) -> None:
    filled(log, 600)
    publish(log, sign(log), folder, public_key=PUBLIC)
    new = parse_checkpoint(published_checkpoint(folder))
    nodes = tile_nodes(published_tiles(folder, new.size))
    for index in (0, 255, 256, 599):
        proof = inclusion_proof(index, new.size, nodes)
        verify_inclusion(log.entry(index), index=index, size=new.size, proof=proof, root=new.root)
    for old in (1, 256, 300):
        proof = consistency_proof(old, new.size, nodes)
        verify_consistency(old=old, new=new.size, old_root=log.root(old), new_root=new.root, proof=proof)


def test_an_empty_log_is_published(log: AuditLog, folder: Path) -> None:
    assert publish(log, sign(log), folder, public_key=PUBLIC) == 1
    assert verify_published(folder, public_key=PUBLIC)["entries"] == 0


@pytest.mark.parametrize("size", [4, 20])
def test_a_folder_takes_no_other_log_and_no_rewritten_one(
    log: AuditLog, folder: Path, tmp_path: Path, size: int
) -> None:
    filled(log, 10)
    publish(log, sign(log), folder, public_key=PUBLIC)
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    forked = new_log(tmp_path / "forked.db")
    filled(forked, size, actor="nobody")
    with pytest.raises(IntegrityError):
        publish(forked, sign(forked), folder, public_key=PUBLIC)
    with pytest.raises(IntegrityError, match="another log"):
        publish(forked, sign(forked, origin="cartveil/other"), folder, public_key=PUBLIC)
    with pytest.raises(IntegrityError, match="signed"):
        publish(log, sign(log, key=OTHER), folder, public_key=PUBLIC)
    assert {name: (folder / name).read_bytes() for name in files(folder)} == before


def test_interrupted_publishing_is_completed_by_the_next(
    log: AuditLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(log, 300)
    publish(log, sign(log), folder, public_key=PUBLIC, entries=True)
    filled(log, 900)
    note, write = sign(log), module._write
    for stop in range(1, 10):
        left = iter(range(stop))

        def cut(path: Path, content: bytes, left: object = left) -> int:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            return write(path, content)

        monkeypatch.setattr(module, "_write", cut)
        with pytest.raises(KeyboardInterrupt):
            publish(log, note, folder, public_key=PUBLIC, entries=True)
        assert verify_published(folder, public_key=PUBLIC)["entries"] == 300
    monkeypatch.undo()
    publish(log, note, folder, public_key=PUBLIC, entries=True)
    assert verify_published(folder, public_key=PUBLIC) == {"entries": 1200, "bundles": 5}


@pytest.mark.parametrize("entries", [False, True])
def test_any_changed_or_missing_file_is_noticed(log: AuditLog, folder: Path, entries: bool) -> None:
    filled(log, 600)
    publish(log, sign(log), folder, public_key=PUBLIC, entries=entries)
    for name in files(folder):
        path = folder / name
        content = path.read_bytes()
        for place in {0, len(content) // 2, len(content) - 1}:
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises((IntegrityError, ReadError)):
                verify_published(folder, public_key=PUBLIC)
        for other in (content[:-1], content + b"\n", content + bytes(32)):
            path.write_bytes(other)
            with pytest.raises((IntegrityError, ReadError)):
                verify_published(folder, public_key=PUBLIC)
        if "entries" not in name:  # entries need not be published
            path.unlink()
            with pytest.raises((IntegrityError, ReadError)):
                verify_published(folder, public_key=PUBLIC)
        path.write_bytes(content)
    verify_published(folder, public_key=PUBLIC)


def test_no_published_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no published log"):
        verify_published(tmp_path, public_key=PUBLIC)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(log: AuditLog, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError):
            publish(log, sign(log), tmp_path / "public", public_key=PUBLIC)
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_way_is_named(log: AuditLog, tmp_path: Path) -> None:
    filled(log, 1)
    (tmp_path / "public").write_text("in the way")
    with pytest.raises((StorageError, IntegrityError)):
        publish(log, sign(log), tmp_path / "public", public_key=PUBLIC)
