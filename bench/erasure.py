"""Seconds to erase 10^2, 10^3 and 10^4 consumers in one call: `python -m bench.erasure`.

A vault of `CONSUMERS` people, each with one row of customers and five of orders, is filled once and copied for each
round. In the same run, on another copy: the plain `DELETE` of the same rows with the same settings of SQLite and the
same transactions, which is what forgetting costs where nobody writes it down, proves it, or hands out a receipt.
"""

import argparse
import shutil
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.report import write_report
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.policy import Policy, Principal
from cartveil.guard.vault import Vault, verify_receipt
from cartveil.guard.vault.rights.erasing import GROUP

CONSUMERS, ORDERS = 11_000, 5
SIZES = (100, 1_000, 10_000)
ROUNDS = 3

SCHEMA = parse_schema(
    """
    name = "shop"
    [tables.customers.columns]
    customer = { kind = "user_id", role = "subject" }
    name = "person_name"
    phone = "phone"
    address = "address"
    consent = { kind = "consent", role = "consent" }
    [tables.orders.columns]
    order = { kind = "order_id", role = "order" }
    customer = { kind = "user_id", role = "subject" }
    item = { kind = "product", role = "item" }
    price = { kind = "amount", role = "amount" }
    time = { kind = "event_time", role = "time" }
    """
)
OFFICER = Principal("olga", "privacy_officer")
POLICY = Policy.load()


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def fill(folder: Path) -> Keyring:
    """Make the vault that every round starts from."""
    keyring = Keyring.create(folder / "keyring.json", "bench", tenant="shop", profile=ScryptProfile("bench", cost=2))
    names = [f"u{number}" for number in range(CONSUMERS)]
    people = {
        "customer": names,
        "name": [f"Name {number}" for number in range(CONSUMERS)],
        "phone": [f"138{number:08d}" for number in range(CONSUMERS)],
        "address": [f"{number} High Street, Leeds" for number in range(CONSUMERS)],
        "consent": ["recommendation"] * CONSUMERS,
    }
    count = CONSUMERS * ORDERS
    orders = {
        "order": [f"o{number}" for number in range(count)],
        "customer": [names[number % CONSUMERS] for number in range(count)],
        "item": [f"item {number % 900}" for number in range(count)],
        "price": [float(number % 50) for number in range(count)],
        "time": pa.array([1_760_000_000 + number for number in range(count)], pa.timestamp("s", "UTC")),
    }
    with Vault.create(folder / "vault.db", keyring, SCHEMA, clock=now, policy=POLICY, witness=folder) as vault:
        admin = Principal("root", "admin")
        vault.put(admin, "customers", pa.table(people))
        vault.put(admin, "orders", pa.table(orders))
        vault.export(Principal("lab", "data_science"), purpose="recommendation", recipient="models")
    return keyring


def erase(start: Path, keyring: Keyring, size: int, work: Path) -> dict[str, float]:
    """Erase from a copy; return seconds, and the sizes of what came of it."""
    shutil.copytree(start, work)
    with Vault.open(work / "vault.db", keyring, clock=now, policy=POLICY, witness=work) as vault:
        before, work_before = time.perf_counter(), time.process_time()
        receipts = vault.erase_many(OFFICER, [f"u{number}" for number in range(size)])
        seconds, cpu = time.perf_counter() - before, time.process_time() - work_before
        verify_receipt(receipts[-1], public_key=keyring.public_key)
        vault.verify()
        (written,) = vault._room.store.execute("SELECT sum(length(receipt)) FROM erasures").fetchone()
    listed = sum(path.stat().st_size for path in work.glob("erasures-*"))
    shutil.rmtree(work)
    return {"seconds": seconds, "cpu": cpu, "receipt_bytes": written / size, "list_bytes": listed / size}


def delete(start: Path, size: int, work: Path) -> dict[str, float]:
    """Delete the same rows from another copy, without log, receipt or list; return seconds."""
    shutil.copytree(start, work)
    connection = sqlite3.connect(work / "vault.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "cache_size = -32000"):
        connection.execute(f"PRAGMA {pragma}")
    before, work_before = time.perf_counter(), time.process_time()
    numbers = list(range(1, size + 1))
    for first in range(0, size, GROUP):
        some = numbers[first : first + GROUP]
        marks = ",".join("?" * len(some))
        connection.execute("BEGIN IMMEDIATE")
        for table, column in (
            ("search_codes", "consumer"), ("records_1", "consumer"), ("records_2", "consumer"), ("consumers", "id"),
        ):  # fmt: skip
            connection.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", some)  # noqa: S608 - made-up names
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    seconds, cpu = time.perf_counter() - before, time.process_time() - work_before
    connection.close()
    shutil.rmtree(work)
    return {"seconds": seconds, "cpu": cpu}


def measure(folder: Path) -> dict[str, Any]:
    """Return all figures."""
    start = folder / "start"
    start.mkdir()
    keyring = fill(start)
    figures: dict[str, Any] = {"consumers": CONSUMERS, "rows_each": 1 + ORDERS, "rounds": ROUNDS, "erased": {}}
    for size in SIZES:
        rounds = [(erase(start, keyring, size, folder / "work"), delete(start, size, folder / "work"))
                  for _ in range(ROUNDS)]  # fmt: skip
        ours, plain = ([each[place] for each in rounds] for place in (0, 1))
        seconds = statistics.median(each["seconds"] for each in ours)
        figures["erased"][str(size)] = {
            "seconds": round(seconds, 3),
            "ms_each": round(1000 * seconds / size, 3),
            "cpu_ms_each": round(1000 * statistics.median(each["cpu"] for each in ours) / size, 3),
            "plain_delete_seconds": round(statistics.median(each["seconds"] for each in plain), 3),
            "plain_delete_cpu_ms_each": round(1000 * statistics.median(each["cpu"] for each in plain) / size, 3),
            "receipt_bytes": round(ours[0]["receipt_bytes"]),
            "list_bytes": round(ours[0]["list_bytes"]),
        }
        print(size, figures["erased"][str(size)])
    return figures


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", default="bench/results/erasure.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    write_report(arguments.json, figures, threads=1)


if __name__ == "__main__":
    main()
