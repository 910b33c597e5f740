"""A dossier: all that is held about one consumer, machine-readable, and nothing of anybody else."""

import json

import pytest

from cartveil.errors import RefusedError, UnknownSubjectError
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault
from shop import ADMIN, ANNA, BOTH_STORES, CUSTOMERS, MAX, OFFICER, ONE, ORDERS, SCIENCE


@BOTH_STORES
def test_it_holds_every_row_as_it_was_put(vault: Vault) -> None:
    tables = vault.access(ONE, "101").tables
    assert set(tables) == {"customers", "orders"}
    assert tables["customers"].to_pylist() == CUSTOMERS.slice(0, 1).to_pylist()
    assert tables["orders"].to_pylist() == ORDERS.slice(0, 6).to_pylist()


def test_a_program_can_read_it(vault: Vault) -> None:
    document = json.loads(vault.access(OFFICER, "101").to_json())
    assert document["kind"] == "cartveil dossier v1"
    assert document["subject"] == "101"
    assert document["tables"]["customers"][0]["name"] == "张三丰"
    assert document["tables"]["orders"][0]["time"] == "2026-01-01T09:00:00+00:00"
    assert document["columns"]["customers"]["name"] == {"kind": "person_name", "purposes": [], "retention_days": None}


def test_nothing_of_anybody_else_is_in_it(vault: Vault) -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient="models")
    text = vault.access(OFFICER, "101").to_json().decode()
    others = ["Ann Smith", "李雷", "700900123", "13900139000", "A102", "A103", *vault.pseudonyms("102").values()]
    assert not [word for word in others if word in text.replace(" ", "")]


def test_it_says_who_got_what_and_what_stands(vault: Vault) -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient="models", period="2026")
    vault.export(Principal("finn", "fraud_review"), purpose="fraud_review", recipient="bank")
    vault.restrict(OFFICER, "102", ground="objection")
    vault.hold(OFFICER, ground="tax", table="orders")
    filed = vault.file_request(OFFICER, "102", kind="access")
    about = vault.access(OFFICER, "102").about
    assert about["consents"] == ["marketing"]
    assert {each["recipient"]: each["consented_today"] for each in about["releases"]} == {
        "models": False,
        "bank": False,
    }
    assert {each["pseudonym"] for each in about["releases"]} == set(vault.pseudonyms("102").values())
    assert about["restrictions"][0]["ground"] == "objection"
    assert about["holds"] == [{"table": "orders", "ground": "tax", "until": "", "days": 0}]
    assert about["requests"][0]["id"] == filed.id


def test_only_the_consumer_and_an_officer_get_it(vault: Vault) -> None:
    for actor in (ADMIN, ANNA, MAX, SCIENCE):
        with pytest.raises(RefusedError):
            vault.access(actor, "101")
    with pytest.raises(RefusedError):
        vault.access(ONE, "102")
    with pytest.raises(UnknownSubjectError):
        vault.access(OFFICER, "999")


def test_it_is_written_down(vault: Vault) -> None:
    vault.access(ONE, "101")
    entry = vault.audit_events(OFFICER).to_pylist()[-2]
    assert (entry["action"], entry["rows"], entry["decision"]) == ("access", 7, "allow")
    assert entry["actor"] == entry["subject"] != "101"
