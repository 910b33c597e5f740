"""How fast a vault takes and gives, in a file and in PostgreSQL: `python -m bench.store --json FILE`.

    put      values a second through the whole door: policy, sealing under a key per consumer, codes, marks, log
    insert   the same resting rows, handed to the store alone: bulk, and row by row
    limit    the same rows as bytes that were made before: PostgreSQL's COPY of them; SQLite's limit is its `insert`
    read     consumers a second: one durable entry each, and a hundred with one
    find     searches a second by a whole phone number
    answer   milliseconds of a page of 50 by four digits: the first, and one after two thirds of all that were found
    cpu      the processor's milliseconds of one read, and of them for the comparison of its rows with their marks

The best of several short bursts: others use the machine as well.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.report import write_report
from bench.server import running_server
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.policy import Principal
from cartveil.guard.store import PostgreSQLStore, SQLiteStore, Store
from cartveil.guard.store.cells import COPY_END, COPY_HEADER, copied
from cartveil.guard.vault import Vault, Wish
from cartveil.guard.vault.rows import resting

SCHEMA = parse_schema(
    """
    name = "shop"
    [tables.orders.columns]
    customer = { kind = "user_id", role = "subject" }
    order = "order_id"
    phone = "phone"
    item = "product"
    price = "amount"
    time = "event_time"
    """
)

ADMIN, ANNA = Principal("ops", "admin"), Principal("anna", "support")
ASKED: dict[str, Any] = {"purpose": "support", "context": {"case": "C-1"}}

#: Rows of one consumer.
EACH = 4


def now() -> datetime:
    """Return a time."""
    return datetime(2026, 11, 23, 12, tzinfo=UTC)


def phone(number: int) -> str:
    """Return a number of its own for each of a million consumers; one in a hundred shares its last four digits."""
    return f"138{number // 100:04d}{number % 100:04d}"


def orders(start: int, rows: int) -> pa.Table:
    """Return rows of orders."""
    numbers = range(start, start + rows)
    times = pa.array([number * 1_000_000 for number in numbers], pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "customer": [f"c{number // EACH}" for number in numbers],
            "order": [f"A{number}" for number in numbers],
            "phone": [phone(number // EACH) for number in numbers],
            "item": [f"item {number % 500}" for number in numbers],
            "price": [1.0 + number % 90 for number in numbers],
            "time": times,
        }
    )


def best(work: Callable[[int], int], *, turns: int = 3) -> float:
    """Return the most units a second of a few turns; `work` takes the turn's number and returns its units."""
    speeds = []
    for turn in range(turns):
        started = time.perf_counter()
        units = work(turn)
        speeds.append(units / (time.perf_counter() - started))
    return max(speeds)


def measure(store: Store, keyring: Keyring, rows: int) -> dict[str, Any]:
    """Measure one store."""
    with Vault.create(store, keyring, SCHEMA, clock=now) as vault:
        vault.put(ADMIN, "orders", orders(10_000_000, 2000))  # self-tests, prepared statements, pages
        figures = {"put": best(lambda turn: vault.put(ADMIN, "orders", orders(turn * rows, rows)).values)}
        figures |= reads(vault, rows) | inserts(store, rows)
    return {name: round(value, 2 if value < 100 else 0) for name, value in figures.items()}


