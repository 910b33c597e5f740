"""After an erasure no byte of key or record is left: in the file, beside it, in a backup put back, in releases."""

import base64
import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from cartveil.errors import ErasedError, IntegrityError, RefusedError
from cartveil.faces.files import write_release
from cartveil.faces.forgetting import forget_many_in
from cartveil.guard.keys import Keyring
from cartveil.guard.store import PostgreSQLStore
from cartveil.guard.vault import Vault, verify_receipt
from shop import ADMIN, ANNA, CUSTOMERS, OFFICER, ONE, ORDERS, POLICY, SCIENCE, Clock, opened

CANARY = "canary-tea-7351"
OTHER = "102"


@pytest.fixture
def told(vault: Vault) -> Vault:
    """The shop, where 101 bought something that rests in the clear and nobody else bought."""
    vault.put(ADMIN, "orders", ORDERS.slice(0, 6).set_column(2, "item", pa.array([CANARY] * 6)))
    return vault


def secrets_of(vault: Vault, subject: str) -> list[bytes]:
    """Return what must vanish: the key, wrapped and clear, the id as it rests, sealed cells, codes and clear values."""
    room = vault._room
    query = "SELECT id, data_key, subject FROM consumers WHERE lookup = ?"
    number, wrapped, sealed = room.store.execute(query, (room.lookup(subject),)).fetchone()
    found = [bytes(wrapped), bytes(sealed), room.keyring.unwrap(bytes(wrapped)).expose()]
    found += [
        bytes(cell) for cell in room.store.execute("SELECT c2 FROM records_1 WHERE consumer = ?", (number,)).fetchone()
    ]
    found += [
        code.encode() for (code,) in room.store.execute("SELECT code FROM search_codes WHERE consumer = ?", (number,))
    ]
    found += [base64.b64encode(found[0]), found[0].hex().encode(), CANARY.encode(), "张三丰".encode()]
    return found


def bytes_in(*folders: Path) -> bytes:
    return b"".join(file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file())


def test_no_byte_is_left_in_any_file_of_the_vault(told: Vault, tmp_path: Path) -> None:
    canaries = secrets_of(told, "101")
    rest = b"".join(file.read_bytes() for file in tmp_path.glob("shop.vault*"))
    assert [canary in rest for canary in canaries].count(True) >= 5
    told.erase(OFFICER, "101")
    assert not [canary for canary in canaries if canary in bytes_in(tmp_path)]
    told.close()
    assert not [canary for canary in canaries if canary in bytes_in(tmp_path)]


class Watch:
    """What is created in some folders, even for a moment; the kernel tells (inotify)."""

    def __init__(self, *folders: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK)
        for folder in folders:
            assert self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), 0x100) >= 0  # IN_CREATE

    def seen(self) -> bytes:
        try:
            return os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return b""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")
def test_no_file_for_a_moment_holds_any_of_it(told: Vault, tmp_path: Path) -> None:
    homes = [Path(name) for name in ("/var/tmp", "/usr/tmp", "/tmp") if Path(name).is_dir()]  # SQLite's own order
    watch = Watch(tmp_path, *homes)
    told.erase_many(OFFICER, ["101", OTHER])
    seen = watch.seen()
    assert b"etilqs" not in seen  # what SQLite calls its temporary files
    assert b"erasures-" in seen  # the watch works
    assert b"-journal" not in seen


def test_releases_that_were_written_lose_the_events(told: Vault, tmp_path: Path) -> None:
    learned = tmp_path / "learned"
    learned.mkdir()
    export = told.export(SCIENCE, purpose="recommendation", recipient="models")
    write_release(learned / "events.parquet", export.events)
    name = told.pseudonyms("101")["recommendation/models/"].encode()
    receipts = told.erase_many(OFFICER, ["101", "103"], forget=[forget_many_in(learned)])
    assert {receipt["forgotten"][0]["events"] for receipt in receipts} == {len(export.events)}
    from cartveil.events.protected import load_protected

    assert name.decode() not in load_protected(learned / "events.parquet").table["subject"].to_pylist()


