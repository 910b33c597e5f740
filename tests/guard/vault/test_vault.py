"""The door: what goes in, who sees what of it, and what is written down."""

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.errors import (
    ColumnError,
    ErasedError,
    InputError,
    IntegrityError,
    RefusedError,
    SchemaError,
    UnknownSubjectError,
)
from cartveil.events.kinds import View
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import PutResult, Reading, Vault, Wish
from shop import (
    ADMIN,
    ANNA,
    BOTH_STORES,
    CASE,
    CUSTOMERS,
    MAX,
    OFFICER,
    ONE,
    ORDERS,
    POLICY,
    SCHEMA,
    SCIENCE,
    Clock,
    opened,
)


@BOTH_STORES
def test_consumers_get_back_exactly_what_was_put(vault: Vault) -> None:
    reading = vault.read(ONE, "customers", "101", purpose="self_service")
    assert reading.rows.to_pylist() == [row | {} for row in CUSTOMERS.slice(0, 1).to_pylist()]
    assert reading.rows.schema == CUSTOMERS.schema
    mine = vault.read(ONE, "orders", "101", purpose="self_service").rows
    assert mine.to_pylist() == ORDERS.slice(0, 6).to_pylist()
    assert mine.schema == ORDERS.schema


@BOTH_STORES
def test_put_counts_rows_consumers_and_values(empty: Vault) -> None:
    assert empty.put(ADMIN, "customers", CUSTOMERS) == PutResult(rows=4, subjects=4, values=24)
    assert empty.put(ADMIN, "orders", ORDERS) == PutResult(rows=18, subjects=3, values=126)


@BOTH_STORES
def test_each_role_sees_its_view(vault: Vault) -> None:
    fields = ["name", "phone", "customer"]
    support = vault.read(ANNA, "customers", "101", purpose="support", fields=fields)
    assert support.rows.to_pylist() == [{"name": "张*丰", "phone": None, "customer": None}]
    assert support.views == {"name": View.MASKED, "phone": View.NONE, "customer": View.NONE}
    case = vault.read(ANNA, "customers", "101", purpose="support", fields=fields, context=CASE)
    assert case.rows.to_pylist() == [{"name": "张三丰", "phone": "138****8000", "customer": "******"}]
    assert case.rules == ("support-case-contact", "support-case-name")
    (marketing,) = vault.read(MAX, "customers", "101", purpose="marketing", fields=fields).rows.to_pylist()
    assert (marketing["name"], marketing["phone"], len(marketing["customer"])) == (None, None, 24)


def test_a_case_number_is_an_open_case_unless_said_otherwise(vault: Vault) -> None:
    asked = {"purpose": "support", "fields": ["name"]}
    assert vault.read(ANNA, "customers", "101", **asked, context={"case": "C-7"}).views["name"] is View.CLEAR
    closed = vault.read(ANNA, "customers", "101", **asked, context={"case": "C-7", "case_open": False})
    assert closed.views["name"] is View.MASKED


def test_a_refusal_says_why_and_what_would_help(vault: Vault) -> None:
    with pytest.raises(RefusedError, match="no rule permits `read` of `customers` by role `support`") as caught:
        vault.read(ANNA, "customers", "101", purpose="support", fields=["phone"])
    assert caught.value.hint == "open a case for this consumer"


def test_own_record_is_worked_out_not_claimed(vault: Vault) -> None:
    with pytest.raises(RefusedError):
        vault.read(ONE, "customers", "102", purpose="self_service", context={"own_record": True})


def test_the_hour_is_the_vaults_own(vault: Vault, clock: Clock) -> None:
    asked = {"fields": ["phone"], "purpose": "support"}
    assert vault.reveal(ANNA, "customers", "101", **asked, context=CASE).rows["phone"].to_pylist() == ["13800138000"]
    clock.at(23)
    with pytest.raises(RefusedError) as caught:
        vault.reveal(ANNA, "customers", "101", **asked, context={**CASE, "hour": 12})
    assert caught.value.hint == "ask between 9 and 18"


def test_reveal_needs_a_case(vault: Vault) -> None:
    with pytest.raises(RefusedError) as caught:
        vault.reveal(ANNA, "customers", "101", fields=["phone"], purpose="support")
    assert caught.value.hint == "open a case for this consumer"


def test_unknown_consumers_are_unknown_only_to_those_who_may_ask(vault: Vault) -> None:
    with pytest.raises(UnknownSubjectError):
        vault.read(ANNA, "customers", "999", purpose="support")
    with pytest.raises(RefusedError):
        vault.read(Principal("eve", "admin"), "customers", "999", purpose="support")


