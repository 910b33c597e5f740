"""The log in its database: what it holds, and every way of tampering that it notices."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cartveil.errors import IntegrityError
from cartveil.guard.audit import ENTRY_SCHEMA, AuditLog, parse_checkpoint, verify_consistency, verify_inclusion
from cartveil.guard.audit.entries import write_entry
from cartveil.guard.audit.log import TABLES
from cartveil.guard.store import SQLiteStore

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def entry(number: int, **changes: object) -> dict[str, object]:
    plain = {"time": START + timedelta(minutes=number), "actor": f"agent {number}", "action": "read", "rows": number}
    return {**plain, "fields": ["name", "phone"], **changes}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore.create(tmp_path / "log.db")
    store.define(TABLES)
    yield store
    store.close()


@pytest.fixture
def log(store: SQLiteStore) -> AuditLog:
    log = AuditLog(store)
    log.append([entry(number) for number in range(9)])
    log.append([entry(9)])
    log.append([])
    return log


def sign(log: AuditLog) -> str:
    return log.checkpoint(KEY.sign, public_key=PUBLIC, origin="cartveil/shop", time=START)


def test_append_returns_the_first_index(log: AuditLog) -> None:
    assert log.append([entry(10), entry(11)]) == 10
    assert log.size == 12


def test_an_untouched_log_verifies(log: AuditLog) -> None:
    note = sign(log)
    log.append([entry(10)])
    assert log.verify(note, public_key=PUBLIC) == {"entries": 11, "checkpoints": 1}


def test_an_empty_log_verifies(store: SQLiteStore) -> None:
    log = AuditLog(store)
    sign(log)
    assert log.verify(public_key=PUBLIC) == {"entries": 0, "checkpoints": 1}
    assert log.events().schema == ENTRY_SCHEMA


def test_proofs_verify_without_the_database(log: AuditLog) -> None:
    old = parse_checkpoint(sign(log))
    log.append([entry(number) for number in range(10, 25)])
    new = parse_checkpoint(sign(log))
    for index in range(log.size):
        proof = log.prove_inclusion(index)
        verify_inclusion(log.entry(index), index=index, size=new.size, proof=proof, root=new.root)
    proof = log.prove_consistency(old.size)
    verify_consistency(old=old.size, new=new.size, old_root=old.root, new_root=new.root, proof=proof)


def test_entries_rolled_back_were_never_there(log: AuditLog, store: SQLiteStore) -> None:
    root = log.root()
    store.execute("BEGIN")
    log.append([entry(10)])
    store.execute("ROLLBACK")
    assert (log.size, log.root()) == (10, root)


def test_entry_is_written_in_one_canonical_way() -> None:
    assert (
        write_entry(entry(3, case="C-1", actor="李雷"))
        == (
            '{"action":"read","actor":"李雷","case":"C-1","decision":"","fields":["name","phone"],"purpose":"","role":"",'
            '"rows":3,"rule":"","session":"","subject":"","table":"","time":"2026-11-22T09:33:00.000000Z","view":""}'
        ).encode()
    )


@pytest.mark.parametrize("changes", [{"value": "x"}, {"time": None}, {"time": datetime(2026, 1, 1)}, {"actor": 3}])
def test_what_is_no_entry_is_refused(log: AuditLog, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="audit entry"):
        log.append([entry(1, **changes)])


def test_events_come_back_in_order_of_time(log: AuditLog) -> None:
    log.append([entry(-5, subject="abc", fields=[])])
    events = log.events()
    assert events.schema == ENTRY_SCHEMA
    assert events["index"].to_pylist() == [10, *range(10)]
    assert events.slice(0, 1).to_pylist()[0] | {"time": START} == {
        "index": 10, "time": START, "actor": "agent -5", "role": "", "action": "read", "purpose": "", "table": "",
        "fields": [], "view": "", "subject": "abc", "rows": -5, "case": "", "decision": "", "rule": "", "session": "",
    }  # fmt: skip
    assert events["time"].to_pylist() == sorted(events["time"].to_pylist())


TAMPERING = {
    "flip": "UPDATE audit_entries SET entry = CAST(replace(CAST(entry AS TEXT), 'agent 4', 'agent 5') AS BLOB)",
    "drop": "DELETE FROM audit_entries WHERE position = 4",
    "truncate": "DELETE FROM audit_entries WHERE position > 4",
    "insert": "INSERT INTO audit_entries SELECT 10, entry FROM audit_entries WHERE position = 0",
    "duplicate": "UPDATE audit_entries SET entry = (SELECT entry FROM audit_entries WHERE position = 3) "
    "WHERE position = 4",
    "leaf": "UPDATE audit_nodes SET hash = zeroblob(32) WHERE level = 0 AND position = 4",
    "node": "UPDATE audit_nodes SET hash = zeroblob(32) WHERE level = 1 AND position = 2",
    "lost node": "DELETE FROM audit_nodes WHERE level = 1 AND position = 2",
    "lost leaf": "DELETE FROM audit_nodes WHERE level = 0 AND position = 4",
    "extra node": "INSERT INTO audit_nodes VALUES (9, 0, zeroblob(32))",
    "checkpoint": "UPDATE audit_checkpoints SET note = replace(note, '10', '11')",
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_noticed(log: AuditLog, store: SQLiteStore, how: str) -> None:
    sign(log)
    before = store.connection.total_changes
    store.execute(TAMPERING[how])
    assert store.connection.total_changes > before
    with pytest.raises(IntegrityError):
        log.verify(public_key=PUBLIC)


@pytest.mark.parametrize("how", ["flip", "drop", "truncate", "duplicate", "leaf", "lost leaf"])
def test_the_first_differing_entry_is_named(log: AuditLog, store: SQLiteStore, how: str) -> None:
    store.execute(TAMPERING[how])
    with pytest.raises(IntegrityError) as caught:
        log.verify(public_key=PUBLIC)
    assert caught.value.path == ("audit[5]" if how == "truncate" else "audit[4]")


def rewrite(store: SQLiteStore, entries: list[dict[str, object]]) -> AuditLog:
    """What someone with the whole database but without the signing key can do."""
    store.execute("DELETE FROM audit_entries")
    store.execute("DELETE FROM audit_nodes")
    log = AuditLog(store)
    log.append(entries)
    return log


@pytest.mark.parametrize("kept", [8, 10, 12])
def test_a_rewritten_log_differs_from_its_checkpoint(log: AuditLog, store: SQLiteStore, kept: int) -> None:
    sign(log)
    forged = rewrite(store, [entry(number, actor="nobody") for number in range(kept)])
    with pytest.raises(IntegrityError, match="checkpoint"):
        forged.verify(public_key=PUBLIC)


def test_a_log_cut_with_its_checkpoints_differs_from_one_kept_outside(
    log: AuditLog, store: SQLiteStore
) -> None:
    early = sign(log)
    log.append([entry(10)])
    outside = sign(log)
    forged = rewrite(store, [entry(number) for number in range(10)])
    store.execute("DELETE FROM audit_checkpoints WHERE size > 10")
    assert forged.verify(early, public_key=PUBLIC)["entries"] == 10
    with pytest.raises(IntegrityError, match="shorter"):
        forged.verify(outside, public_key=PUBLIC)


def test_an_entry_that_is_no_entry_cannot_be_read(store: SQLiteStore) -> None:
    for position, text in enumerate([b"not json", json.dumps({"actor": 3}).encode()]):
        store.execute("INSERT OR REPLACE INTO audit_entries VALUES (0, ?)", (text,))
        with pytest.raises(IntegrityError):
            AuditLog(store).events()
        assert position >= 0
