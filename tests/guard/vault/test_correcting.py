"""Corrections: the new value is read and found, the old one is gone, the log names fields only."""

from datetime import UTC, datetime

import pytest

from cartveil.errors import ColumnError, ErasedError, InputError, RefusedError, UnknownSubjectError
from cartveil.guard.vault import Vault
from shop import ADMIN, ANNA, BOTH_STORES, OFFICER, ONE, ORDERS, SCIENCE


def own(vault: Vault, table: str) -> list[dict[str, object]]:
    return vault.read(ONE, table, "101", purpose="self_service").rows.to_pylist()


def test_the_new_value_is_read_and_everything_else_stays(vault: Vault) -> None:
    before = own(vault, "customers")[0]
    assert vault.correct(ONE, "customers", "101", {"name": "张三", "vip": None}) == {
        "rows": 1,
        "fields": ["name", "vip"],
        "changed": [],
    }
    assert own(vault, "customers")[0] == {**before, "name": "张三", "vip": None}
    assert vault.verify()["rows"] == 22


@BOTH_STORES
def test_one_row_of_several_is_corrected(vault: Vault) -> None:
    before = own(vault, "orders")
    vault.correct(OFFICER, "orders", "101", {"quantity": "7", "time": "2026-02-03T04:05:06Z", "order": "A9"}, row=2)
    after = own(vault, "orders")
    assert after[2]["quantity"] == 7
    assert after[2]["time"] == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert after[2]["order"] == "A9"
    assert [row for place, row in enumerate(after) if place != 2] == [
        row for place, row in enumerate(before) if place != 2
    ]
    vault.verify()


def test_search_codes_follow(vault: Vault) -> None:
    codes = "SELECT code FROM search_codes WHERE consumer = 1 AND place = 10002"
    (before,) = vault._room.store.execute(codes).fetchall()
    vault.correct(OFFICER, "customers", "101", {"phone": "+44 7700 900123"})
    after = vault._room.store.execute(codes).fetchall()
    other = vault._room.store.execute("SELECT code FROM search_codes WHERE consumer = 2 AND place = 10002").fetchall()
    assert after == other != [before]
    vault.correct(OFFICER, "customers", "101", {"phone": None})
    assert not vault._room.store.execute(codes).fetchall()


def test_no_byte_of_the_old_value_is_left(vault: Vault) -> None:
    query = "SELECT c1 FROM records_1 WHERE consumer = 1"
    (sealed,) = vault._room.store.execute(query).fetchone()
    vault.correct(OFFICER, "orders", "101", {"item": "very special tea"}, row=0)
    vault.correct(OFFICER, "orders", "101", {"item": "tea"}, row=0)
    vault.correct(OFFICER, "customers", "101", {"name": "张三"})
    rest = b"".join(file.read_bytes() for file in vault.path.parent.glob("shop.vault*"))
    assert b"very special" not in rest
    assert bytes(sealed) not in rest


def test_who_learned_is_told_only_of_what_leaves_in_releases(vault: Vault) -> None:
    vault.export(SCIENCE, purpose="recommendation", recipient="models")
    told: list[dict[str, str]] = []

    def changed(names: dict[str, str]) -> dict[str, object]:
        told.append(dict(names))
        return {"models": ["m"]}

    vault.correct(OFFICER, "customers", "101", {"name": "张三"}, changed=[changed])
    assert not told
    assert vault.correct(OFFICER, "orders", "101", {"price": 1.5}, changed=[changed])["changed"] == [{"models": ["m"]}]
    assert told == [vault.pseudonyms("101")]


def test_the_log_names_fields_and_no_value(vault: Vault) -> None:
    vault.correct(OFFICER, "customers", "101", {"name": "canary 7351"})
    entry = vault.audit_events(OFFICER).to_pylist()[-2]
    assert (entry["action"], entry["fields"], entry["table"], entry["rows"]) == ("correct", ["name"], "customers", 1)
    assert "canary" not in str(entry)


@pytest.mark.parametrize(
    ("table", "values", "row"),
    [
        ("customers", {"customer": "102"}, None),
        ("customers", {"code": "123"}, None),
        ("customers", {"minor": "yes"}, None),
        ("customers", {}, None),
        ("orders", {"item": "x"}, 6),
        ("products", {"item": "x"}, None),
    ],
)
def test_what_cannot_be_corrected_is_refused(vault: Vault, table: str, values: dict[str, object], row) -> None:
    before = own(vault, "orders"), own(vault, "customers")
    with pytest.raises(InputError):
        vault.correct(OFFICER, table, "101", values, row=row)
    assert (own(vault, "orders"), own(vault, "customers")) == before


def test_a_value_of_another_type_is_refused_without_repeating_it(vault: Vault) -> None:
    with pytest.raises(ColumnError) as caught:
        vault.correct(OFFICER, "orders", "101", {"quantity": "canary"})
    assert "canary" not in str(caught.value)
    assert own(vault, "orders") == ORDERS.slice(0, 6).to_pylist() or vault.verify()


def test_only_the_consumer_and_an_officer_correct(vault: Vault) -> None:
    for actor, subject in ((ADMIN, "101"), (ANNA, "101"), (ONE, "102")):
        with pytest.raises(RefusedError):
            vault.correct(actor, "customers", subject, {"name": "x"})
    with pytest.raises(UnknownSubjectError):
        vault.correct(OFFICER, "customers", "999", {"name": "x"})
    vault.erase(OFFICER, "101")
    with pytest.raises(ErasedError):
        vault.correct(OFFICER, "customers", "101", {"name": "x"})


def test_old_values_go_even_if_whoever_is_told_fails(vault: Vault) -> None:
    def fails(names: object) -> dict[str, object]:
        raise RuntimeError

    vault.export(SCIENCE, purpose="recommendation", recipient="models")
    with pytest.raises(RuntimeError):
        vault.correct(OFFICER, "orders", "101", {"item": "tea"}, changed=[fails])
    assert vault.path.with_name(vault.path.name + "-wal").stat().st_size == 0
    assert {row["item"] for row in own(vault, "orders")} == {"tea"}


@pytest.mark.parametrize("row", ["0", 1.0, 10**20, -1])
def test_a_row_is_a_whole_number(vault: Vault, row: object) -> None:
    with pytest.raises(InputError, match="no such row"):
        vault.correct(OFFICER, "orders", "101", {"item": "tea"}, row=row)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["\udcff", 10**30])
def test_a_value_that_cannot_be_stored_is_not_repeated(vault: Vault, value: object) -> None:
    with pytest.raises(ColumnError, match=r"^orders\.item: a value of this type cannot be stored$"):
        vault.correct(OFFICER, "orders", "101", {"item": value})
