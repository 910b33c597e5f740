"""A vault of layout 1 is brought to today's when it is opened, and is what it was."""

from pathlib import Path

import pytest

from cartveil.errors import IntegrityError, StorageError
from cartveil.guard.audit.merkle import build, leaf_hash
from cartveil.guard.keys import Keyring
from cartveil.guard.store.sqlite import LAYOUT
from cartveil.guard.vault import Vault
from shop import ANNA, BOTH_STORES, CASE, OFFICER, Clock, opened

LAYOUT_1 = """
CREATE TABLE audit_nodes (
  level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;
DROP TABLE audit_tiles;
"""


@pytest.fixture
def old(vault: Vault, path: Path) -> Path:
    """Return a vault with a log of 300 entries as layout 1 kept it."""
    room = vault._room
    with room.store.transaction():
        room.log.append([{"time": room.now(), "actor": f"{number}"} for number in range(300)])
    leaves = [leaf_hash(entry) for entry in room.log.entries(0, room.log.size)]
    room.store.define(LAYOUT_1)
    rows = ((level, place, value) for level, row in enumerate(build(leaves)) for place, value in enumerate(row))
    room.store.insert("audit_nodes", ("level", "position", "hash"), rows)
    room.store.layout = 1
    vault.close()
    return path


def test_an_old_vault_opens_verifies_and_goes_on(old: Path, keyring: Keyring, clock: Clock) -> None:
    with Vault.open(old, keyring, clock=clock) as vault:
        assert vault.verify()["entries"] > 300
        assert vault.read(ANNA, "orders", "101", purpose="support", context=CASE).rows.num_rows == 6
        note = vault.checkpoint()
        assert vault._room.store.layout == LAYOUT
    with Vault.open(old, keyring, clock=clock) as vault:
        vault.erase(OFFICER, "101")
        assert vault.verify(note)["consumers"] == 3


def test_what_was_tampered_with_before_is_found_out_after(old: Path, keyring: Keyring, clock: Clock) -> None:
    change(old, "UPDATE audit_entries SET entry = CAST('{}' AS BLOB) WHERE position = 7")
    with Vault.open(old, keyring, clock=clock) as vault, pytest.raises(IntegrityError) as caught:
        vault.verify_log()
    assert caught.value.path == "audit[7]"


def test_a_tree_with_a_hole_is_not_brought_over(old: Path, keyring: Keyring, clock: Clock) -> None:
    change(old, "DELETE FROM audit_nodes WHERE level = 0 AND position = 7")
    before = old.read_bytes()
    with pytest.raises(IntegrityError, match="missing"):
        Vault.open(old, keyring, clock=clock)
    assert old.read_bytes() == before


@pytest.mark.parametrize("layout", [0, LAYOUT + 1])
def test_other_layouts_are_refused(old: Path, keyring: Keyring, clock: Clock, layout: int) -> None:
    change(old, f"PRAGMA user_version = {layout}")
    with pytest.raises(StorageError, match=f"layout {layout}"):
        Vault.open(old, keyring, clock=clock)


def change(path: Path, query: str) -> None:
    import sqlite3

    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(query)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


@BOTH_STORES
def test_a_vault_of_layout_2_gets_its_ledger(vault: Vault, place: Path | str, keyring: Keyring, clock: Clock) -> None:
    store = vault._room.store
    store.execute("DROP TABLE budgets")
    store.layout = 2
    vault.close()
    with opened(place, keyring, clock) as vault:
        assert vault._room.store.layout == LAYOUT
        vault.grant_budget(OFFICER, "orders", purpose="recommendation", epsilon=4, delta=1e-6)
        vault.verify()
    with opened(place, keyring, clock) as vault:
        assert [budget.epsilon for budget in vault.budgets(OFFICER)] == [4]
