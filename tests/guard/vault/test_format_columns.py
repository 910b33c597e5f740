"""Columns that rest in their format: stored as other well-formed values, read back as they were."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.errors import ColumnError
from cartveil.events.patterns.check_digits import has_luhn
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault
from shop import ADMIN, POLICY, Clock

SCHEMA = parse_schema(
    """
    name = "shop"
    [tables.customers.columns]
    customer = { kind = "user_id", role = "subject" }
    phone = { kind = "phone", protect = "fpe" }
    card = { kind = "payment_card", protect = "fpe" }
    member = { kind = "other", protect = { method = "fpe", alphabet = "upper alphanumeric" } }
    """
)


def customers(count: int, *, distinct: int) -> pa.Table:
    rows = range(count)
    return pa.table(
        {
            "customer": [str(row) for row in rows],
            "phone": [None if row == 1 else f"138{row:08d}" for row in rows],
            "card": pa.array([4111110000000000 + row for row in rows]),
            "member": [f"VIP-{row % distinct:04d}" for row in rows],
        }
    )


@pytest.fixture
def shop(path: Path, keyring: Keyring, clock: Clock) -> Iterator[Vault]:
    with Vault.create(path, keyring, SCHEMA, clock=clock, policy=POLICY, survive_power_loss=False) as vault:
        yield vault


def test_values_rest_as_others_of_their_format_and_come_back_in_their_type(shop: Vault, path: Path) -> None:
    table = customers(3, distinct=3)
    shop.put(ADMIN, "customers", table)
    with sqlite3.connect(path) as connection:
        stored = connection.execute("SELECT c1, c2, c3 FROM records_1 ORDER BY row").fetchall()
    for row, (phone, card, member) in enumerate(stored):
        assert phone is None if row == 1 else re.fullmatch(r"138\d{8}", phone)
        assert re.fullmatch(r"411111\d{10}", card)
        assert re.fullmatch(r"[0-9A-Z]{3}-[0-9A-Z]{4}", member)
        clear = table.slice(row, 1).to_pylist()[0]
        assert phone is None or phone != clear["phone"]
        assert (card, member) != (str(clear["card"]), clear["member"])
        assert has_luhn(card) == has_luhn(str(clear["card"]))
        read = shop.read(Principal(str(row), "consumer"), "customers", str(row), purpose="self_service").rows
        assert read.to_pylist() == [clear]
        assert read.schema == table.schema


def test_few_values_put_a_few_at_a_time_are_refused(shop: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartveil.guard.vault.rows.records.CHUNK_ROWS", 400)
    with pytest.raises(ColumnError, match="99 distinct values") as caught:
        shop.put(ADMIN, "customers", customers(1100, distinct=99))
    assert caught.value.path == "customers.member"
    assert shop.put(ADMIN, "customers", customers(1100, distinct=100)).rows == 1100


def test_a_value_out_of_format_is_named_by_its_row_and_nothing_is_put(shop: Vault) -> None:
    table = customers(3, distinct=3).set_column(1, "phone", pa.array(["13812345678", None, "110"]))
    with pytest.raises(ColumnError) as caught:
        shop.put(ADMIN, "customers", table)
    assert re.fullmatch(r"customers\.phone\[\d+\]", str(caught.value.path))
    assert "110" not in str(caught.value)
    assert shop.counts()["rows"] == 0