def test_a_consumer_without_rows_in_a_table_has_none(vault: Vault) -> None:
    reading = vault.read(ANNA, "orders", "104", purpose="support")
    assert reading.rows.num_rows == 0
    assert reading.rows.column_names == ORDERS.column_names


@BOTH_STORES
def test_read_many_answers_as_read_does(vault: Vault) -> None:
    wishes = [
        Wish(ANNA, "customers", "101", "support", ["name"]),
        Wish(ANNA, "customers", "102", "marketing", ["phone"]),
        Wish(ANNA, "customers", "999", "support", ["name"]),
    ]
    first, second, third = vault.read_many(wish for wish in wishes)
    assert isinstance(first, Reading)
    assert first.rows.to_pylist() == [{"name": "张*丰"}]
    assert isinstance(second, RefusedError)
    assert isinstance(third, UnknownSubjectError)
    assert vault.audit_events(OFFICER)["decision"].to_pylist()[-4:] == ["allow", "deny", "deny", "allow"]


@BOTH_STORES
def test_everything_is_written_down(vault: Vault) -> None:
    vault.read(ANNA, "customers", "101", purpose="support", fields=["name", "phone"], context={"session": "s1"})
    with pytest.raises(RefusedError):
        vault.read(ANNA, "customers", "101", purpose="marketing", fields=["phone"])
    entries = vault.audit_events(OFFICER).drop_columns(["index", "time"]).to_pylist()
    assert [entry["action"] for entry in entries] == ["put", "put", "read", "read", "audit"]
    read, refused = entries[2], entries[3]
    subject = read.pop("subject")
    assert read == {
        "actor": "anna", "role": "support", "action": "read", "purpose": "support", "table": "customers",
        "fields": ["name"], "view": "masked", "rows": 1, "case": "", "decision": "allow",
        "rule": "support-sees-masked-name", "session": "s1", "reason": "",
    }  # fmt: skip
    assert refused["subject"] == subject != "101"
    assert (refused["decision"], refused["fields"], refused["view"], refused["rows"]) == ("deny", ["phone"], "", 0)


def test_consumers_stand_in_the_log_under_their_pseudonym(vault: Vault) -> None:
    vault.read(ONE, "customers", "101", purpose="self_service")
    entry = vault.audit_events(OFFICER).to_pylist()[-2]
    assert entry["actor"] == entry["subject"] != "101"


def test_the_log_is_for_those_who_may_read_it(vault: Vault) -> None:
    with pytest.raises(RefusedError):
        vault.audit_events(ANNA)
    assert vault.audit_events(OFFICER)["decision"].to_pylist()[-2:] == ["deny", "allow"]


@pytest.mark.parametrize("actor", [ANNA, MAX, ONE, SCIENCE, OFFICER])
def test_only_administrators_put(empty: Vault, actor: Principal) -> None:
    with pytest.raises(RefusedError):
        empty.put(actor, "customers", CUSTOMERS)


@pytest.mark.parametrize(
    "case",
    ["138 0013 8000", "13800138000", "ann@example.com", "x" * 65, "张三 says", "4111-1111-1111-1111\n"],
)
def test_what_could_be_personal_is_no_case_number(vault: Vault, case: str) -> None:
    with pytest.raises(InputError):
        vault.read(ANNA, "customers", "101", purpose="support", context={"case": case})


BAD = {
    "missing column": lambda table: table.drop_columns(["phone"]),
    "unknown column": lambda table: table.append_column("fone", table["phone"]),
    "column twice": lambda table: table.append_column("phone", table["phone"]),
    "nobody": lambda table: table.set_column(0, "customer", pa.array([1, 2, None, 4])),
    "empty id": lambda table: table.set_column(0, "customer", pa.array(["1", "2", "", "4"])),
    "card code": lambda table: table.append_column("code", pa.array([None, "123", None, None])),
    "struct": lambda table: table.set_column(1, "name", pa.array([{"a": 1}] * 4)),
}


@BOTH_STORES
@pytest.mark.parametrize("what", BAD)
def test_data_that_does_not_fit_is_refused_whole(empty: Vault, what: str) -> None:
    with pytest.raises((ColumnError, SchemaError)) as caught:
        empty.put(ADMIN, "customers", BAD[what](CUSTOMERS))
    assert "13800138000" not in str(caught.value)
    with pytest.raises(UnknownSubjectError):
        empty.read(ANNA, "customers", "101", purpose="support")


def test_rows_of_nobody_are_named_by_place(empty: Vault) -> None:
    with pytest.raises(ColumnError, match=r"customers\.customer\[2\]: 1 rows name no consumer"):
        empty.put(ADMIN, "customers", BAD["nobody"](CUSTOMERS))


