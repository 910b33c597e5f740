"""Speed of the audit log, beside what its database and its hash can do at most, and ten thousand attacks on it.

    python -m bench.audit --json bench/results/audit.json

Appends are durable (SQLite, WAL, `synchronous=FULL`) on the disk that holds the folder of temporary files. Limits are
measured in the same run: the same bytes inserted into a table without a tree, and SHA-256 over the same bytes without
a database. Every figure is the best of several short runs; the single entry is a median.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.report import write_report
from bench.tampering import START, attack_all, made_up
from cartveil.guard.audit import AuditLog, parse_checkpoint, verify_consistency, verify_inclusion
from cartveil.guard.audit.entries import write_entry
from cartveil.guard.audit.log import TABLES
from cartveil.guard.audit.publishing import publish, verify_published
from cartveil.guard.store import SQLiteStore

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ENTRIES, SINGLES, PROOFS = 50_000, 500, 300
GROUPS = (1, 10, 100, 1_000, 10_000)
SEED = 20261122


def speeds(*, runs: int) -> dict[str, Any]:
    """Return the speed of appending, proving, verifying, reading and publishing."""
    entries = [made_up(number) for number in range(ENTRIES)]
    with tempfile.TemporaryDirectory() as folder:
        log, store = _new_log(Path(folder) / "log.db")
        grouped = {str(size): _grouped(log, store, entries, size=size, runs=runs) for size in GROUPS}
        single = [_single(log, store, entry) for entry in entries[:SINGLES]]
        size = log.size
        figures = {
            "entries": size,
            "bytes_per_entry": store.path.stat().st_size / size,
            "grouped_entries_per_second": grouped,
            "single_milliseconds": {
                "median": statistics.median(single) * 1e3,
                "p95": statistics.quantiles(single, n=20)[-1] * 1e3,
                "p99": statistics.quantiles(single, n=100)[-1] * 1e3,
            },
            **_reading(log, runs=runs),
            **_proving(log),
            **_publishing(log, Path(folder) / "public"),
        }
        store.close()
        return {**figures, "limits": _limits(entries, Path(folder) / "raw.db", runs=runs)}


def _new_log(path: Path) -> tuple[AuditLog, SQLiteStore]:
    store = SQLiteStore.create(path)
    store.define(TABLES)
    return AuditLog(store), store


def _append(log: AuditLog, store: SQLiteStore, entries: list[dict[str, object]]) -> None:
    with store.transaction():
        log.append(entries)


def _single(log: AuditLog, store: SQLiteStore, entry: dict[str, object]) -> float:
    return _seconds(lambda: _append(log, store, [entry]))


def _grouped(log: AuditLog, store: SQLiteStore, entries: list[dict[str, object]], *, size: int, runs: int) -> float:
    # Small groups wait for the disk: fewer entries are enough to know their speed.
    some = entries[: min(len(entries), size * 200)]
    groups = [some[place : place + size] for place in range(0, len(some), size)]
    return len(some) / _best(lambda: [_append(log, store, group) for group in groups], runs)


def _reading(log: AuditLog, *, runs: int) -> dict[str, float]:
    log.checkpoint(KEY.sign, public_key=PUBLIC, origin="cartveil/bench", time=START)
    return {
        "verified_entries_per_second": log.size / _best(lambda: log.verify(public_key=PUBLIC), runs),
        "read_entries_per_second": log.size / _best(log.events, runs),
    }


def _proving(log: AuditLog) -> dict[str, float]:
    size, root = log.size, log.root()
    places = [number * 7919 % size for number in range(PROOFS)]
    proofs: list[list[bytes]] = []
    inclusion = _seconds(lambda: proofs.extend(log.prove_inclusion(place) for place in places))
    checked = _seconds(
        lambda: [
            verify_inclusion(log.entry(place), index=place, size=size, proof=proof, root=root)
            for place, proof in zip(places, proofs, strict=True)
        ]
    )
    roots = [log.root(place) for place in places]
    steps: list[list[bytes]] = []
    consistency = _seconds(lambda: steps.extend(log.prove_consistency(place) for place in places))
    for place, old, proof in zip(places, roots, steps, strict=True):
        verify_consistency(old=place, new=size, old_root=old, new_root=root, proof=proof)
    return {
        "inclusion_proof_milliseconds": inclusion / PROOFS * 1e3,
        "consistency_proof_milliseconds": consistency / PROOFS * 1e3,
        "inclusion_checked_milliseconds": checked / PROOFS * 1e3,
    }


def _publishing(log: AuditLog, folder: Path) -> dict[str, float]:
    note = log.latest_checkpoint() or ""
    first = _seconds(lambda: publish(log, note, folder, public_key=PUBLIC, entries=True))
    log.append([made_up(number) for number in range(100)])
    later = log.checkpoint(KEY.sign, public_key=PUBLIC, origin="cartveil/bench", time=START + timedelta(1))
    more = _seconds(lambda: publish(log, later, folder, public_key=PUBLIC, entries=True))
    checked = _seconds(lambda: verify_published(folder, public_key=PUBLIC))
    return {
        "published_entries_per_second": parse_checkpoint(note).size / first,
        "publishing_100_more_milliseconds": more * 1e3,
        "published_verified_entries_per_second": log.size / checked,
    }


def _limits(entries: list[dict[str, object]], path: Path, *, runs: int) -> dict[str, float]:
    """Return what the database and the hash do with the same bytes and nothing else."""
    written = [write_entry(entry) for entry in entries]
    store = SQLiteStore.create(path)
    store.define("CREATE TABLE raw (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;")
    raw: list[bytes] = []

    def insert() -> None:
        for place in range(0, len(written), 1_000):
            with store.transaction():
                store.insert("raw", ("position", "entry"), enumerate(written[place : place + 1_000], len(raw)))
            raw.extend(written[place : place + 1_000])

    rows = len(written) / _best(insert, runs)
    pair = bytes(65)
    store.close()
    return {
        "sqlite_rows_per_second_in_groups_of_1000": rows,
        "sha256_entry_and_node_per_second": len(written)
        / _best(lambda: [(hashlib.sha256(entry).digest(), hashlib.sha256(pair).digest()) for entry in written], runs),
        "write_entry_per_second": len(written) / _best(lambda: [write_entry(entry) for entry in entries], runs),
    }


def _best(work: Callable[[], object], runs: int) -> float:
    return min(_seconds(work) for _ in range(runs))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attacks", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = speeds(runs=arguments.runs)
    for name, value in figures.items():
        print(name, value)
    attacks = attack_all(arguments.attacks, seed=SEED)
    for kind, counts in attacks.items():
        print(f"{kind:20}", counts)
    total = {name: sum(kind[name] for kind in attacks.values()) for name in ("attacks", "undetected")}
    print(total)
    if arguments.json:
        write_report(arguments.json, {**figures, "attacks": {**attacks, "all": total}}, seeds=[SEED], threads=1)


if __name__ == "__main__":
    main()
