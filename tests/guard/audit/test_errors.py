"""What the log says when it says no: each sentence, where it points, and the way out."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from cartveil.errors import InputError, IntegrityError, ReadError, StorageError
from cartveil.guard.audit import (
    AuditLog,
    Checkpoint,
    parse_checkpoint,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
)
from cartveil.guard.audit import notes as notes_module
from cartveil.guard.audit.checkpoint import sign_checkpoint
from cartveil.guard.audit.entries import read_entries, write_entry
from cartveil.guard.audit.merkle import EMPTY_ROOT, consistency_proof, inclusion_proof
from cartveil.guard.audit.notes import check_continues, keep_note, last_note, parse_submission, read_notes
from cartveil.guard.audit.publishing import publish, published_checkpoint, published_tiles, verify_published
from cartveil.guard.audit.tiles import grow, read_bundle, tile_nodes, write_bundle
from logbook import KEY, OTHER, PUBLIC, START, filled, new_log, sign
from saying import Said, said, says

NOTE = sign_checkpoint(Checkpoint("cartveil/shop", 7, bytes(32), START), KEY.sign, public_key=PUBLIC)


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE.replace("\n7\n", "\nseven\n"),
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("time 2026", "hour 2026"),
        NOTE.replace("000000Z", "000000"),
        NOTE.replace("000000Z", "000000+00:00"),
        NOTE.replace("2026-11-22T09:30:00.000000Z", "0001-01-01T00:00:00.000000+14:00"),
        NOTE.replace("AAA=", "AAB="),
        NOTE.replace("AAA=", "AA?A="),
        NOTE.replace("\n7\n", "\n7\n\n"),
    ],
)
def test_of_what_is_no_checkpoint(note: str) -> None:
    assert said(lambda: parse_checkpoint(note)) == says(IntegrityError, "is not a checkpoint", "checkpoint")


def respelled(note: str) -> str:
    """Set one of the spare bits at the end of the signature: the same bytes, written otherwise."""
    text = note.removesuffix("\n")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    place = len(text.rstrip("=")) - 1
    other = text[:place] + letters[letters.index(text[place]) ^ 1] + text[place + 1 :] + "\n"
    assert base64.b64decode(other.split(" ")[-1]) == base64.b64decode(note.split(" ")[-1])
    return other


@pytest.mark.parametrize(
    "note",
    [
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("— cartveil/shop", "— cartveil/shed"),
        NOTE.replace("— cartveil/shop ", "— cartveil/shop ?"),
        respelled(NOTE),
    ],
)
def test_of_what_has_no_signature(note: str) -> None:
    wanted = says(IntegrityError, "has no signature", "checkpoint")
    assert said(lambda: verify_checkpoint(note, public_key=PUBLIC)) == wanted


def test_of_a_signature_by_another_key_or_over_another_text() -> None:
    wanted = says(IntegrityError, "is not signed by this key", "checkpoint")
    assert said(lambda: verify_checkpoint(NOTE, public_key=OTHER.public_key().public_bytes_raw())) == wanted
    assert said(lambda: verify_checkpoint(NOTE.replace("\n7\n", "\n8\n"), public_key=PUBLIC)) == wanted
    assert said(lambda: verify_checkpoint(NOTE, public_key=b"")) == wanted


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"time": START, "value": 1, "extra": 2}, "unknown fields in an audit entry: ['extra', 'value']"),
        ({"time": START, "actor": 3}, "an audit entry holds text and lists of text"),
        ({"time": START, "fields": 3}, "an audit entry holds text and lists of text"),
        ({"time": START, "fields": [3]}, "an audit entry holds text and lists of text"),
        ({}, "an audit entry needs an aware time"),
        ({"time": "2026-11-22"}, "an audit entry needs an aware time"),
        ({"time": datetime(2026, 11, 22)}, "an audit entry needs an aware time"),
    ],
)
def test_of_what_is_no_entry(entry: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match="audit entry") as caught:
        write_entry(entry)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b'{"actor":3}',
        b'{"value":"x"}',
        write_entry({"time": START}).replace(b"09:30", b"99:30"),
        write_entry({"time": START}) + b"\n" + write_entry({"time": START}),
    ],
)
def test_of_an_entry_that_cannot_be_read(line: bytes) -> None:
    wanted = says(IntegrityError, "an audit entry cannot be read", "audit")
    assert said(lambda: read_entries([line], indexes=[0])) == wanted


def test_of_proofs() -> None:
    def included(index: int, size: int, proof: list[bytes]) -> Callable[[], None]:
        return lambda: verify_inclusion(b"a", index=index, size=size, proof=proof, root=EMPTY_ROOT)

    def continued(old: int, new: int, proof: list[bytes], root: bytes = EMPTY_ROOT) -> Callable[[], None]:
        return lambda: verify_consistency(old=old, new=new, old_root=root, new_root=bytes(32), proof=proof)

    outside = says(IntegrityError, "inclusion proof names an entry outside the tree")
    for index, size in ((1, 1), (-1, 1), (0, 0)):
        assert said(included(index, size, [])) == outside
    assert said(included(0, 1, [b""])) == says(IntegrityError, "inclusion proof is too long")
    assert said(included(0, 2, [b""])) == says(IntegrityError, "inclusion proof does not lead to the root")
    for old, new in ((3, 2), (-1, 2)):
        assert said(continued(old, new, [])) == says(IntegrityError, "the log became shorter")
    astray = says(IntegrityError, "consistency proof does not lead to the roots")
    for act in (
        continued(0, 2, [b""]),
        continued(0, 2, [], root=bytes(32)),
        continued(2, 2, []),
        continued(3, 4, []),
        continued(2, 4, [b""]),
        continued(1, 2, [b"", b""]),
    ):
        assert said(act) == astray


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda: inclusion_proof(8, 8, lambda level, place: b""), "entry 8 of 8"),
        (lambda: inclusion_proof(-1, 8, lambda level, place: b""), "entry -1 of 8"),
        (lambda: consistency_proof(9, 8, lambda level, place: b""), "size 9 of 8"),
        (lambda: consistency_proof(-1, 8, lambda level, place: b""), "size -1 of 8"),
    ],
)
def test_of_proofs_that_cannot_be(act: Callable[[], object], text: str) -> None:
    with pytest.raises(IndexError) as caught:
        act()
    assert str(caught.value) == text


def test_of_a_tree_that_lacks_a_part() -> None:
    nodes = tile_nodes(lambda level, index: bytes(32 * 5))
    for level, position, first in ((0, 5, 5), (2, 1, 4), (3, 1, 8), (8, 7, 7 * 256)):
        wanted = says(IntegrityError, "part of the tree is missing", f"audit[{first}]")
        assert said(lambda: nodes(level, position)) == wanted  # noqa: B023 - asked at once
    for size, found in ((4, 3), (4, 5), (300, 0)):
        wanted = says(IntegrityError, "part of the tree is missing", f"audit[{size}]")
        tiles = [bytes(32 * found)]
        assert said(lambda: grow([b""], size=size, tiles=lambda level, index: tiles[0])) == wanted  # noqa: B023
    # The last hash of the tile above stands for entries 256 to 511.
    stored = {(0, 1): bytes(32 * 255), (1, 0): b""}
    wanted = says(IntegrityError, "part of the tree is missing", "audit[256]")
    assert said(lambda: grow([bytes(32)], size=511, tiles=lambda level, index: stored[level, index])) == wanted


def test_of_bundles() -> None:
    for bundle in (b"\x00", b"\x00\x02x", b"\x00\x01x\x00", b"\x01"):
        wanted = says(IntegrityError, "is not a bundle of entries", "audit")
        assert said(lambda: read_bundle(bundle)) == wanted  # noqa: B023 - asked at once
    hint = "publish without entries; the hashes are there all the same"
    wanted = says(InputError, "an entry has more than 65,535 bytes", "audit", hint)
    assert said(lambda: write_bundle([bytes(65_536)])) == wanted


def test_of_entries_that_are_missing_or_out_of_place(log: AuditLog) -> None:
    filled(log, 10)
    missing = "entry is missing"
    assert said(lambda: log.entry(10)) == says(IntegrityError, missing, "audit[10]")
    assert said(lambda: log.entries(8, 11)) == says(IntegrityError, missing, "audit[10]")
    log._store.execute("DELETE FROM audit_entries WHERE position = 4")
    assert said(lambda: log.entries(3, 6)) == says(IntegrityError, missing, "audit[4]")
    assert said(lambda: log.entries(4, 5)) == says(IntegrityError, missing, "audit[4]")


@pytest.mark.parametrize(
    ("how", "message", "path"),
    [
        ("UPDATE audit_entries SET entry = x'00' WHERE position = 299", "entry was changed", "audit[299]"),
        ("UPDATE audit_entries SET entry = x'00' WHERE position = 0", "entry was changed", "audit[0]"),
        ("UPDATE audit_tiles SET hashes = zeroblob(64) WHERE level = 1", "part of the tree was changed", "audit[0]"),
        (
            "INSERT INTO audit_entries SELECT -1, entry FROM audit_entries WHERE position = 0",
            "entry is out of place",
            "audit[-1]",
        ),
        ("INSERT INTO audit_tiles VALUES (2, 0, zeroblob(32))", "entry is missing", "audit[600]"),
        (
            "UPDATE audit_tiles SET hashes = CAST(hashes || x'00' AS BLOB) WHERE level = 1",
            "entry is missing",
            "audit[600]",
        ),
        ("DELETE FROM audit_entries", "entry is missing", "audit[0]"),
        ("UPDATE audit_checkpoints SET size = 599", "checkpoint is out of place", "audit[599]"),
    ],
)
def test_of_a_changed_log(log: AuditLog, how: str, message: str, path: str) -> None:
    filled(log, 600)
    note = sign(log)
    if how[7:25] == "FROM audit_entries" and "WHERE" not in how:
        log._store.execute("DELETE FROM audit_checkpoints")
    log._store.execute(how)
    wanted = says(IntegrityError, message, path)
    assert said(lambda: log.verify(public_key=PUBLIC)) == wanted
    assert note.startswith("cartveil/shop\n600\n")


def test_of_a_log_and_its_checkpoints(log: AuditLog, tmp_path: Path) -> None:
    filled(log, 10)
    ten = sign(log)
    other = new_log(tmp_path / "other.db")
    filled(other, 9, actor="nobody")
    short = says(IntegrityError, "log is shorter than its checkpoint of 10 entries", "audit[9]")
    assert said(lambda: other.verify(ten, public_key=PUBLIC)) == short
    filled(other, 2, actor="nobody")
    differs = says(IntegrityError, "differs from its checkpoint of 10 entries", "audit[0:10]")
    assert said(lambda: other.verify(ten, public_key=PUBLIC)) == differs
    apart = log.checkpoint(KEY.sign, public_key=PUBLIC, origin="cartveil/other", time=START)
    sign(log)
    assert said(lambda: log.verify(apart, public_key=PUBLIC)) == says(
        IntegrityError, "checkpoint is of another log", "audit"
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"old x\n\nnote", b"old 01\n\nnote", b"\xff\n\nnote", b"old 1\nAB==\n\nnote", b"old 1\nA?==\n\nnote"],
)
def test_of_what_is_no_submission(body: bytes) -> None:
    wanted = says(IntegrityError, "is not a checkpoint with its proof", "checkpoint")
    assert said(lambda: parse_submission(body)) == wanted


def test_of_files_of_notes(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    hint = "remove what stands behind the last whole checkpoint, if a full disk cut it off"
    torn = says(IntegrityError, "is not a file of whole checkpoints", path, hint)
    for content in (b"x", b"\n" + NOTE.encode(), NOTE.encode() + b"\nx"):
        path.write_bytes(content)
        assert said(lambda: read_notes(path)) == torn
    for content in (b"x", NOTE.encode() + b"\nx", b"\n"):
        path.write_bytes(content)
        assert said(lambda: last_note(path)) == torn
    path.write_bytes(b"\xff")
    assert said(lambda: read_notes(path)) == torn
    for act in (read_notes, last_note):
        assert said(lambda: act(tmp_path)) == says(ReadError, "is a directory", tmp_path)  # noqa: B023 - asked at once
    taken = says(StorageError, "is a directory", tmp_path)
    assert said(lambda: keep_note(tmp_path, NOTE, public_key=PUBLIC, prove=log.prove_consistency)) == taken


def test_of_errors_without_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*words: object, **more: object) -> None:
        raise OSError

    path = tmp_path / "notes"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", fail)
        assert said(lambda: read_notes(path)) == says(ReadError, "cannot be read", path)
    with monkeypatch.context() as patched:
        patched.setattr(notes_module.os, "open", fail)
        assert said(lambda: keep_note(path, NOTE, public_key=PUBLIC, prove=lambda *_: [])) == says(
            StorageError, "cannot be written", path
        )
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        file = tmp_path / "tile/0/000.p/7"
        assert said(lambda: published_tiles(tmp_path, 7)(0, 0)) == says(ReadError, "cannot be read", file)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", fail)
        log = new_log(tmp_path / "log.db")
        assert said(lambda: publish(log, sign(log), tmp_path / "new", public_key=PUBLIC)) == says(
            StorageError, "cannot be made", tmp_path / "new"
        )


def test_of_a_checkpoint_that_does_not_continue_the_last() -> None:
    last = parse_checkpoint(NOTE)
    kept = "keep both checkpoints: together they show that the log was changed"
    for changes, wanted in (
        (
            {"origin": "cartveil/other"},
            says(IntegrityError, "holds checkpoints of another log", "checkpoint", "choose another file"),
        ),
        (
            {"size": 6},
            says(IntegrityError, "log of 6 entries is shorter than the 7 entries that it was", "checkpoint", kept),
        ),
        ({"size": 9}, says(IntegrityError, "log does not continue the 7 entries that it was", "checkpoint", kept)),
        (
            {"root": b"x" * 32},
            says(IntegrityError, "log does not continue the 7 entries that it was", "checkpoint", kept),
        ),
    ):
        promise = replace(last, **changes)
        assert said(lambda: check_continues(promise, last, [])) == wanted  # noqa: B023 - asked at once
    check_continues(last, last, [])


def test_of_a_folder_that_holds_another_log(log: AuditLog, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    filled(log, 10)
    early = sign(log)
    filled(log, 2)
    publish(log, sign(log), folder, public_key=PUBLIC)
    other = sign(log, origin="cartveil/other")
    another = says(IntegrityError, "holds another log", folder, "choose another folder")
    assert said(lambda: publish(log, other, folder, public_key=PUBLIC)) == another
    shorter = says(IntegrityError, "log is shorter than the 12 entries published", folder)
    assert said(lambda: publish(log, early, folder, public_key=PUBLIC)) == shorter


def test_of_a_folder_without_a_published_log(tmp_path: Path) -> None:
    hint = "name a folder that `cartveil publish` wrote"
    wanted = says(ReadError, "no published log", tmp_path, hint)
    assert said(lambda: published_checkpoint(tmp_path)) == wanted
    (tmp_path / "checkpoint").write_bytes(b"\xff")
    assert said(lambda: verify_published(tmp_path, public_key=PUBLIC)) == wanted


@pytest.mark.parametrize("entries", [False, True])
def test_of_a_published_log_that_was_changed(log: AuditLog, tmp_path: Path, entries: bool) -> None:
    filled(log, 600)
    publish(log, sign(log), tmp_path, public_key=PUBLIC, entries=entries)

    def found(name: str, content: bytes | None) -> Said:
        path = tmp_path / name
        whole = path.read_bytes()
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        told = said(lambda: verify_published(tmp_path, public_key=PUBLIC))
        path.write_bytes(whole)
        return told

    for name, content in (("tile/0/001", None), ("tile/1/000.p/2", bytes(32)), ("tile/0/002.p/88", bytes(89 * 32))):
        assert found(name, content) == says(IntegrityError, "tile is missing", tmp_path / name)
    forged = (tmp_path / "tile/0/001").read_bytes()[:-1] + b"x"
    above = says(IntegrityError, "tile was changed", tmp_path / "tile/1/000.p/2")
    beside = says(IntegrityError, "entries were changed", tmp_path / "tile/entries/001")
    assert found("tile/0/001", forged) == (beside if entries else above)
    astray = says(IntegrityError, "tiles do not lead to the checkpoint", tmp_path)
    assert found("tile/1/000.p/2", bytes(64)) == astray
    for name in ("tile/entries/001", "tile/entries/002.p/88") if entries else ():
        assert found(name, b"") == says(IntegrityError, "entries were changed", tmp_path / name)
    (tmp_path / "tile/0/001").unlink()
    (tmp_path / "tile/0/001").mkdir()
    assert said(lambda: verify_published(tmp_path, public_key=PUBLIC)) == says(
        ReadError, "is a directory", tmp_path / "tile/0/001"
    )


def test_of_a_folder_that_a_file_stands_in_the_way_of(log: AuditLog, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "tile").write_text("")
    filled(log, 1)
    for folder, named, reason in (
        (tmp_path / "file" / "public", tmp_path / "file" / "public" / "tile" / "0" / "000.p", "not a directory"),
        (tmp_path, tmp_path / "tile" / "0" / "000.p", "not a directory"),
    ):
        wanted = says(StorageError, reason, named)
        assert said(lambda: publish(log, sign(log), folder, public_key=PUBLIC)) == wanted  # noqa: B023 - asked at once
