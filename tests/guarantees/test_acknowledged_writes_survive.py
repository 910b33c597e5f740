"""What was acknowledged is there after a kill of the program or the server and after a power cut; the log verifies.

`python -m bench.durability` does the same two hundred times and keeps the figures.
"""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.crashes import (
    Call,
    Said,
    after_power_cut,
    kill_while_writing,
    laid_out,
    lost,
    make,
    now,
    opened,
    orders,
    record,
    said_in,
)

from cartveil.errors import CartveilError, StorageError
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault
from database import Server, serve
from nightly import NIGHTLY
from shop import BOTH_STORES

KILLS, CUTS, SERVER_KILLS = (200, 500, 20) if NIGHTLY else (8, 25, 1)
ADMIN = Principal("ops", "admin")


@BOTH_STORES
def test_a_killed_writer_takes_nothing_along_that_it_acknowledged(place: Path | str, tmp_path: Path) -> None:
    keyring, said, dice = make(str(place), tmp_path), Said(), random.Random(7)
    for _ in range(KILLS):
        kill_while_writing(str(place), keyring, said, seconds=dice.random() * 0.3)
        with opened(str(place), keyring) as vault:
            assert lost(vault, said) == 0
    with opened(str(place), keyring) as vault:
        vault.verify()
    assert said.acts > KILLS // 2


@pytest.fixture(scope="module")
def doomed() -> Iterator[Server]:
    """A server of its own: it is killed."""
    yield from serve()


def test_a_killed_server_takes_nothing_along_that_it_acknowledged(doomed: Server, tmp_path: Path) -> None:
    address, said = doomed.address("shop"), Said()
    keyring = make(address, tmp_path)
    for turn in range(SERVER_KILLS):
        with opened(address, keyring) as vault:
            for number in range(turn * 10 + 1, turn * 10 + 6):
                vault.put(ADMIN, "orders", orders(number))
                said.hear(b"put %d\n" % number)
            doomed.kill()
            with pytest.raises(StorageError):
                vault.put(ADMIN, "orders", orders(number + 1))
        doomed.start()
        with opened(address, keyring) as vault:
            assert lost(vault, said) == 0
            vault.verify()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Keyring, dict[str, bytes], list[Call], Path]:
    """What a writer wrote and flushed, call by call, and the files as they were before."""
    if shutil.which("strace") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no strace: .ci/run installs it")
        pytest.skip("strace is not installed: apt-get install strace")
    folder = tmp_path_factory.mktemp("power")
    keyring = make(str(folder / "vault.db"), folder)
    before = {file.name: file.read_bytes() for file in folder.glob("vault.db*")}
    return keyring, before, record(folder, "vault.db", count=12), folder


def survived(keyring: Keyring, files: dict[str, bytes], calls: list[Call], folder: Path) -> bool:
    """Return whether a disk holds a sound vault with everything that was acknowledged."""
    place = laid_out(files, "vault.db", folder)
    try:
        with Vault.open(place, keyring, clock=now, witness=folder) as vault:
            vault.verify()
            return lost(vault, said_in(calls)) == 0
    except CartveilError:
        return False


def test_a_power_cut_takes_nothing_along_that_was_acknowledged(
    recorded: tuple[Keyring, dict[str, bytes], list[Call], Path],
) -> None:
    keyring, before, calls, folder = recorded
    assert len(said_in(calls).put) == 12
    dice = random.Random(8)
    for _ in range(CUTS):
        done = calls[: dice.randrange(len(calls) + 1)]
        assert survived(keyring, after_power_cut(before, done, dice), done, folder / "after")


def test_without_flushes_the_same_power_cuts_do_take_something(
    recorded: tuple[Keyring, dict[str, bytes], list[Call], Path],
) -> None:
    keyring, before, calls, folder = recorded
    calls = [call for call in calls if not (call.what == "flush" and call.file.endswith("-wal"))]
    dice = random.Random(8)
    cuts = [calls[: dice.randrange(len(calls) // 2, len(calls) + 1)] for _ in range(10)]
    kept = [survived(keyring, after_power_cut(before, done, dice), done, folder / "after") for done in cuts]
    assert not all(kept)


def test_a_torn_end_of_the_wal_loses_only_what_nobody_was_told(tmp_path: Path) -> None:
    keyring = make(str(tmp_path / "vault.db"), tmp_path)
    wal, marks = tmp_path / "vault.db-wal", [0]
    with opened(str(tmp_path / "vault.db"), keyring) as vault:
        for number in range(1, 7):
            vault.put(ADMIN, "orders", orders(number))
            marks.append(wal.stat().st_size)
        files = {name: (tmp_path / name).read_bytes() for name in ("vault.db", "vault.db-wal")}
    dice = random.Random(9)
    for told in range(1, len(marks) - 1):
        torn = dice.randrange(marks[told], marks[told + 1])
        tail = bytes(dice.randrange(256) for _ in range(dice.randrange(600)))
        cut = {**files, "vault.db-wal": files["vault.db-wal"][:torn] + tail}
        calls = [Call("said", "", b"put %d\n" % number) for number in range(1, told + 1)]
        assert survived(keyring, cut, calls, tmp_path / "after")
