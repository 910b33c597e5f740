"""A shop in the folder one stands in, without and with a vault."""

import shutil
from pathlib import Path

import pytest

from command import PASSPHRASE, filled, write_shop

__all__ = ["filled"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
    return tmp_path


@pytest.fixture
def shop(filled: Path, files: Path) -> Path:
    shutil.copytree(filled / "vault", files / "vault")
    return files
