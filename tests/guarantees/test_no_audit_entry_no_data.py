"""If the audit entry cannot be written, no key is opened, nothing is returned and nothing is changed."""

from collections.abc import Callable

import pytest

from cartveil.errors import StorageError
from cartveil.guard.audit import AuditLog
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault, Wish
from shop import ADMIN, ANNA, CUSTOMERS, OFFICER, ORDERS, SCIENCE

ACTS: dict[str, Callable[[Vault], object]] = {
    "read": lambda vault: vault.read(ANNA, "customers", "101", purpose="support"),
    "reveal": lambda vault: vault.reveal(
        ANNA, "customers", "101", fields=["phone"], purpose="support", context={"case": "C-1"}
    ),
    "read many": lambda vault: vault.read_many([Wish(ANNA, "customers", "101", "support")] * 3),
    "put": lambda vault: vault.put(ADMIN, "orders", ORDERS),
    "put new": lambda vault: vault.put(ADMIN, "customers", CUSTOMERS.set_column(0, "customer", [[7, 8, 9, 10]])),
    "export": lambda vault: vault.export(SCIENCE, purpose="recommendation", recipient="models"),
    "audit": lambda vault: vault.audit_events(OFFICER),
    "grant": lambda vault: vault.grant_budget(OFFICER, "orders", purpose="forecast", epsilon=1, delta=1e-6),
    "reserve": lambda vault: vault.reserve_budget(SCIENCE, "orders", purpose="recommendation", epsilon=1, delta=0),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("when", ["append", "commit"])
def test_without_entry_nothing_happens(vault: Vault, monkeypatch: pytest.MonkeyPatch, act: str, when: str) -> None:
    before = vault.verify()
    opened: list[str] = []
    unwrap = Keyring.unwrap

    def watched(self: Keyring, wrapped: bytes):
        opened.append("key")
        return unwrap(self, wrapped)

    with monkeypatch.context() as patch:
        patch.setattr(Keyring, "unwrap", watched)
        if when == "append":
            patch.setattr(AuditLog, "append", fail)
        else:
            connection = vault._room.store.connection
            connection.set_authorizer(no_entries)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the two ways of failing differ
            ACTS[act](vault)
        vault._room.store.connection.set_authorizer(None)
    assert "138" not in str(caught.value)
    if act.startswith(("read", "reveal")):
        assert not opened, "a key was opened before the entry was written"
    assert vault.verify() == before


def fail(*_: object) -> int:
    raise StorageError("the log cannot be written")


def no_entries(action: int, name: str | None, *_: object) -> int:
    """Forbid SQLite to insert into the log."""
    import sqlite3

    forbidden = action == sqlite3.SQLITE_INSERT and name == "audit_entries"
    return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK


def test_the_entry_is_committed_when_the_key_is_opened(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    seen: list[int] = []
    unwrap = Keyring.unwrap

    def counting(self: Keyring, wrapped: bytes):
        with sqlite3.connect(vault.path) as other:  # sees only what is committed
            seen.append(other.execute("SELECT count(*) FROM audit_entries").fetchone()[0])
        other.close()
        return unwrap(self, wrapped)

    entries = vault._room.log.size
    monkeypatch.setattr(Keyring, "unwrap", counting)
    vault.read(ANNA, "customers", "101", purpose="support")
    assert seen == [entries + 1]
