"""Opening and restoring: old files, lists that were lost or torn, and what lies beside a file that is gone."""

import shutil
from pathlib import Path

import pytest

from cartveil.errors import ErasedError, IntegrityError, StorageError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault
from shop import ADMIN, ANNA, CUSTOMERS, OFFICER, POLICY, Clock, opened


def list_of(folder: Path) -> Path:
    (found,) = folder.glob("erasures-*.jsonl")
    return found


def restored(path: Path, keyring: Keyring) -> Vault:
    return Vault.open(path, keyring, clock=Clock(), policy=POLICY, restored_by=ADMIN)


def test_a_line_torn_by_a_crash_does_not_close_the_vault(
    vault: Vault, keyring: Keyring, path: Path, tmp_path: Path
) -> None:
    vault.erase(OFFICER, "101")
    vault.close()
    with list_of(tmp_path).open("ab") as file:
        file.write(b'{"begun":"2026-11-')  # killed while it wrote
    opened(path, keyring).close()
    with opened(path, keyring) as again:
        again.erase(OFFICER, "102")
    with opened(path, keyring) as again:
        assert again.verify()["consumers"] == 2


def test_a_list_that_is_gone_is_missed_until_somebody_answers_for_it(
    vault: Vault, keyring: Keyring, path: Path, tmp_path: Path
) -> None:
    vault.erase(OFFICER, "101")
    vault.close()
    opened(path, keyring).close()  # it has heeded the list now
    for file in (*tmp_path.glob("erasures-*"), *tmp_path.glob("checkpoint-*")):
        file.unlink()
    with pytest.raises(IntegrityError, match="gone"):
        opened(path, keyring)
    restored(path, keyring).close()
    with opened(path, keyring) as again:
        again.erase(OFFICER, "102")
    with opened(path, keyring) as again:
        with pytest.raises(ErasedError):
            again.read(ANNA, "customers", "102", purpose="support")
        again.verify()


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_what_a_lost_vault_left_is_not_played_into_a_backup(
    vault: Vault, keyring: Keyring, path: Path, tmp_path: Path, ending: str
) -> None:
    backup = tmp_path / "backup"
    vault.backup(ADMIN, backup)
    vault.put(ADMIN, "customers", CUSTOMERS)
    beside = path.with_name(path.name + ending)
    left = path.with_name(path.name + "-wal").read_bytes()
    vault.close()
    shutil.move(path, tmp_path / "broken")
    beside.write_bytes(left)  # as after a crash
    with pytest.raises(StorageError, match="stands there still"):
        Vault.restore(backup, path, keyring, actor=ADMIN, clock=Clock(), policy=POLICY)
    assert beside.read_bytes() == left
    beside.unlink()
    with Vault.restore(backup, path, keyring, actor=ADMIN, clock=Clock(), policy=POLICY) as again:
        assert again.verify()["rows"] == 22
