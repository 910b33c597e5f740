"""Whoever reads an erased consumer's record is told that it was erased, from the first step of the erasure on."""

from collections.abc import Iterator

import pytest

from cartveil.errors import ErasedError, StorageError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Reading, Vault, Wish
from shop import ANNA, BOTH_STORES, CASE, OFFICER, ONE, POLICY, SCIENCE, Clock


@BOTH_STORES
@pytest.mark.parametrize("table", ["customers", "orders"])
def test_reading_and_revealing_say_erased(vault: Vault, table: str) -> None:
    vault.erase(OFFICER, "101")
    field = "name" if table == "customers" else "note"
    with pytest.raises(ErasedError) as caught:
        vault.read(ANNA, table, "101", purpose="support", context=CASE)
    assert "101" not in str(caught.value)
    with pytest.raises(ErasedError):
        vault.reveal(ANNA, table, "101", fields=[field], purpose="support", context=CASE)
    with pytest.raises(ErasedError):
        vault.read(ONE, table, "101", purpose="self_service")


def test_the_question_is_written_down_as_refused(vault: Vault) -> None:
    vault.erase(OFFICER, "101")
    with pytest.raises(ErasedError):
        vault.read(ANNA, "customers", "101", purpose="support")
    entry = vault.audit_events(OFFICER).to_pylist()[-2]
    assert (entry["decision"], entry["rule"], entry["rows"]) == ("deny", "erased", 0)


@BOTH_STORES
def test_an_erasure_that_has_only_begun_says_erased_too(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise StorageError("killed")

    monkeypatch.setattr("cartveil.guard.vault.rights.erasing._delete", killed)
    with pytest.raises(StorageError):
        vault.erase(OFFICER, "101")
    with pytest.raises(ErasedError):
        vault.read(ANNA, "customers", "101", purpose="support")
    export = vault.export(SCIENCE, purpose="recommendation", recipient="models")
    assert export.counts["consumers"] == 1


def test_no_erasure_slips_between_look_up_and_entry(vault: Vault, keyring: Keyring, clock: Clock) -> None:
    refused = []
    with Vault.open(vault.path, keyring, clock=clock, policy=POLICY) as other:
        other._room.store.connection.execute("PRAGMA busy_timeout = 0")

        def late() -> Iterator[Wish]:
            yield Wish(ANNA, "orders", "101", "support")
            # The first wish is looked up by now, and nothing is written yet.
            try:
                other.erase(OFFICER, "101")
            except StorageError as error:
                refused.append(error)
            yield Wish(ANNA, "orders", "102", "support")

        shown = vault.read_many(late())
        other.erase(OFFICER, "101")
    assert [type(each) for each in shown] == [Reading, Reading]
    assert len(refused) == 1
    assert vault.audit_events(OFFICER)["action"].to_pylist()[-4:] == ["read", "read", "erase", "audit"]