def test_columns_of_nulls_for_what_is_refused_or_dropped_are_accepted(empty: Vault) -> None:
    table = CUSTOMERS.append_column("code", pa.nulls(4, pa.string())).append_column("minor", pa.array([True] * 4))
    empty.put(ADMIN, "customers", table)
    reading = empty.read(ONE, "customers", "101", purpose="self_service")
    assert reading.rows.column_names == CUSTOMERS.column_names
    with pytest.raises(InputError, match="not stored"):
        empty.read(ONE, "customers", "101", purpose="self_service", fields=["minor"])


@BOTH_STORES
def test_types_stay_those_of_the_first_put(empty: Vault) -> None:
    empty.put(ADMIN, "customers", CUSTOMERS)
    empty.put(ADMIN, "customers", CUSTOMERS.set_column(0, "customer", pa.array([201, 202, 203, 204], pa.int32())))
    own = empty.read(Principal("201", "consumer"), "customers", "201", purpose="self_service")
    assert own.rows.schema == CUSTOMERS.schema
    with pytest.raises(ColumnError, match=r"customers\.vip: type string does not fit the stored bool"):
        empty.put(ADMIN, "customers", CUSTOMERS.set_column(4, "vip", pa.array(["often"] * 4)))


def test_a_column_of_nulls_takes_the_type_that_comes_later(empty: Vault) -> None:
    empty.put(ADMIN, "customers", CUSTOMERS.set_column(4, "vip", pa.nulls(4)))
    empty.put(ADMIN, "customers", CUSTOMERS)
    own = empty.read(ONE, "customers", "101", purpose="self_service", fields=["vip"])
    assert own.rows["vip"].to_pylist() == [None, True]


def test_a_table_without_consumers_is_put_but_not_read_by_consumer(empty: Vault) -> None:
    products = pa.table({"item": ["tea"], "supplier": ["Leaf Ltd"], "contact": ["ann@leaf.example"]})
    assert empty.put(ADMIN, "products", products) == PutResult(rows=1, subjects=0, values=3)
    with pytest.raises(InputError):
        empty.read(ANNA, "products", "101", purpose="support")
    assert b"ann@leaf" not in empty.path.read_bytes() + empty.path.with_name("shop.vault-wal").read_bytes()


@BOTH_STORES
def test_empty_tables_are_put(empty: Vault) -> None:
    assert empty.put(ADMIN, "customers", CUSTOMERS.slice(0, 0)) == PutResult(rows=0, subjects=0, values=0)


@pytest.mark.parametrize("table", ["customer", "order"])
def test_an_unknown_table_gets_the_nearest_name(vault: Vault, table: str) -> None:
    with pytest.raises(SchemaError) as caught:
        vault.read(ANNA, table, "101", purpose="support")
    assert caught.value.hint == f"did you mean `{table}s`?"


def test_an_empty_id_is_nobody(vault: Vault) -> None:
    with pytest.raises(InputError):
        vault.read(ANNA, "customers", "", purpose="support")


@BOTH_STORES
def test_a_reopened_vault_is_the_same(vault: Vault, place: Path | str, keyring: Keyring) -> None:
    vault.close()
    with opened(place, keyring) as again:
        assert again.schema == SCHEMA
        own = again.read(ONE, "orders", "101", purpose="self_service")
        assert own.rows.to_pylist() == ORDERS.slice(0, 6).to_pylist()
        assert again.verify()["consumers"] == 4


def test_the_file_tells_no_value(vault: Vault) -> None:
    vault.verify()
    content = vault.path.read_bytes() + vault.path.with_name("shop.vault-wal").read_bytes()
    for value in ("张三丰", "Ann Smith", "13800138000", "1980-02-03", "A1010"):
        assert value.encode() not in content


def test_equal_values_of_two_consumers_do_not_look_alike(vault: Vault) -> None:
    connection = sqlite3.connect(vault.path)
    cells = [cell for (cell,) in connection.execute("SELECT c6 FROM records_2 WHERE c6 IS NOT NULL")]
    connection.close()
    assert len(set(cells)) == len(cells) == 9


