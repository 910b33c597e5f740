"""Files that are no vault, disks that are full, people who press Ctrl-C."""

import contextlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartveil.errors import (
    CartveilError,
    IntegrityError,
    KeyringError,
    ReadError,
    SchemaError,
    StorageError,
    UnknownSubjectError,
)
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.vault import Vault
from shop import ADMIN, ANNA, CUSTOMERS, ONE, ORDERS, POLICY, SCHEMA, Clock


def open_vault(path: Path, keyring: Keyring) -> Vault:
    return Vault.open(path, keyring, clock=Clock(), policy=POLICY)


def test_a_missing_vault_says_what_to_do(path: Path, keyring: Keyring) -> None:
    with pytest.raises(ReadError) as caught:
        open_vault(path, keyring)
    assert caught.value.hint
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be taken for one" * 9])
def test_another_file_is_not_a_vault(path: Path, keyring: Keyring, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="is not a vault"):
        open_vault(path, keyring)
    assert path.read_bytes() == content


def test_another_database_is_not_a_vault(path: Path, keyring: Keyring) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE meta (name, value)")
    connection.close()
    with pytest.raises(IntegrityError, match="is not a vault"):
        open_vault(path, keyring)


def test_a_vault_of_another_layout_is_told_apart(vault: Vault, keyring: Keyring) -> None:
    vault.close()
    with sqlite3.connect(vault.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="layout 99"):
        open_vault(vault.path, keyring)


def test_an_existing_file_is_never_overwritten(path: Path, keyring: Keyring) -> None:
    path.write_text("precious")
    with pytest.raises(StorageError, match="exists already"):
        Vault.create(path, keyring, SCHEMA, clock=Clock(), policy=POLICY)
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{ kind = "user_id", role = "subject", protect = "token" }', "rests sealed"),
        ('{ kind = "consent", role = "consent", protect = "seal" }', "honour"),
        ('{ kind = "phone", protect = { method = "seal", suite = "rot13" } }', "unknown suite"),
        ('{ kind = "phone", protect = { method = "seal", pad = -1 } }', "is no number from 0"),
    ],
)
def test_a_schema_that_does_not_work_leaves_no_file(path: Path, keyring: Keyring, line: str, message: str) -> None:
    schema = parse_schema(f"[tables.a.columns]\nid = {line}")
    with pytest.raises(SchemaError, match=message):
        Vault.create(path, keyring, schema, clock=Clock(), policy=POLICY)
    assert not list(path.parent.glob("shop.vault*"))


def test_another_keyring_does_not_open_it(vault: Vault, tmp_path: Path) -> None:
    other = Keyring.create(tmp_path / "other", "x", tenant="shop", profile=ScryptProfile("test", cost=2))
    with pytest.raises(KeyringError, match="another keyring"):
        open_vault(vault.path, other)


def test_a_changed_schema_is_noticed(vault: Vault, keyring: Keyring) -> None:
    vault.close()
    with sqlite3.connect(vault.path) as connection:
        connection.execute("UPDATE meta SET value = replace(value, 'seal', 'keep') WHERE name = 'schema'")
    with pytest.raises(IntegrityError, match="schema was changed"):
        open_vault(vault.path, keyring)


def test_a_closed_vault_says_so(vault: Vault) -> None:
    vault.close()
    with pytest.raises(StorageError, match="closed"):
        vault.read(ANNA, "customers", "101", purpose="support")


def test_a_full_disk_writes_nothing(empty: Vault) -> None:
    empty.put(ADMIN, "customers", CUSTOMERS)
    connection = empty._room.store.connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    size = empty._room.log.size
    large = pa.concat_tables([ORDERS] * 50)
    with pytest.raises(StorageError, match="disk is full") as caught:
        empty.put(ADMIN, "orders", large)
    assert "nothing was written" in (caught.value.hint or "")
    connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert empty.verify()["entries"] == size
    empty.put(ADMIN, "orders", ORDERS)


@pytest.mark.parametrize("step", ["_write_rows", "_write_codes", "_remember"])
def test_ctrl_c_in_the_middle_of_a_put_leaves_nothing(vault: Vault, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = vault.verify()
    with monkeypatch.context() as patch:
        patch.setattr(f"cartveil.guard.vault.rows.records.{step}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            vault.put(ADMIN, "customers", CUSTOMERS.set_column(0, "customer", [[201, 202, 203, 204]]))
    assert vault.verify() == before
    with pytest.raises(UnknownSubjectError):
        vault.read(ANNA, "customers", "201", purpose="support")


def test_a_busy_vault_says_so(vault: Vault, keyring: Keyring) -> None:
    vault._room.store.connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(vault.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="in use"):
        vault.read(ANNA, "customers", "101", purpose="support")
    other.execute("ROLLBACK")
    other.close()
    assert vault.read(ANNA, "customers", "101", purpose="support").rows.num_rows == 1


@dataclass(frozen=True)
class Original:
    """A vault's bytes; what a failing example need not print."""

    content: bytes = field(repr=False)
    keyring: Keyring
    folder: Path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    folder = tmp_path_factory.mktemp("changed")
    keyring = Keyring.create(folder / "keyring", "x", tenant="shop", profile=ScryptProfile("test", cost=2))
    with Vault.create(folder / "vault", keyring, SCHEMA, clock=Clock(), policy=POLICY) as vault:
        vault.put(ADMIN, "customers", CUSTOMERS)
        vault.put(ADMIN, "orders", ORDERS)
    return Original((folder / "vault").read_bytes(), keyring, folder)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_never_ends_in_a_traceback_or_in_a_wrong_answer(original: Original, data: st.DataObject) -> None:
    changed = bytearray(original.content)
    place = data.draw(st.integers(0, len(changed) - 1).filter(lambda place: changed[place]))
    changed[place] ^= data.draw(st.integers(1, 255))
    for old in original.folder.glob("changed*"):
        old.unlink()
    path = original.folder / "changed"
    path.write_bytes(changed)
    with contextlib.suppress(CartveilError), open_vault(path, original.keyring) as vault:
        vault.verify()
        own = vault.read(ONE, "customers", "101", purpose="self_service").rows
        assert own.to_pylist() == CUSTOMERS.slice(0, 1).to_pylist()
        mine = vault.read(ONE, "orders", "101", purpose="self_service").rows
        assert mine.to_pylist() == ORDERS.slice(0, 6).to_pylist()
