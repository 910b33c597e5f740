"""Fifty programs that spend one budget at once never spend more than there is, and a killed one has spent its part."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest

from cartveil.errors import IntegrityError, RefusedError, StorageError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault
from cartveil.guard.vault.rights import budgets
from cartveil.guard.vault.witness import Witness
from nightly import NIGHTLY
from shop import ADMIN, BOTH_STORES, OFFICER, SCIENCE, opened

PROGRAMS, GRANTED, EACH = 50, 20.0, 0.7
FITTING = int(GRANTED / EACH)
TURNS = 50 if NIGHTLY else 6
FORK = multiprocessing.get_context("fork")


def granted(vault: Vault) -> None:
    vault.grant_budget(OFFICER, "orders", purpose="recommendation", epsilon=GRANTED, delta=1e-4)


def spend(vault: Vault, *, epsilon: float = EACH, patience: int = 20) -> str | None:
    """Reserve one part; a program that waited in vain for the others tries again."""
    for _ in range(patience):
        try:
            line = vault.reserve_budget(SCIENCE, "orders", purpose="recommendation", epsilon=epsilon, delta=1e-9)
        except RefusedError:
            return None
        except StorageError:
            continue
        return line.id
    raise StorageError("others never let go")


def start(place: Path | str, keyring: Keyring, act: Callable[[Vault], None]) -> ForkProcess:
    def live() -> None:
        with opened(place, keyring) as vault:
            act(vault)

    program = FORK.Process(target=live)
    program.start()
    return program


def spent(vault: Vault) -> tuple[int, int]:
    """Return how many parts are reserved, and how many the log says were."""
    (budget,) = vault.budgets(OFFICER)
    assert 0 <= budget.epsilon_left <= GRANTED
    log = vault.audit_events(OFFICER).to_pylist()
    said = [line for line in log if line["action"] == "spend_budget" and line["decision"] == "allow"]
    return budget.reserved, len(said)


@BOTH_STORES
def test_fifty_programs_spend_what_there_is_and_not_a_part_more(
    vault: Vault, place: Path | str, keyring: Keyring, tmp_path: Path
) -> None:
    granted(vault)

    def act(own: Vault) -> None:
        name = spend(own)
        (tmp_path / f"said-{os.getpid()}").write_text(name or "refused")

    programs = [start(place, keyring, act) for _ in range(PROGRAMS)]
    for program in programs:
        program.join(120)
    assert [program.exitcode for program in programs] == [0] * PROGRAMS
    answers = [file.read_text() for file in tmp_path.glob("said-*")]
    names = [answer for answer in answers if answer != "refused"]
    assert (len(answers), len(names), len(set(names))) == (PROGRAMS, FITTING, FITTING)
    assert spent(vault) == (FITTING, FITTING)
    vault.verify()


@BOTH_STORES
def test_whoever_is_killed_in_between_has_spent_what_it_was_told(
    vault: Vault, place: Path | str, keyring: Keyring, tmp_path: Path
) -> None:
    granted(vault)
    told = tmp_path / "told"
    told.touch()

    def act(own: Vault) -> None:
        with told.open("ab", buffering=0) as file:
            while (name := spend(own, epsilon=1e-3)) is not None:
                file.write(name.encode() + b"\n")

    for turn in range(1, TURNS + 1):
        before = told.stat().st_size
        programs = [start(place, keyring, act) for _ in range(2)]
        waited = time.monotonic() + 20
        while told.stat().st_size == before and time.monotonic() < waited:
            time.sleep(0.001 * turn)
        for program in programs:
            os.kill(program.pid or 0, signal.SIGKILL)
            program.join()
            assert program.exitcode == -signal.SIGKILL
        reserved, said = spent(vault)
        # Who was killed between the commit and the answer has spent without knowing: two programs, once a turn.
        acknowledged = len(told.read_bytes().split())
        assert turn <= acknowledged <= reserved == said <= acknowledged + 2 * turn
    vault.verify()


@BOTH_STORES
@pytest.mark.parametrize(("step", "parts"), [("before the commit", 0), ("after the commit", 1)])
def test_killed_at_the_commit_it_is_spent_whole_or_not_at_all(
    vault: Vault, place: Path | str, keyring: Keyring, step: str, parts: int
) -> None:
    granted(vault)

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def train(own: Vault) -> None:
        if parts:
            Witness.keep = die  # type: ignore[method-assign]
        else:
            budgets.sign_log = die  # type: ignore[assignment]
        spend(own)

    program = start(place, keyring, train)
    program.join(60)
    assert program.exitcode == -signal.SIGKILL, step
    with opened(place, keyring) as again:
        assert spent(again) == (parts, parts)
        (budget,) = again.budgets(OFFICER)
        assert budget.epsilon_left == GRANTED - parts * EACH
        again.verify()


def test_an_old_file_in_place_of_the_new_one_brings_no_budget_back(
    vault: Vault, path: Path, keyring: Keyring, tmp_path: Path
) -> None:
    granted(vault)
    vault.backup(ADMIN, tmp_path / "old")
    spend(vault)
    vault.close()
    for file in tmp_path.glob(f"{path.name}*"):
        file.unlink()
    (tmp_path / "old").rename(path)
    with pytest.raises(IntegrityError, match=r"older|shorter|checkpoint"):
        opened(path, keyring)