@BOTH_STORES
def test_put_of_many_rows_goes_in_chunks(empty: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartveil.guard.vault.rows.records.CHUNK_ROWS", 4)
    empty.put(ADMIN, "orders", ORDERS)
    own = empty.read(ONE, "orders", "101", purpose="self_service")
    assert own.rows.to_pylist() == ORDERS.slice(0, 6).to_pylist()


def test_the_callers_table_is_not_changed(empty: Vault) -> None:
    before = CUSTOMERS.to_pylist()
    empty.put(ADMIN, "customers", CUSTOMERS)
    assert CUSTOMERS.to_pylist() == before


@BOTH_STORES
def test_erased_consumers_are_counted_not_named_when_put_again(vault: Vault) -> None:
    vault.erase(OFFICER, "101")
    with pytest.raises(ErasedError, match=r"^1 consumers of this data were erased$"):
        vault.put(ADMIN, "orders", ORDERS)
    assert vault.read(ANNA, "orders", "102", purpose="support").rows.num_rows == 6


def test_tables_lie_where_the_owner_alone_can_read(vault: Vault) -> None:
    assert Path(vault.path).stat().st_mode & 0o777 == 0o600


@BOTH_STORES
def test_counts_tell_how_much_there_is(vault: Vault) -> None:
    assert vault.counts() == {"consumers": 4, "entries": 2, "rows": 22}


@BOTH_STORES
def test_at_rest_shows_protection_and_no_value(vault: Vault) -> None:
    (row,) = vault.at_rest("customers", "101")
    assert (row["vip"], row["consent"]) == ("kept", "kept")
    assert all(isinstance(row[name], bytes) for name in ("customer", "name", "phone", "birth"))
    assert all(line["order"].startswith("tok_") for line in vault.at_rest("orders", "101"))
    with pytest.raises(UnknownSubjectError):
        vault.at_rest("customers", "999")


def test_a_vault_waits_for_the_disk_unless_told_otherwise(tmp_path: Path, keyring: Keyring, clock: Clock) -> None:
    with Vault.create(tmp_path / "v", keyring, SCHEMA, clock=clock, policy=POLICY) as vault:
        assert vault._room.store.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    weak = Vault.create(tmp_path / "w", keyring, SCHEMA, clock=clock, policy=POLICY, survive_power_loss=False)
    assert weak._room.store.connection.execute("PRAGMA synchronous").fetchone() == (1,)
    weak.close()
    with Vault.open(tmp_path / "w", keyring, clock=clock, policy=POLICY) as again:
        pragmas = ("synchronous", "secure_delete", "foreign_keys", "journal_mode")
        values = [again._room.store.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
        assert values == [2, 1, 1, "wal"]


ROW_TAMPERING = {
    "kept value": "UPDATE records_2 SET c3 = (SELECT c3 FROM records_2 WHERE row = 6) WHERE row = 4",
    "another consumer's": "UPDATE records_2 SET consumer = 1 WHERE row = 7",
    "token of another row": "UPDATE records_2 SET c0 = (SELECT c0 FROM records_2 WHERE row = 9) WHERE row = 4",
    "moved": "UPDATE records_2 SET row = 40 WHERE row = 4",
    "added": "INSERT INTO records_2 SELECT 40, consumer, c0, c2, c3, c4, c5, c6, mark FROM records_2 WHERE row = 4",
    "emptied": "UPDATE records_1 SET c5 = NULL WHERE row = 2",
}


@BOTH_STORES
@pytest.mark.parametrize("how", ROW_TAMPERING)
def test_a_changed_row_does_not_verify(vault: Vault, how: str) -> None:
    assert vault.verify()["rows"] == 22
    assert vault._room.store.execute(ROW_TAMPERING[how]).rowcount == 1
    with pytest.raises(IntegrityError, match="row was changed"):
        vault.verify()


def same_orders(count: int, distinct: int) -> pa.Table:
    orders = [f"A{row % distinct}" for row in range(count)]
    return pa.concat_tables([ORDERS.slice(0, 1)] * count).set_column(0, "order", pa.array(orders))


@BOTH_STORES
def test_few_values_put_a_few_at_a_time_are_refused_as_well(empty: Vault) -> None:
    empty.put(ADMIN, "orders", same_orders(900, 2))
    with pytest.raises(ColumnError, match="2 distinct values") as caught:
        empty.put(ADMIN, "orders", same_orders(100, 2))
    assert caught.value.path == "orders.order"
    assert empty.counts()["rows"] == 900


def test_many_rows_of_one_order_among_many_orders_are_put(empty: Vault) -> None:
    empty.put(ADMIN, "orders", pa.concat_tables([same_orders(500, 500), same_orders(1000, 1)]))
    assert empty.put(ADMIN, "orders", same_orders(1000, 1)).rows == 1000


@pytest.mark.parametrize("data", [None, [{"customer": 1}], {"customer": [1]}])
def test_only_arrow_tables_are_put(vault: Vault, data: object) -> None:
    with pytest.raises(InputError, match="Arrow table"):
        vault.put(ADMIN, "customers", data)  # type: ignore[arg-type]


def test_a_context_is_names_and_values(vault: Vault) -> None:
    with pytest.raises(InputError, match="names and values"):
        vault.read(ANNA, "customers", "101", purpose="support", context=["case"])  # type: ignore[arg-type]
