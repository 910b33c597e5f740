"""Requests of consumers: filed, listed by deadline, answered or refused on a ground, each step written down."""

from datetime import timedelta

import pytest

from cartveil.errors import ErasedError, InputError, IntegrityError, RefusedError, UnknownSubjectError
from cartveil.guard.vault import Vault, verify_receipt
from shop import ADMIN, ANNA, BOTH_STORES, OFFICER, ONE, Clock


def test_a_request_has_a_month_and_names_nobody(vault: Vault) -> None:
    filed = vault.file_request(ONE, "101", kind="access")
    assert (filed.state, filed.received[:10], filed.deadline) == ("open", "2026-11-22", "2026-12-22")
    assert "101" not in repr(filed).replace(filed.id, "").replace(filed.subject, "")
    assert vault.requests(OFFICER) == [filed]
    assert vault.requests(ONE) == [filed]


def test_consumers_see_their_own_requests_and_nobody_elses(vault: Vault) -> None:
    vault.file_request(OFFICER, "102", kind="access")
    assert vault.requests(ONE) == []
    with pytest.raises(RefusedError):
        vault.file_request(ONE, "102", kind="erase")
    for actor in (ANNA, ADMIN):
        with pytest.raises(RefusedError):
            vault.requests(actor)


def test_what_is_overdue_is_listed_first(vault: Vault, clock: Clock) -> None:
    late = vault.file_request(OFFICER, "101", kind="access", days=10)
    clock.time += timedelta(days=11)
    vault.file_request(OFFICER, "102", kind="erase")
    assert vault.requests(OFFICER, overdue=True) == [late]
    assert vault.requests(OFFICER)[0] == late
    vault.fulfil(OFFICER, late.id)
    assert vault.requests(OFFICER, overdue=True) == []


def test_a_deadline_is_extended_once_and_for_a_reason(vault: Vault) -> None:
    filed = vault.file_request(OFFICER, "101", kind="access")
    with pytest.raises(InputError):
        vault.extend_request(OFFICER, filed.id, ground="holidays")
    assert vault.extend_request(OFFICER, filed.id, ground="complexity").deadline == "2027-02-20"
    with pytest.raises(InputError, match="extended already"):
        vault.extend_request(OFFICER, filed.id, ground="complexity")


def test_access_is_given_and_closed(vault: Vault) -> None:
    filed = vault.file_request(ONE, "101", kind="access")
    dossier = vault.fulfil(OFFICER, filed.id)
    assert dossier.tables["orders"].num_rows == 6
    (done,) = vault.requests(OFFICER, state="done")
    assert (done.outcome, done.closed[:10]) == ("given", "2026-11-22")
    with pytest.raises(InputError, match="was answered"):
        vault.fulfil(OFFICER, filed.id)


@BOTH_STORES
def test_correction_restriction_and_erasure_are_done(vault: Vault, keyring) -> None:
    asked = {kind: vault.file_request(ONE, "101", kind=kind).id for kind in ("correct", "restrict", "erase")}
    assert vault.fulfil(OFFICER, asked["correct"], table="customers", values={"name": "张三"})["rows"] == 1
    assert vault.fulfil(OFFICER, asked["restrict"], ground="accuracy").ground == "accuracy"
    receipt = vault.fulfil(OFFICER, asked["erase"], forget=[lambda names: {"told": len(names)}])
    assert receipt["forgotten"] == [{"told": 0}]
    verify_receipt(receipt, public_key=keyring.public_key)
    assert {each.state for each in vault.requests(OFFICER)} == {"done"}
    vault.verify()


def test_a_refusal_needs_a_ground_of_the_list(vault: Vault) -> None:
    filed = vault.file_request(ONE, "101", kind="erase")
    with pytest.raises(InputError):
        vault.refuse_request(OFFICER, filed.id, ground="no time")
    assert vault.refuse_request(OFFICER, filed.id, ground="legal_hold").state == "refused"
    with pytest.raises(RefusedError):
        vault.refuse_request(ONE, filed.id, ground="withdrawn")


def test_every_step_is_written_down_without_a_value(vault: Vault) -> None:
    filed = vault.file_request(ONE, "101", kind="erase")
    vault.extend_request(OFFICER, filed.id, ground="complexity")
    vault.refuse_request(OFFICER, filed.id, ground="legal_hold")
    log = vault.audit_events(OFFICER).to_pylist()
    steps = [entry["session"] for entry in log if entry["action"] == "request" and entry["case"] == filed.id]
    assert steps == ["erase/open", "erase/open/complexity", "erase/refused/legal_hold"]
    assert all("101" not in str(entry[name]) for entry in log for name in ("actor", "subject", "session"))


def test_nobody_who_is_not_there_can_ask(vault: Vault) -> None:
    with pytest.raises(UnknownSubjectError):
        vault.file_request(OFFICER, "999", kind="access")
    vault.erase(OFFICER, "101")
    with pytest.raises(ErasedError):
        vault.file_request(OFFICER, "101", kind="access")


def test_a_request_of_one_who_was_erased_can_only_be_refused(vault: Vault) -> None:
    filed = vault.file_request(ONE, "101", kind="access")
    vault.erase(OFFICER, "101")
    with pytest.raises(ErasedError):
        vault.fulfil(OFFICER, filed.id)
    assert vault.refuse_request(OFFICER, filed.id, ground="withdrawn").state == "refused"
    vault.verify()


@pytest.mark.parametrize(
    "query",
    ["UPDATE requests SET deadline = '2030-01-01'", "UPDATE requests SET state = 'done'", "DELETE FROM requests"],
)
def test_a_request_that_was_changed_in_the_file_is_noticed(vault: Vault, query: str) -> None:
    vault.file_request(ONE, "101", kind="erase")
    vault._room.store.connection.execute(query)
    with pytest.raises(IntegrityError):
        vault.verify()
