"""Erasure: what is gone, who is told, what the receipt says."""

from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.errors import ErasedError, RefusedError, UnknownSubjectError
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault, verify_receipt
from shop import ADMIN, ANNA, BOTH_STORES, CUSTOMERS, OFFICER, ONE, ORDERS, SCIENCE, Clock, opened


@BOTH_STORES
def test_receipt_counts_what_went(vault: Vault, keyring: Keyring) -> None:
    receipt = vault.erase(OFFICER, "101")
    assert receipt["deleted"] == {"customers": 1, "orders": 6, "products": 0}
    assert receipt["tenant"] == "shop"
    assert "101" not in receipt["subject"]
    said = verify_receipt(receipt, public_key=keyring.public_key)
    assert said["deleted"] == receipt["deleted"]


@BOTH_STORES
def test_others_stay(vault: Vault) -> None:
    vault.erase(OFFICER, "101")
    assert vault.read(ANNA, "orders", "102", purpose="support").rows.num_rows == 6
    assert vault.verify()["consumers"] == 3


def test_consumers_may_erase_themselves_and_nobody_else(vault: Vault) -> None:
    with pytest.raises(RefusedError):
        vault.erase(ONE, "102")
    with pytest.raises(RefusedError):
        vault.erase(ANNA, "101")
    assert vault.erase(ONE, "101")["deleted"]["orders"] == 6


def test_unknown_consumers_cannot_be_erased(vault: Vault) -> None:
    with pytest.raises(UnknownSubjectError):
        vault.erase(OFFICER, "999")
    assert vault.audit_events(OFFICER)["decision"].to_pylist()[-2:] == ["deny", "allow"]


@BOTH_STORES
def test_erasing_again_returns_the_same_receipt(vault: Vault, clock: Clock) -> None:
    receipt = vault.erase(OFFICER, "101")
    clock.at(20)
    assert vault.erase(OFFICER, "101") == receipt


@BOTH_STORES
def test_everyone_who_learned_is_told_the_pseudonyms(vault: Vault) -> None:
    events = vault.export(SCIENCE, purpose="recommendation", recipient="models", period="2026").events
    vault.export(SCIENCE, purpose="forecast", recipient="models")
    told: list[dict[str, str]] = []

    def forget(pseudonyms: dict[str, str]) -> dict[str, int]:
        told.append(dict(pseudonyms))
        return {"sequences": len(events) - len(events.without(pseudonyms.values()))}

    receipt = vault.erase(OFFICER, "101", forget=[forget])
    assert list(told[0]) == ["recommendation/models/2026"]
    assert receipt["forgotten"] == [{"sequences": 6}]
    assert receipt["releases"] == 1


def test_no_byte_of_key_or_name_is_left(vault: Vault) -> None:
    # Kept columns lie in the clear: they show what a deleted page would still tell.
    item = "very special tea for 101"
    rows = ORDERS.slice(0, 6).set_column(2, "item", pa.array([item] * 6))
    vault.put(ADMIN, "orders", rows)
    connection = vault._room.store.connection
    wrapped, sealed = connection.execute("SELECT data_key, subject FROM consumers WHERE id = 1").fetchone()
    (phone,) = connection.execute("SELECT c2 FROM records_1 WHERE consumer = 1").fetchone()
    needles = (wrapped, sealed, phone, item.encode())
    assert all(needle in all_bytes(vault) for needle in needles)
    vault.erase(OFFICER, "101")
    assert not any(needle in all_bytes(vault) for needle in needles)
    vault.close()
    assert not any(needle in all_bytes(vault) for needle in needles)


@BOTH_STORES
def test_an_erased_number_is_never_given_again(vault: Vault) -> None:
    vault.put(ADMIN, "customers", CUSTOMERS.slice(3, 1).set_column(0, "customer", pa.array([105])))
    vault.erase(OFFICER, "105")
    vault.put(ADMIN, "customers", CUSTOMERS.slice(3, 1).set_column(0, "customer", pa.array([106])))
    numbers = [number for (number,) in vault._room.store.connection.execute("SELECT id FROM consumers")]
    assert sorted(numbers) == [1, 2, 3, 4, 6]


@BOTH_STORES
def test_erasure_outlives_reopening(vault: Vault, place: Path | str, keyring: Keyring) -> None:
    receipt = vault.erase(OFFICER, "101")
    vault.close()
    with opened(place, keyring) as again:
        with pytest.raises(ErasedError):
            again.read(Principal("101", "consumer"), "customers", "101", purpose="self_service")
        assert again.erase(OFFICER, "101") == receipt


def all_bytes(vault: Vault) -> bytes:
    return b"".join(file.read_bytes() for file in Path(vault.path).parent.glob("shop.vault*"))


def test_no_release_hides_another_by_its_slashes(vault: Vault) -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient="lab/a", period="b")
    vault.export(SCIENCE, purpose="recommendation", recipient="lab", period="a/b")
    assert len(set(vault.pseudonyms("101").values())) == 2
    assert vault.erase(OFFICER, "101")["releases"] == 2
