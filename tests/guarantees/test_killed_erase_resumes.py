"""An erasure that is killed at any point is completed by erasing again, and nothing of the consumer comes back."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cartveil.errors import ErasedError
from cartveil.guard.keys import Keyring
from cartveil.guard.store import PostgreSQLStore, SQLiteStore
from cartveil.guard.vault import Vault, verify_receipt
from cartveil.guard.vault.rights import erasing
from shop import ANNA, BOTH_STORES, OFFICER, POLICY, SCIENCE, Clock, opened

STEPS = ("_start", "_witness", "_delete_rows", "_delete", "_tell", "erase_traces", "sign_log", "_receipt")


def die_at(step: str, *, after: bool) -> None:
    """Let this process die, without any clean-up, before or after one step."""
    homes = (SQLiteStore, PostgreSQLStore) if step == "erase_traces" else (erasing,)
    for home in homes:
        setattr(home, step, dying(getattr(home, step), after=after))


def dying(original: Callable[..., object], *, after: bool) -> Callable[..., object]:
    def die(*arguments: object, **more: object) -> object:
        if after:
            original(*arguments, **more)
        os._exit(9)

    return die


def erase_and_die(place: Path | str, keyring: Keyring, *, step: str, after: bool) -> None:
    """Erase in a process of its own that dies."""
    with opened(place, keyring) as vault:
        die_at(step, after=after)
        vault.erase(OFFICER, "101", forget=[lambda names: {"told": len(names)}])
    os._exit(0)


def erase_many_and_die(path: Path, keyring: Keyring, *, step: str, after: bool) -> None:
    """Erase two consumers, a transaction for each, in a process of its own that dies at the second."""
    with Vault.open(path, keyring, clock=Clock(), policy=POLICY) as vault:
        erasing.GROUP = 1
        calls = iter([False, True])
        original = getattr(erasing, step)

        def dying(*arguments: object) -> object:
            last = next(calls)
            if last and not after:
                os._exit(9)
            done = original(*arguments)
            if last:
                os._exit(9)
            return done

        setattr(erasing, step, dying)
        vault.erase_many(OFFICER, ["101", "102"])
    os._exit(0)


def run_until_it_dies(target: Callable[..., None], *arguments: object, **more: object) -> None:
    child = multiprocessing.get_context("fork").Process(target=target, args=arguments, kwargs=more)
    child.start()
    child.join()
    assert child.exitcode == 9


@BOTH_STORES
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_is_completed_by_erasing_again(
    vault: Vault, place: Path | str, keyring: Keyring, step: str, *, after: bool
) -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient="models")
    wrapped = vault._room.store.connection.execute("SELECT data_key FROM consumers WHERE id = 1").fetchone()[0]
    vault.close()
    run_until_it_dies(erase_and_die, place, keyring, step=step, after=after)
    with opened(place, keyring) as again:
        told: list[dict[str, str]] = []
        receipt = again.erase(OFFICER, "101", forget=[lambda names: told.append(dict(names)) or {"told": 1}])
        assert told == [again.pseudonyms("101")]
        assert receipt["deleted"] == {"customers": 1, "orders": 6, "products": 0}
        verify_receipt(receipt, public_key=keyring.public_key)
        assert again.erase(OFFICER, "101") == receipt
        with pytest.raises(ErasedError):
            again.read(ANNA, "customers", "101", purpose="support")
        again.verify()
        files = list(place.parent.glob("shop.vault*")) if isinstance(place, Path) else []
        assert not any(wrapped in file.read_bytes() for file in files)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["_delete_rows", "_delete", "_receipt"])
def test_killed_between_two_of_many_it_is_completed_by_erasing_again(
    vault: Vault, keyring: Keyring, step: str, *, after: bool
) -> None:
    vault.close()
    run_until_it_dies(erase_many_and_die, vault.path, keyring, step=step, after=after)
    with Vault.open(vault.path, keyring, clock=Clock(), policy=POLICY) as again:
        receipts = again.erase_many(OFFICER, ["102", "101"])
        assert [receipt["deleted"]["orders"] for receipt in receipts] == [6, 6]
        assert again.erase(OFFICER, "101") == receipts[1]
        assert again.verify()["consumers"] == 2
