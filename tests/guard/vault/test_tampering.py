"""Whoever can write the file but has no keyring: what they change opens nothing, and `verify` notices."""

import json

import pytest

from cartveil.errors import IntegrityError
from cartveil.guard.policy import Principal
from cartveil.guard.store import Cell
from cartveil.guard.vault import Vault
from shop import ADMIN, BOTH_STORES, CUSTOMERS, OFFICER, ONE, ORDERS, SCIENCE

TWO = Principal("102", "consumer")


def change(vault: Vault, query: str, *values: object) -> None:
    vault._room.store.execute(query, values)


def exchange_first_two(vault: Vault) -> None:
    """Let the code of 101 lead to 102, and the other way round."""
    first, second = vault._room.lookup("101"), vault._room.lookup("102")
    change(vault, "UPDATE consumers SET lookup = 'away' WHERE lookup = ?", first)
    change(vault, "UPDATE consumers SET lookup = ? WHERE lookup = ?", first, second)
    change(vault, "UPDATE consumers SET lookup = ? WHERE lookup = 'away'", second)


@BOTH_STORES
def test_a_code_that_leads_to_somebody_else_shows_nobody(vault: Vault) -> None:
    exchange_first_two(vault)
    with pytest.raises(IntegrityError, match="exchanged"):
        vault.read(ONE, "customers", "101", purpose="self_service")
    with pytest.raises(IntegrityError, match="exchanged"):
        vault.reveal(ONE, "orders", "101", fields=["item"], purpose="self_service")


@BOTH_STORES
def test_a_code_that_leads_to_somebody_else_erases_and_takes_nobody(vault: Vault) -> None:
    exchange_first_two(vault)
    with pytest.raises(IntegrityError, match="exchanged"):
        vault.erase(OFFICER, "101")
    with pytest.raises(IntegrityError, match="exchanged"):
        vault.put(ADMIN, "orders", ORDERS)
    with pytest.raises(IntegrityError, match="exchanged"):
        vault.verify()
    assert vault.counts()["rows"] == CUSTOMERS.num_rows + ORDERS.num_rows


@BOTH_STORES
def test_consent_written_into_the_file_lets_nobody_leave(vault: Vault) -> None:
    change(vault, "UPDATE records_1 SET c5 = ? WHERE consumer = 2", Cell("recommendation"))
    with pytest.raises(IntegrityError, match="row was changed"):
        vault.export(SCIENCE, purpose="recommendation", recipient="lab")


@BOTH_STORES
@pytest.mark.parametrize("progress", ["{}", "[]", "no JSON", '{"begun": "", "key": "", "deleted": {}, "index": 0}'])
def test_an_erasure_written_into_the_file_gets_no_receipt(vault: Vault, progress: str) -> None:
    lookup = vault._room.lookup("101")
    change(vault, "INSERT INTO erasures VALUES (?, 'deleted', '', ?, NULL)", lookup, progress)
    with pytest.raises(IntegrityError):
        vault.erase(OFFICER, "101")
    with pytest.raises(IntegrityError):
        vault.verify()


@BOTH_STORES
def test_the_receipt_of_another_consumer_is_not_handed_out(vault: Vault) -> None:
    receipt = json.dumps(vault.erase(OFFICER, "101"))
    lookup = vault._room.lookup("102")
    change(vault, "INSERT INTO erasures VALUES (?, 'done', '', '{}', ?)", lookup, receipt)
    with pytest.raises(IntegrityError):
        vault.erase(TWO, "102")


@BOTH_STORES
def test_one_who_was_erased_and_is_back_is_noticed(vault: Vault) -> None:
    vault.erase(OFFICER, "101")
    assert vault.verify()["consumers"] == 3
    change(vault, "DELETE FROM erasures")
    vault.put(ADMIN, "customers", CUSTOMERS.slice(0, 1))
    with pytest.raises(IntegrityError):
        vault.verify()


@BOTH_STORES
@pytest.mark.parametrize("query", ["DELETE FROM records_2 WHERE row = 3", "DELETE FROM records_1 WHERE row = 4"])
def test_a_row_that_was_removed_is_noticed(vault: Vault, query: str) -> None:
    change(vault, query)
    with pytest.raises(IntegrityError, match="rows where the log says"):
        vault.verify()


@BOTH_STORES
def test_erasing_twice_and_an_erasure_under_way_are_no_tampering(vault: Vault) -> None:
    def stop(_: object) -> dict[str, object]:
        raise KeyboardInterrupt

    vault.erase(OFFICER, "101")
    vault.erase(OFFICER, "101")
    with pytest.raises(KeyboardInterrupt):
        vault.erase(OFFICER, "102", forget=[stop])
    assert vault.verify()["consumers"] == 2
    assert vault.erase(OFFICER, "102")["deleted"]["orders"] == 6
    assert vault.verify()["consumers"] == 2
