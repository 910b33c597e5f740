"""What lies beside a keyring or in its place: what a killed writer left is removed, an older copy is not built upon."""

import json
from pathlib import Path

import pytest

from cartveil.errors import IntegrityError, KeyringError, StorageError
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.keys import document as module
from cartveil.guard.keys.document import only_writer
from saying import said, says


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "k"


@pytest.fixture
def keyring(path: Path) -> Keyring:
    return Keyring.create(path, "correct horse", tenant="shop", profile=ScryptProfile("test", cost=2))


def test_what_a_killed_writer_left_is_removed_by_the_next(keyring: Keyring, path: Path) -> None:
    stray, other = path.with_name(f".k.{'0a' * 8}"), path.with_name(".k.notes")
    stray.write_text("half")
    other.write_text("kept")
    keyring.rotate()
    assert (stray.exists(), other.read_text()) == (False, "kept")


def test_a_stray_that_somebody_else_removed_first_is_no_hindrance(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "strays_of", lambda _: [path.with_name("gone")])
    with only_writer(path):
        pass


def test_a_stray_that_stays_is_named(path: Path, tmp_path: Path) -> None:
    stray = tmp_path / f".k.{'0a' * 8}"
    stray.mkdir()

    def enter() -> None:
        with only_writer(path):
            raise AssertionError

    assert said(enter) == says(StorageError, "cannot be removed: Is a directory", stray)


def test_an_older_copy_in_its_place_is_not_built_upon(keyring: Keyring, path: Path) -> None:
    older = path.read_bytes()
    keyring.rotate()
    path.write_bytes(older)
    hint = "put the newest copy of the keyring in its place"
    wanted = says(KeyringError, "is older than when it was opened", path, hint)
    assert said(keyring.rotate) == wanted
    assert said(keyring.refresh) == wanted


def test_a_copy_without_its_mark_is_not_built_upon(keyring: Keyring, path: Path) -> None:
    body = json.loads(path.read_bytes())
    body["mark"] = "0" * 64
    path.write_text(json.dumps(body))
    hint = "restore it from a backup"
    wanted = says(IntegrityError, "was changed since it was written", path, hint)
    assert said(keyring.rotate) == wanted
