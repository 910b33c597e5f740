"""An erasure that is killed at any point is completed by erasing again, and nothing of the consumer comes back."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cartveil.errors import ErasedError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault, erasing, verify_receipt
from shop import ANNA, OFFICER, POLICY, SCIENCE, Clock

STEPS = ("_begin", "_delete_rows", "_delete", "release_pseudonyms", "_receipt", "sign_log")


def erase_and_die(path: Path, keyring: Keyring, *, step: str, after: bool) -> None:
    """Erase in a process of its own that dies, without any clean-up, before or after one step."""
    original: Callable[..., object] = getattr(erasing, step)

    def dying(*arguments: object) -> object:
        if after:
            original(*arguments)
        os._exit(9)

    setattr(erasing, step, dying)
    with Vault.open(path, keyring, clock=Clock(), policy=POLICY) as vault:
        vault.erase(OFFICER, "101", forget=[lambda names: {"told": len(names)}])
    os._exit(0)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_is_completed_by_erasing_again(
    vault: Vault, keyring: Keyring, step: str, *, after: bool
) -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient="models")
    wrapped = vault._room.store.connection.execute("SELECT data_key FROM consumers WHERE id = 1").fetchone()[0]
    vault.close()
    child = multiprocessing.get_context("fork").Process(
        target=erase_and_die, args=(vault.path, keyring), kwargs={"step": step, "after": after}
    )
    child.start()
    child.join()
    assert child.exitcode == 9
    with Vault.open(vault.path, keyring, clock=Clock(), policy=POLICY) as again:
        told: list[dict[str, str]] = []
        receipt = again.erase(OFFICER, "101", forget=[lambda names: told.append(dict(names)) or {"told": 1}])
        assert told == [again.pseudonyms("101")]
        assert receipt["deleted"] == {"customers": 1, "orders": 6, "products": 0}
        verify_receipt(receipt, public_key=keyring.public_key)
        assert again.erase(OFFICER, "101") == receipt
        with pytest.raises(ErasedError):
            again.read(ANNA, "customers", "101", purpose="support")
        again.verify()
        files = list(vault.path.parent.glob("shop.vault*"))
        assert not any(wrapped in file.read_bytes() for file in files)
