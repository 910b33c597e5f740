"""What stands beside the rows is what the log says: nothing of it can be removed, added or put back unseen."""

from pathlib import Path

import pytest

from cartveil.errors import IntegrityError, StorageError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault
from cartveil.guard.vault.rights import holds
from cartveil.guard.vault.rights.holds import Hold
from cartveil.guard.vault.rights.requests import ConsumerRequest
from cartveil.guard.vault.room import Room
from shop import BOTH_STORES, OFFICER, SCIENCE, Clock, opened


def release(vault: Vault, recipient: str, period: str = "") -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient=recipient, period=period)


@BOTH_STORES
def test_a_release_that_was_removed_is_missed(vault: Vault) -> None:
    release(vault, "models", "2026")
    release(vault, "models", "2026")
    vault.verify()
    vault._room.store.execute("DELETE FROM releases")
    with pytest.raises(IntegrityError, match="release"):
        vault.verify()


@pytest.mark.parametrize(("column", "value"), [("recipient", "other"), ("period", "2025"), ("purpose", "forecast")])
def test_a_release_that_was_changed_or_made_up_is_noticed(vault: Vault, column: str, value: str) -> None:
    release(vault, "models")
    vault._room.store.execute(f"UPDATE releases SET {column} = ?", (value,))  # noqa: S608 - a name above
    with pytest.raises(IntegrityError, match="release"):
        vault.verify()


def test_a_slash_hides_no_release_behind_another(vault: Vault) -> None:
    release(vault, "a/b", "c")
    release(vault, "a", "b/c")
    vault.verify()
    vault._room.store.execute("DELETE FROM releases WHERE recipient = ?", ("a",))
    with pytest.raises(IntegrityError, match="release"):
        vault.verify()


def test_a_hold_that_two_lift_at_once_is_lifted_once(
    vault: Vault, keyring: Keyring, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = vault.hold(OFFICER, ground="tax", table="orders")
    real, others = holds.all_holds, [opened(path, keyring, clock)]
    others[0]._room.store.execute("PRAGMA busy_timeout = 20")

    def slow(room: Room) -> list[Hold]:
        found = real(room)
        while others:
            with others.pop() as other, pytest.raises(StorageError, match="in use"):
                other.lift_hold(OFFICER, hold.id)
        return found

    monkeypatch.setattr(holds, "all_holds", slow)
    vault.lift_hold(OFFICER, hold.id)
    vault.verify()


@BOTH_STORES
def test_a_request_put_back_to_before_its_extension_is_noticed(vault: Vault) -> None:
    filed = vault.file_request(OFFICER, "101", kind="access")
    (before,) = vault._room.store.execute("SELECT * FROM requests").fetchall()
    vault.extend_request(OFFICER, filed.id, ground="complexity")
    vault.verify()
    vault._room.store.execute("DELETE FROM requests")
    vault._room.store.insert("requests", (*ConsumerRequest.__dataclass_fields__, "mark"), [before])
    with pytest.raises(IntegrityError, match="request"):
        vault.verify()


@pytest.mark.parametrize("receipt", ["{}", "5", "[]", "null"])
def test_a_receipt_that_was_spoilt_is_noticed(vault: Vault, receipt: str) -> None:
    vault.erase(OFFICER, "101")
    vault.verify()
    vault._room.store.execute("UPDATE erasures SET receipt = ?", (receipt,))
    with pytest.raises(IntegrityError):
        vault.verify()
