"""The log in its database: what it holds, and every way of tampering that it notices."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import IntegrityError
from cartveil.guard.audit import ENTRY_SCHEMA, AuditLog, parse_checkpoint, verify_consistency, verify_inclusion
from cartveil.guard.audit.entries import write_entry
from cartveil.guard.audit.log import TABLES
from cartveil.guard.audit.merkle import leaf_hash
from cartveil.guard.audit.tiles import grow
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


def test_entries_come_by_their_indexes_or_not_at_all(log: AuditLog, store: SQLiteStore) -> None:
    assert log.entries(3, 6) == [log.entry(index) for index in (3, 4, 5)]
    with pytest.raises(IntegrityError, match="missing") as caught:
        log.entries(8, 12)
    assert caught.value.path == "audit[10]"
    store.execute("DELETE FROM audit_entries WHERE position = 4")
    for start, end in ((3, 6), (4, 5)):
        with pytest.raises(IntegrityError, match="missing") as caught:
            log.entries(start, end)
        assert caught.value.path == "audit[4]"


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
            '{"action":"read","actor":"李雷","case":"C-1","decision":"","fields":["name","phone"],"purpose":"","reason":"","role":"",'
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
        "reason": "",
    }  # fmt: skip
    assert events["time"].to_pylist() == sorted(events["time"].to_pylist())


TAMPERING = {
    "flip": "UPDATE audit_entries SET entry = CAST(replace(CAST(entry AS TEXT), 'agent 4', 'agent 5') AS BLOB)",
    "drop": "DELETE FROM audit_entries WHERE position = 4",
    "truncate": "DELETE FROM audit_entries WHERE position > 4",
    "insert": "INSERT INTO audit_entries SELECT 10, entry FROM audit_entries WHERE position = 0",
    "duplicate": "UPDATE audit_entries SET entry = (SELECT entry FROM audit_entries WHERE position = 3) "
    "WHERE position = 4",
    "before the first": "INSERT INTO audit_entries SELECT -1, entry FROM audit_entries WHERE position = 0",
    "leaf": "UPDATE audit_tiles SET hashes = CAST(substr(hashes, 1, 128) || zeroblob(32) || substr(hashes, 161) "
    "AS BLOB)",
    "cut tile": "UPDATE audit_tiles SET hashes = substr(hashes, 1, 128)",
    "torn tile": "UPDATE audit_tiles SET hashes = CAST(hashes || x'00' AS BLOB)",
    "lost tile": "DELETE FROM audit_tiles",
    "longer tile": "UPDATE audit_tiles SET hashes = CAST(hashes || zeroblob(32) AS BLOB)",
    "extra tile": "INSERT INTO audit_tiles VALUES (1, 0, zeroblob(32))",
    "lost entries": "DELETE FROM audit_entries",
    "checkpoint": "UPDATE audit_checkpoints SET note = replace(note, '10', '11')",
    "moved checkpoint": "UPDATE audit_checkpoints SET size = 9",
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_noticed(log: AuditLog, store: SQLiteStore, how: str) -> None:
    sign(log)
    before = store.connection.total_changes
    store.execute(TAMPERING[how])
    assert store.connection.total_changes > before
    with pytest.raises(IntegrityError):
        log.verify(public_key=PUBLIC)


@pytest.mark.parametrize("how", ["flip", "drop", "truncate", "duplicate", "leaf", "cut tile"])
def test_the_first_differing_entry_is_named(log: AuditLog, store: SQLiteStore, how: str) -> None:
    store.execute(TAMPERING[how])
    with pytest.raises(IntegrityError) as caught:
        log.verify(public_key=PUBLIC)
    assert caught.value.path == ("audit[5]" if how == "truncate" else "audit[4]")


def test_a_changed_tile_above_the_leaves_is_named_by_its_first_entry(log: AuditLog, store: SQLiteStore) -> None:
    log.append([entry(number) for number in range(600)])
    tile = bytearray(log.tile(1, 0))
    tile[32] ^= 1
    store.execute("UPDATE audit_tiles SET hashes = ? WHERE level = 1", (bytes(tile),))
    with pytest.raises(IntegrityError, match="tree was changed") as caught:
        log.verify(public_key=PUBLIC)
    assert caught.value.path == "audit[256]"


def test_checkpoints_of_two_logs_are_not_of_one(log: AuditLog) -> None:
    sign(log)
    other = log.checkpoint(KEY.sign, public_key=PUBLIC, origin="cartveil/other", time=START)
    log.append([entry(10)])
    sign(log)
    with pytest.raises(IntegrityError, match="another log"):
        log.verify(other, public_key=PUBLIC)


def test_a_checkpoint_cannot_promise_an_entry_that_is_not_there_yet(log: AuditLog, store: SQLiteStore) -> None:
    log.append([entry(10)])
    note = sign(log)
    store.execute("DELETE FROM audit_checkpoints")
    rewrite(store, [entry(number) for number in range(10)])
    with pytest.raises(IntegrityError, match="shorter"):
        log.verify(note, public_key=PUBLIC)


def rewrite(store: SQLiteStore, entries: list[dict[str, object]]) -> AuditLog:
    """What someone with the whole database but without the signing key can do."""
    store.execute("DELETE FROM audit_entries")
    store.execute("DELETE FROM audit_tiles")
    log = AuditLog(store)
    log.append(entries)
    return log


@pytest.mark.parametrize("kept", [8, 10, 12])
def test_a_rewritten_log_differs_from_its_checkpoint(log: AuditLog, store: SQLiteStore, kept: int) -> None:
    sign(log)
    forged = rewrite(store, [entry(number, actor="nobody") for number in range(kept)])
    with pytest.raises(IntegrityError, match="checkpoint"):
        forged.verify(public_key=PUBLIC)


def test_a_log_cut_with_its_checkpoints_differs_from_one_kept_outside(log: AuditLog, store: SQLiteStore) -> None:
    early = sign(log)
    log.append([entry(10)])
    outside = sign(log)
    forged = rewrite(store, [entry(number) for number in range(10)])
    store.execute("DELETE FROM audit_checkpoints WHERE size > 10")
    assert forged.verify(early, public_key=PUBLIC)["entries"] == 10
    with pytest.raises(IntegrityError, match="shorter"):
        forged.verify(outside, public_key=PUBLIC)


def test_an_entry_of_an_earlier_version_hashes_and_reads_as_it_was_written(store: SQLiteStore) -> None:
    log = AuditLog(store)
    old = json.loads(write_entry(entry(0)))
    del old["reason"]
    text = json.dumps(old, sort_keys=True, separators=(",", ":")).encode()
    store.execute("INSERT INTO audit_entries VALUES (0, ?)", (text,))
    store.insert("audit_tiles", ("level", "position", "hashes"), grow([leaf_hash(text)], size=0, tiles=log.tile))
    log.append([entry(1, reason="R-1")])
    assert log.verify(public_key=PUBLIC)["entries"] == 2
    assert log.events()["reason"].to_pylist() == ["", "R-1"]


def test_readers_see_a_whole_log_while_another_program_appends(store: SQLiteStore) -> None:
    def write() -> None:
        writing = SQLiteStore.open(store.path)
        for number in range(60):
            with writing.transaction():
                AuditLog(writing).append([entry(number)] * (1 + number % 40))
                if number % 7 == 0:
                    sign(AuditLog(writing))
        writing.close()

    sign(AuditLog(store))
    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while writer.is_alive():
        log = AuditLog(store)
        size = log.verify(public_key=PUBLIC)["entries"]
        if size:
            proof = log.prove_inclusion(size - 1, size)
            verify_inclusion(log.entry(size - 1), index=size - 1, size=size, proof=proof, root=log.root(size))
        seen.append(size)
    writer.join()
    assert seen == sorted(seen)
    assert AuditLog(store).verify(public_key=PUBLIC)["entries"] == sum(1 + number % 40 for number in range(60))


def test_an_entry_that_is_no_entry_cannot_be_read(store: SQLiteStore) -> None:
    for position, text in enumerate([b"not json", json.dumps({"actor": 3}).encode()]):
        store.execute("INSERT OR REPLACE INTO audit_entries VALUES (0, ?)", (text,))
        with pytest.raises(IntegrityError):
            AuditLog(store).events()
        assert position >= 0


texts = st.text(max_size=6)


@given(
    st.fixed_dictionaries(
        {"time": st.datetimes(timezones=st.timezones())},
        optional={
            **dict.fromkeys(["actor", "case", "reason", "view", "subject", "rule"], texts),
            "fields": st.lists(texts, max_size=3),
            "rows": st.integers(-(2**60), 2**60),
        },
    )
)
def test_the_fast_writer_writes_what_an_encoder_would(given_entry: dict[str, object]) -> None:
    plain = dict.fromkeys(set(ENTRY_SCHEMA.names) - {"index"}, "") | {"fields": [], "rows": 0} | given_entry
    try:
        moment = given_entry["time"].astimezone(UTC)  # type: ignore[attr-defined]
    except OverflowError:  # the first or last day that there is
        return
    plain["time"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    encoded = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert write_entry(given_entry) == encoded.encode()
