"""Finding rows by a value that lies sealed, and following an order from table to table."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.errors import InputError, IntegrityError, RefusedError
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.store import Cell, SQLiteStore, Store
from cartveil.guard.vault import Outside, Vault
from cartveil.guard.vault.door.searching import Found
from shop import ADMIN, ANNA, BOTH_STORES, CASE, MAX, OFFICER, POLICY, Clock, opened

FRAUD = Principal("fay", "fraud_review")
ASKED = {"purpose": "support", "context": CASE}

SHOP = parse_schema(
    """
    name = "shop"
    [tables.customers.columns]
    customer = { kind = "user_id", role = "subject" }
    name = "person_name"
    phone = "phone"
    card = "payment_card"
    [tables.orders.columns]
    customer = { kind = "user_id", role = "subject" }
    order = { kind = "order_id", protect = { method = "token", few_values = true } }
    item = "product"
    [tables.parcels.columns]
    parcel = { kind = "order_id", protect = { method = "token", few_values = true } }
    weight = "quantity"
    """
)


@pytest.fixture
def shop(place: object, keyring: Keyring, clock: Clock):
    from cartveil.guard.store import PostgreSQLStore

    store: Store = PostgreSQLStore.create(place) if isinstance(place, str) else SQLiteStore.create(place)
    with Vault.create(store, keyring, SHOP, clock=clock, policy=POLICY) as vault:
        people = {
            "customer": ["1", "2", "3"],
            "name": ["张三丰", "Ann Smith", "李雷"],
            "phone": ["138 0013 8000", "+86 13900138000", "13800138000"],
            "card": ["4111 1111 1111 1111", None, "5500-0055-5555-5559"],
        }
        vault.put(ADMIN, "customers", pa.table(people))
        orders = {"customer": ["1", "1", "2"], "order": ["A1", "A2", "A3"], "item": ["tea", "pot", "cup"]}
        vault.put(ADMIN, "orders", pa.table(orders))
        vault.put(ADMIN, "parcels", pa.table({"parcel": ["A2", "A2", "A3", None], "weight": [1, 2, 3, 4]}))
        yield vault


def names(found: Found) -> list[str]:
    return [row["name"] for each in found.readings for row in each.rows.to_pylist()]


@BOTH_STORES
def test_a_phone_is_found_however_it_is_written(shop: Vault) -> None:
    for written in ("13800138000", "+86 138 0013 8000", "138-0013-8000", "１３８００１３８０００"):
        assert names(shop.find(ANNA, "customers", {"phone": written}, **ASKED)) == ["张三丰", "李雷"]
    assert names(shop.find(ANNA, "customers", {"phone": "13800138001"}, **ASKED)) == []


@BOTH_STORES
def test_phones_and_cards_are_found_by_four_digits(shop: Vault) -> None:
    found = shop.find(ANNA, "customers", {"phone": "8000"}, **ASKED, last_four=True)
    assert names(found) == ["张三丰", "Ann Smith", "李雷"]
    asked = {"purpose": "fraud_review", "context": CASE}
    found = shop.find(FRAUD, "customers", {"card": "5559"}, **asked, last_four=True, fields=["card"])
    assert found.readings[0].rows["card"].to_pylist() == ["**** **** **** 5559"]


@BOTH_STORES
def test_pages_follow_each_other_and_end(shop: Vault) -> None:
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = shop.find(ANNA, "customers", {"phone": "8000"}, **ASKED, last_four=True, after=after, limit=1)
        assert len(page) == 1
        seen, after = seen + names(page), page.next
    assert seen == ["张三丰", "Ann Smith", "李雷"]


@BOTH_STORES
def test_an_order_is_followed_from_table_to_table(shop: Vault) -> None:
    found = shop.find(ANNA, "orders", {"order": "A2"}, purpose="support")
    assert [row["item"] for row in found.readings[0].rows.to_pylist()] == ["pot"]
    parcels = shop.find(ANNA, "parcels", {"parcel": "A2"}, purpose="support")
    assert parcels.readings[0].rows["weight"].to_pylist() == [1, 2]
    joined = shop.related(ANNA, "orders", "1", by="order", to="parcels", purpose="support")
    assert joined.readings[0].rows["weight"].to_pylist() == [1, 2]
    assert len(shop.related(ANNA, "orders", "3", by="order", to="parcels", purpose="support")) == 0
    first = shop.related(ANNA, "orders", "1", by="order", to="parcels", purpose="support", limit=1)
    second = shop.related(ANNA, "orders", "1", by="order", to="parcels", purpose="support", after=first.next)
    assert (len(first), len(second), second.next) == (1, 1, None)


@BOTH_STORES
def test_an_erased_consumer_is_not_found(shop: Vault) -> None:
    shop.erase(OFFICER, "1")
    assert names(shop.find(ANNA, "customers", {"phone": "13800138000"}, **ASKED)) == ["李雷"]
    assert len(shop.find(ANNA, "orders", {"order": "A2"}, purpose="support")) == 0
    (left,) = shop._room.store.execute("SELECT count(*) FROM search_codes WHERE consumer = 1").fetchone()
    assert left == 0
    shop.verify()


def test_who_may_not_see_a_field_may_not_search_by_it(shop: Vault) -> None:
    with pytest.raises(RefusedError) as caught:
        shop.find(ANNA, "customers", {"phone": "13800138000"}, purpose="support")
    assert caught.value.hint == "open a case for this consumer"
    with pytest.raises(RefusedError):
        shop.find(MAX, "customers", {"phone": "13800138000"}, purpose="marketing")
    entry = shop.audit_events(OFFICER).to_pylist()[-3]
    assert (entry["action"], entry["decision"], entry["fields"]) == ("find", "deny", ["phone"])


def test_a_search_and_each_reading_are_written_down(shop: Vault) -> None:
    shop.find(ANNA, "customers", {"phone": "13800138000"}, **ASKED, fields=["name"])
    found, first, second = shop.audit_events(OFFICER).to_pylist()[-4:-1]
    assert (found["action"], found["fields"], found["rows"], found["subject"]) == ("find", ["phone"], 2, "")
    assert [each["action"] for each in (first, second)] == ["read", "read"]
    assert first["subject"] != second["subject"] != ""


@pytest.mark.parametrize(
    "where",
    [{}, {"phone": "1", "card": "2"}, {"name": "李雷"}, {"customer": "1"}, {"phone": " "}, {"nothing": "1"}],
)
def test_what_cannot_be_searched_by_says_so(shop: Vault, where: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        shop.find(ANNA, "customers", where, **ASKED)
    assert "李雷" not in str(caught.value)


@pytest.mark.parametrize("digits", ["800", "08000", "80x0", "８０００"])
def test_four_digits_are_four_digits(shop: Vault, digits: str) -> None:
    if digits.isascii():
        with pytest.raises(InputError):
            shop.find(ANNA, "customers", {"phone": digits}, **ASKED, last_four=True)
    else:
        assert len(shop.find(ANNA, "customers", {"phone": digits}, **ASKED, last_four=True)) == 3


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_is_no_dump(shop: Vault, limit: int) -> None:
    with pytest.raises(InputError):
        shop.find(ANNA, "customers", {"phone": "13800138000"}, **ASKED, limit=limit)


@BOTH_STORES
def test_a_code_that_was_removed_does_not_verify(shop: Vault) -> None:
    shop.verify()
    assert shop._room.store.execute("DELETE FROM search_codes WHERE place = 10002 AND row = 1").rowcount == 1
    with pytest.raises(IntegrityError, match=r"customers\.phone: a search code was changed"):
        shop.verify()


def test_a_check_is_not_disturbed_by_who_writes_meanwhile(shop: Vault, place: Path | str, keyring: Keyring) -> None:
    with opened(place, keyring) as other:
        check = shop._room.store.check

        def slowly() -> None:
            check()
            other.put(ADMIN, "orders", pa.table({"customer": ["9"], "order": ["A9"], "item": ["tea"]}))

        shop._room.store.check = slowly
        before = shop.counts()["rows"]
        assert shop.verify()["rows"] == before
    assert shop.counts()["rows"] == before + 1


MOVED = {
    "another row": "UPDATE search_codes SET row = 2, consumer = 2 WHERE place = 10002 AND row = 1",
    "another's row": "UPDATE search_codes SET consumer = 2 WHERE place = 10002 AND row = 1",
}


@pytest.mark.parametrize("how", MOVED)
def test_a_code_that_was_moved_shows_nothing(shop: Vault, how: str) -> None:
    assert shop._room.store.execute(MOVED[how]).rowcount == 1
    with pytest.raises(IntegrityError, match="search code was changed"):
        shop.find(ANNA, "customers", {"phone": "13800138000"}, **ASKED, fields=["name"])


@BOTH_STORES
def test_a_changed_row_is_not_shown(vault: Vault) -> None:
    vault._room.store.execute("UPDATE records_1 SET c5 = ? WHERE row = 1", (Cell("marketing;support"),))
    with pytest.raises(IntegrityError, match=r"customers\[1\]: row was changed"):
        vault.read(ANNA, "customers", "101", purpose="support", fields=["name"])
    assert vault.read(ANNA, "customers", "102", purpose="support", fields=["name"]).rows.num_rows == 1


def test_the_database_tells_neither_number_nor_digits(shop: Vault) -> None:
    codes = [code for (code,) in shop._room.store.execute("SELECT code FROM search_codes")]
    assert all(len(code) == 24 and "8000" not in code for code in codes)
    (alike,) = shop._room.store.execute(
        "SELECT count(*) FROM search_codes AS a JOIN search_codes AS b ON a.code = b.code AND a.place <> b.place"
    ).fetchone()
    assert alike == 0


def test_a_vault_made_before_says_that_it_has_no_such_codes(shop: Vault) -> None:
    shop._room.store.execute("DELETE FROM meta WHERE name = 'last four'")
    with pytest.raises(InputError, match="made before"):
        shop.find(ANNA, "customers", {"phone": "8000"}, **ASKED, last_four=True)


def test_tables_that_share_no_token_are_not_joined(shop: Vault) -> None:
    with pytest.raises(InputError, match="shares no token"):
        shop.related(ANNA, "orders", "1", by="order", to="customers", purpose="support")
    with pytest.raises(InputError, match="shares no token"):
        shop.related(ANNA, "orders", "1", by="item", to="parcels", purpose="support")


def test_half_a_character_is_no_search(vault: Vault) -> None:
    with pytest.raises(InputError, match="whole Unicode"):
        vault.find(ANNA, "customers", {"phone": "138\udcff"}, purpose="support", context=CASE)


@pytest.mark.parametrize("after", [2**63, 10**20, -1, "1", 1.5])
def test_a_page_begins_at_a_row_number(vault: Vault, after: object) -> None:
    with pytest.raises(InputError, match="no page ended"):
        vault.find(ANNA, "customers", {"phone": "13800138000"}, purpose="support", context=CASE, after=after)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, 501, "5", 2.5])
def test_a_page_has_a_whole_number_of_rows(vault: Vault, limit: object) -> None:
    with pytest.raises(InputError, match="a page has"):
        vault.find(ANNA, "customers", {"phone": "13800138000"}, purpose="support", context=CASE, limit=limit)  # type: ignore[arg-type]


@pytest.fixture
def knowing(vault: Vault, keyring: Keyring, path: Path, clock: Clock) -> Iterator[Vault]:
    """The shop, where the platform knows one open case: of 101."""
    outside = Outside(cases=lambda case, subject: (case, subject) == ("C-7", "101"))
    with Vault.open(path, keyring, clock=clock, policy=POLICY, outside=outside) as other:
        yield other


@pytest.mark.parametrize("fields", [None, ["vip"], ["phone", "vip"]])
def test_somebody_elses_case_finds_nobody(knowing: Vault, fields: list[str] | None) -> None:
    def found(value: str, case: str) -> Found:
        context = {"case": case, "case_open": True}
        where = {"phone": value}
        return knowing.find(ANNA, "customers", where, purpose="support", fields=fields, context=context)

    assert found("13900139000", "C-7").readings == ()  # 103, of whom anything but the phone may be seen
    assert found("13800138000", "C-9").readings == ()
    (own,) = found("13800138000", "C-7").readings
    assert own.rows.column_names == (fields or own.rows.column_names)
    assert list(own.views) == own.rows.column_names


def test_a_case_opens_no_rows_that_name_nobody(knowing: Vault) -> None:
    knowing.put(ADMIN, "products", pa.table({"item": ["tea"], "supplier": ["Ming"], "contact": ["m@example.com"]}))
    with pytest.raises(RefusedError):
        knowing.find(ANNA, "products", {"contact": "m@example.com"}, purpose="support", context=CASE)


def test_who_is_told_of_a_broken_glass_finds_it_in_the_log(
    vault: Vault, keyring: Keyring, path: Path, clock: Clock
) -> None:
    seen: list[object] = []

    def told(entry: object) -> None:
        with opened(path, keyring, clock) as other:
            seen.append(other.alerts(OFFICER)["action"].to_pylist()[-1])

    with Vault.open(path, keyring, clock=clock, policy=POLICY, outside=Outside(alert=told)) as other:
        context = {"break_glass": True, "reason": "court-order-114"}
        other.find(ANNA, "customers", {"phone": "13800138000"}, purpose="support", context=context)
    assert seen == ["find", "read"]