def reads(vault: Vault, rows: int) -> dict[str, float]:
    """Measure reading and searching."""
    people = rows // EACH

    def one(turn: int) -> int:
        for number in range(turn * 100, turn * 100 + 100):
            vault.read(ANNA, "orders", f"c{number % people}", **ASKED)
        return 100

    def many(turn: int) -> int:
        vault.read_many([Wish(ANNA, "orders", f"c{(turn * 100 + n) % people}", **ASKED) for n in range(100)])
        return 100

    def find(turn: int) -> int:
        found = 0
        for number in range(turn * 50, turn * 50 + 50):
            found += len(vault.find(ANNA, "orders", {"phone": phone(number % people)}, **ASKED))
        return found // EACH

    by_four: dict[str, Any] = {**ASKED, "last_four": True, "fields": ["item"]}

    def page(after: int) -> int:
        return len(vault.find(ANNA, "orders", {"phone": "0001"}, **by_four, after=after)) // 50

    answers = {"answer_first": 1000 / best(lambda _: page(0)), "answer_late": 1000 / best(lambda _: page(rows * 2))}
    alone = {"read": best(one), "read_many": best(many), "find": best(find), **answers}
    spent, whole = spent_on_marks(lambda: one(0))
    return {**alone, "read_cpu_ms": whole * 10, "marks_cpu_ms": spent * 10}


def spent_on_marks(work: Callable[[], object]) -> tuple[float, float]:
    """Return the processor's seconds that some work takes to compare rows with their marks, and takes at all."""
    compare, spent = resting._compare, 0.0

    def timed(*arguments: Any) -> None:
        nonlocal spent
        started = time.process_time()
        compare(*arguments)
        spent += time.process_time() - started

    resting._compare = timed
    started = time.process_time()
    try:
        work()
    finally:
        resting._compare = compare
    return spent, time.process_time() - started


def inserts(store: Store, rows: int) -> dict[str, float]:
    """Measure the store alone, with the rows that `put` left in it."""
    names = [f"c{place}" for place in range(1, 6)]
    columns = ["row", "consumer", *names, "mark"]
    lines = store.execute(f"SELECT {', '.join(columns)} FROM records_1 LIMIT {rows}").fetchall()  # noqa: S608
    values = len(lines) * len(columns)
    cells = "".join(f", {name} ANY" for name in names)
    store.define(f"CREATE TABLE spare (row INTEGER PRIMARY KEY, consumer INTEGER{cells}, mark BLOB) STRICT;")

    def bulk(_: int) -> int:
        with store.transaction():
            store.execute("DELETE FROM spare")
            store.insert("spare", columns, lines)
        return values

    def singly(_: int) -> int:
        with store.transaction():
            store.execute("DELETE FROM spare")
            for start in range(0, len(lines) // 10, 8):
                store.insert("spare", columns, lines[start : start + 8])
        return values // 10

    figures = {"insert_bulk": best(bulk), "insert_rows": best(singly, turns=2)}
    if isinstance(store, PostgreSQLStore):
        types = store._types_of("spare", ", ".join(columns))
        ready = b"".join(copied(types, lines))

        def copy(_: int) -> int:
            with store.transaction(), store.connection.cursor() as cursor:
                cursor.execute("DELETE FROM spare")
                with cursor.copy(f"COPY spare ({', '.join(columns)}) FROM STDIN (FORMAT binary)".encode()) as out:
                    out.write(COPY_HEADER)
                    out.write(ready)
                    out.write(COPY_END)
            return values

        figures["limit"] = best(copy)
    return figures


def keyring_in(folder: Path) -> Keyring:
    """Make a keyring."""
    return Keyring.create(folder / "keyring", "bench", tenant="shop", profile=ScryptProfile("bench", cost=2))


def main() -> None:
    """Run both stores and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rows", type=int, default=40_000)
    words = parser.parse_args()
    figures = {}
    folders = [Path(tempfile.mkdtemp()) for _ in range(2)]
    file = SQLiteStore.create(folders[0] / "vault.db")
    figures["sqlite"] = measure(file, keyring_in(folders[0]), words.rows)
    with running_server() as server:
        store = PostgreSQLStore.create(server.address("bench"))
        figures["postgresql"] = measure(store, keyring_in(folders[1]), words.rows)
    for name, each in figures.items():
        print(name, *(f"{key}={value:,}" for key, value in each.items()))
    if words.json is not None:
        write_report(words.json, {"rows": words.rows, **figures}, threads=1)


if __name__ == "__main__":
    main()
