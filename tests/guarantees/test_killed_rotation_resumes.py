"""A rotation that is killed at any point is completed by rotating again; until then and after everyone can be read."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.vault import Vault
from cartveil.guard.vault.upkeep import rotating
from shop import ADMIN, ANNA, POLICY, Clock

#: Where it dies: a function of `rotating`, or a method of the keyring.
STEPS = ("_begin", "write_versions", "rotate", "_rewrap", "_update", "sign_log", "destroy")


def die_at(step: str, *, after: bool, times: int) -> None:
    """Let this process die, without any clean-up, before or after a call of one step."""
    home = Keyring if step in ("rotate", "destroy") else rotating
    original: Callable[..., object] = getattr(home, step)
    calls = iter(range(times, 0, -1))

    def dying(*arguments: object, **more: object) -> object:
        left = next(calls)
        if left == 1 and not after:
            os._exit(9)
        done = original(*arguments, **more)
        if left == 1:
            os._exit(9)
        return done

    setattr(home, step, dying)


def rotate_and_die(path: Path, keyring: Path, *, step: str, after: bool, times: int) -> None:
    """Rotate in a process of its own that dies."""
    with Vault.open(path, Keyring.open(keyring, "correct horse"), clock=Clock(), policy=POLICY) as vault:
        die_at(step, after=after, times=times)
        rotating.CHUNK = 1
        vault.rotate_keys(ADMIN, destroy_old=True)
    os._exit(0)


def run_until_it_dies(path: Path, keyring: Path, **more: object) -> int | None:
    child = multiprocessing.get_context("fork").Process(target=rotate_and_die, args=(path, keyring), kwargs=more)
    child.start()
    child.join()
    return child.exitcode


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_is_completed_by_rotating_again(
    vault: Vault, keyring: Keyring, step: str, *, after: bool, times: int
) -> None:
    vault.close()
    code = run_until_it_dies(vault.path, keyring.path, step=step, after=after, times=times)
    if code == 0:
        assert times > 1, "the step is never reached"
        return
    assert code == 9
    # The keyring that was open since before, and one that is opened now.
    for held in (keyring, Keyring.open(keyring.path, "correct horse")):
        with Vault.open(vault.path, held, clock=Clock(), policy=POLICY) as again:
            assert again.read(ANNA, "orders", "103", purpose="support").rows.num_rows == 6
            assert again.verify()["consumers"] == 4
    with Vault.open(vault.path, keyring, clock=Clock(), policy=POLICY) as again:
        done = again.rotate_keys(ADMIN, destroy_old=True)
        assert done.version in (2, 3)
        wraps = [bytes(wrapped) for (wrapped,) in again._room.store.execute("SELECT data_key FROM consumers")]
        assert {int.from_bytes(wrapped[:4]) for wrapped in wraps} == {done.version}
        assert again.verify()["consumers"] == 4
    states = [key.state for key in Keyring.open(keyring.path, "correct horse").key_ids() if "wrapping" in key.name]
    assert states == ["destroyed"] * (done.version - 1) + ["active"]


#: What each program does until it is killed or told to end.
ROTATOR = """
import sys
from pathlib import Path
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault
from cartveil.guard.vault.upkeep import rotating
from shop import ADMIN, ANNA, POLICY, Clock
folder = Path(sys.argv[1])
vault = Vault.open(folder / "v", Keyring.open(folder / "k", "correct horse"), clock=Clock(), policy=POLICY)
"""

ROTATES = (
    ROTATOR
    + """
rotating.CHUNK = 50
vault.rotate_keys(ADMIN, destroy_old=True, on_progress=lambda done, total: print(done, flush=True))
"""
)

READS = (
    ROTATOR
    + """
print("ready", flush=True)
count = 0
while not (folder / "end").exists():
    count += 1
    vault.read(ANNA, "people", f"c{count * 7 % 2000}", purpose="support")
print(count)
"""
)

PEOPLE = parse_schema(
    """
    name = "shop"
    [tables.people.columns]
    person = { kind = "user_id", role = "subject" }
    segment = "category"
    """
)


def program(code: str, folder: Path) -> "subprocess.Popen[str]":
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})\n{code}", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_no_read_fails_while_rotations_are_killed_and_resumed(tmp_path: Path) -> None:
    quick = ScryptProfile("test", cost=2)
    keyring = Keyring.create(tmp_path / "k", "correct horse", tenant="shop", profile=quick)
    people = pa.table({"person": [f"c{number}" for number in range(2000)], "segment": ["a"] * 2000})
    with Vault.create(tmp_path / "v", keyring, PEOPLE, clock=Clock(), policy=POLICY, survive_power_loss=False) as vault:
        vault.put(ADMIN, "people", people)
    readers = [program(READS, tmp_path) for _ in range(2)]
    assert [reader.stdout.readline() for reader in readers] == ["ready\n"] * 2
    for stop in (300, 900, 1500):
        rotator = program(ROTATES, tmp_path)
        for line in rotator.stdout:
            if int(line) >= stop - 300:
                os.kill(rotator.pid, signal.SIGKILL)
                break
        rotator.communicate()
        assert rotator.returncode == -signal.SIGKILL
    with Vault.open(tmp_path / "v", keyring, clock=Clock(), policy=POLICY) as vault:
        assert vault.rotate_keys(ADMIN, destroy_old=True).destroyed == ("wrapping-1",)
    time.sleep(0.1)  # also read when it is all over
    (tmp_path / "end").touch()
    outcomes = [reader.communicate(timeout=60) for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0], outcomes
    assert all(int(out) > 10 for out, _ in outcomes)