def test_a_restored_backup_erases_again_before_anything_is_read(
    told: Vault, keyring: Keyring, tmp_path: Path, clock: Clock
) -> None:
    canaries = secrets_of(told, "101")
    assert told.backup(ADMIN, tmp_path / "backup") == (tmp_path / "backup").stat().st_size
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    receipt = told.erase(OFFICER, "101")
    told.close()
    told.path.unlink()
    with Vault.restore(tmp_path / "backup", told.path, keyring, actor=ADMIN, clock=clock, policy=POLICY) as again:
        with pytest.raises(ErasedError):
            again.read(ONE, "customers", "101", purpose="self_service")
        assert again.erase(OFFICER, "101") == receipt
        verify_receipt(receipt, public_key=keyring.public_key)
        assert again.verify()["consumers"] == 3
        with pytest.raises(ErasedError):
            again.put(ADMIN, "customers", CUSTOMERS.slice(0, 1))
        assert again.read(ANNA, "orders", OTHER, purpose="support").rows.num_rows == 6
        rest = b"".join(file.read_bytes() for file in tmp_path.glob("shop.vault*"))
        assert not [canary for canary in canaries if canary in rest]


def test_an_erasure_that_had_only_begun_is_carried_on_in_a_restored_backup(
    told: Vault, keyring: Keyring, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    told.backup(ADMIN, tmp_path / "backup")
    with monkeypatch.context() as patched:
        patched.setattr("cartveil.guard.vault.rights.erasing._delete", killed)
        with pytest.raises(KeyboardInterrupt):
            told.erase(OFFICER, "101")
    told.close()
    told.path.unlink()
    with Vault.restore(tmp_path / "backup", told.path, keyring, actor=ADMIN, clock=clock, policy=POLICY) as again:
        assert again.counts()["consumers"] == 3
        assert again.erase(OFFICER, "101")["deleted"]["orders"] == 12
        again.verify()


def test_who_came_and_was_erased_after_the_backup_stays_erased(
    told: Vault, keyring: Keyring, tmp_path: Path, clock: Clock
) -> None:
    told.backup(ADMIN, tmp_path / "backup")
    late = CUSTOMERS.slice(3, 1).set_column(0, "customer", pa.array([105]))
    told.put(ADMIN, "customers", late)
    receipt = told.erase(OFFICER, "105")
    told.close()
    told.path.unlink()
    with Vault.restore(tmp_path / "backup", told.path, keyring, actor=ADMIN, clock=clock, policy=POLICY) as again:
        assert again.erase(OFFICER, "105") == receipt
        with pytest.raises(ErasedError):
            again.put(ADMIN, "customers", late)
        again.verify()


def test_an_old_file_in_the_new_ones_place_is_noticed(
    told: Vault, keyring: Keyring, tmp_path: Path, clock: Clock
) -> None:
    told.close()
    shutil.copy(told.path, tmp_path / "old")
    with Vault.open(told.path, keyring, clock=clock, policy=POLICY) as vault:
        vault.erase(OFFICER, "101")
    shutil.copy(tmp_path / "old", told.path)
    with pytest.raises(IntegrityError, match="old file"):
        Vault.open(told.path, keyring, clock=clock, policy=POLICY)


def test_a_log_that_took_another_way_is_noticed(told: Vault, keyring: Keyring, tmp_path: Path, clock: Clock) -> None:
    told.close()
    shutil.copy(told.path, tmp_path / "old")
    with Vault.open(told.path, keyring, clock=clock, policy=POLICY) as vault:
        vault.checkpoint()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Vault.open(tmp_path / "old", keyring, clock=clock, policy=POLICY, witness=elsewhere) as vault:
        for _ in range(3):
            vault.read(ANNA, "orders", OTHER, purpose="support")
    with Vault.open(told.path, keyring, clock=clock, policy=POLICY) as vault:
        vault.read(ANNA, "customers", OTHER, purpose="support")
        vault.checkpoint()
    with pytest.raises(IntegrityError, match="not the one"):
        Vault.open(tmp_path / "old", keyring, clock=clock, policy=POLICY)


@pytest.mark.parametrize("change", ["line", "cut"])
def test_a_changed_list_of_the_erased_is_noticed(told: Vault, keyring: Keyring, change: str, clock: Clock) -> None:
    told.erase(OFFICER, "101")
    told.close()
    Vault.open(told.path, keyring, clock=clock, policy=POLICY).close()  # it has heeded the whole list now
    if change == "cut":
        erasures = told._room.witness.erasures
        erasures.write_bytes(erasures.read_bytes()[:-300])
    else:
        with told._room.witness.erasures.open("ab") as file:
            file.write(b'{"lookup":"x","subject":"y","state":"done","begun":"","receipt":null,"mark":"00"}\n')
    with pytest.raises(IntegrityError, match="list of erasures"):
        Vault.open(told.path, keyring, clock=clock, policy=POLICY)


def test_a_torn_last_line_is_no_change(told: Vault, keyring: Keyring, clock: Clock) -> None:
    told.erase(OFFICER, "101")
    told.close()
    with told._room.witness.erasures.open("ab") as file:
        file.write(b'{"lookup":"half')
    with Vault.open(told.path, keyring, clock=clock, policy=POLICY) as again:
        again.erase(OFFICER, OTHER)
        assert len(again._room.witness.lines(0)) == 4


def test_only_who_may_back_up_may_restore(told: Vault, keyring: Keyring, tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(RefusedError):
        told.backup(ANNA, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    told.backup(ADMIN, tmp_path / "backup")
    with pytest.raises(RefusedError):
        Vault.restore(tmp_path / "backup", tmp_path / "new", keyring, actor=ANNA, clock=clock, policy=POLICY)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("under", ["postgresql"], indirect=True)
def test_a_dump_that_is_put_back_is_noticed_and_erases_again(
    vault: Vault, keyring: Keyring, tmp_path: Path, database: str, address: str
) -> None:
    schema, dump = address.rpartition("schema=")[2], tmp_path / "dump.sql"
    subprocess.run(["pg_dump", "--dbname", database, "--schema", schema, "--file", dump], check=True)  # noqa: S607
    receipt = vault.erase(OFFICER, "101")
    vault.close()
    psql = ["psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", database]
    subprocess.run([*psql, "--command", f"DROP SCHEMA {schema} CASCADE"], check=True, capture_output=True)
    subprocess.run([*psql, "--file", dump], check=True, capture_output=True)
    with pytest.raises(IntegrityError, match="old"):
        opened(address, keyring)
    store = PostgreSQLStore.open(address)
    with Vault.open(store, keyring, clock=Clock(), policy=POLICY, restored_by=ADMIN) as again:
        with pytest.raises(ErasedError):
            again.read(ANNA, "customers", "101", purpose="support")
        assert again.erase(OFFICER, "101") == receipt
        assert again.verify()["consumers"] == 3


@pytest.mark.parametrize(
    "query", ["UPDATE meta SET value = 'other' WHERE name = 'vault'", "DELETE FROM meta WHERE name = 'vault'"]
)
def test_a_vault_that_lost_its_name_is_noticed(told: Vault, keyring: Keyring, clock: Clock, query: str) -> None:
    told._room.store.execute(query)
    told.close()
    with pytest.raises(IntegrityError, match="name"):
        Vault.open(told.path, keyring, clock=clock, policy=POLICY)


def test_a_vault_from_before_vaults_had_names_gets_one(told: Vault, keyring: Keyring, clock: Clock) -> None:
    told._room.store.execute("DELETE FROM meta WHERE name IN ('vault', 'vault mark')")
    told._room.witness.checkpoint.unlink()
    told.close()
    with Vault.open(told.path, keyring, clock=clock, policy=POLICY) as vault:
        vault.erase(OFFICER, "101")
        name = vault._room.witness.vault
    with Vault.open(told.path, keyring, clock=clock, policy=POLICY) as again:
        assert again._room.witness.vault == name
        assert len(again._room.witness.lines(0)) == 2
