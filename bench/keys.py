"""Rotation of a million consumers' keys while others read and write: `python -m bench.keys --json FILE`.

    wrapping   AES-KW alone: `cryptography` key by key, and the batch, in the same run
    quiet      a rotation with nobody else there
    busy       the same with a program that reads one consumer after another (each read decides, writes its durable
               entry of the log, and opens the key) and one that puts a new consumer every 50 ms; the rotation is
               killed with SIGKILL half-way and run again, and destroys the old keys at the end

A read or put that raises anything counts as failed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from bench.report import write_report
from cartveil.errors import CartveilError, DecryptionError
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.policy import Principal
from cartveil.guard.vault import Vault

CONSUMERS = 1_000_000
CHUNK = 100_000
SCALAR = 100_000

SCHEMA = """
name = "shop"
[tables.customers.columns]
customer = { kind = "user_id", role = "subject" }
segment = "category"
"""

ADMIN, ANNA = Principal("ops", "admin"), Principal("anna", "support")


def now() -> datetime:
    """Return the time."""
    return datetime(2026, 11, 23, 12, tzinfo=UTC)


def opened(folder: Path) -> Vault:
    """Open the bench's vault."""
    return Vault.open(folder / "vault.db", Keyring.open(folder / "keyring.json", "bench"), clock=now)


def people(start: int, count: int) -> pa.Table:
    """Return some consumers."""
    ids = pa.array([f"c{number}" for number in range(start, start + count)])
    return pa.table({"customer": ids, "segment": pa.array(["a"] * count)})


def fill(folder: Path, consumers: int) -> float:
    """Make a vault of so many consumers; return the seconds it took."""
    quick = ScryptProfile("bench", cost=2)
    keyring = Keyring.create(folder / "keyring.json", "bench", tenant="shop", profile=quick)
    started = time.perf_counter()
    with Vault.create(folder / "vault.db", keyring, parse_schema(SCHEMA), clock=now) as vault:
        for start in range(0, consumers, CHUNK):
            vault.put(ADMIN, "customers", people(start, min(CHUNK, consumers - start)))
    return time.perf_counter() - started


def wraps(vault: Vault, count: int) -> list[bytes]:
    """Return the first consumers' wrapped keys."""
    query = "SELECT data_key FROM consumers ORDER BY id LIMIT ?"
    return [bytes(wrapped) for (wrapped,) in vault._room.store.execute(query, (count,))]


def wrapping(vault: Vault, consumers: int) -> dict[str, float]:
    """Return keys a second that AES-KW alone unwraps and wraps: one by one, and in batches."""
    keyring, wrapped = vault._room.keyring, wraps(vault, consumers)
    under = keyring._secrets[f"wrapping-{keyring.version}"].expose()
    few = [each[4:] for each in wrapped[:SCALAR]]
    scalar = timed(lambda: [aes_key_wrap(under, aes_key_unwrap(under, each)) for each in few])
    batch = timed(lambda: keyring.rewrap_many(wrapped))
    return {"scalar_keys_per_s": len(few) / scalar, "batch_keys_per_s": len(wrapped) / batch}


def timed(call: Callable[[], Any]) -> float:
    """Return the least of three timings in seconds."""
    found = []
    for _ in range(3):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return min(found)


@contextmanager
def beside(role: str, folder: Path, consumers: int) -> Iterator[Callable[[], dict[str, Any]]]:
    """Run another program beside; give what ends it and returns what it counted."""
    command = [sys.executable, "-m", "bench.keys", "--as", role, "--folder", str(folder), "--consumers", str(consumers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("no pipes")
    process.stdout.readline()  # it is ready

    def end() -> dict[str, Any]:
        out, _ = process.communicate("end\n")
        return dict(json.loads(out))

    try:
        yield end
    finally:
        process.kill()


def reader(folder: Path, consumers: int) -> dict[str, Any]:
    """Read one random consumer after another until told to end."""
    dice, latencies, failed = random.Random(1), [], []
    with opened(folder) as vault:
        vault.read(ANNA, "customers", "c0", purpose="support")
        for _ in until_told():
            subject = f"c{dice.randrange(consumers)}"
            started = time.perf_counter()
            try:
                vault.read(ANNA, "customers", subject, purpose="support")
            except CartveilError as error:
                failed.append(type(error).__name__ + ": " + error.message)
            latencies.append(time.perf_counter() - started)
    return {"served": len(latencies), "failed": len(failed), "errors": sorted(set(failed)), **spread(latencies)}


def writer(folder: Path, consumers: int) -> dict[str, Any]:
    """Put one new consumer every 50 ms until told to end."""
    latencies, failed, number = [], [], 10 * consumers + random.SystemRandom().randrange(10**9)
    with opened(folder) as vault:
        vault.put(ADMIN, "customers", people(number, 1))
        for _ in until_told():
            number += 1
            started = time.perf_counter()
            try:
                vault.put(ADMIN, "customers", people(number, 1))
            except CartveilError as error:
                failed.append(type(error).__name__ + ": " + error.message)
            latencies.append(time.perf_counter() - started)
            time.sleep(0.05)
    return {"put": len(latencies), "failed": len(failed), "errors": sorted(set(failed)), **spread(latencies)}


def until_told() -> Iterator[None]:
    """Go on until a line comes in."""
    print("ready", flush=True)
    os.set_blocking(sys.stdin.fileno(), False)
    while not sys.stdin.readline():
        yield


def spread(latencies: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and greatest latency in milliseconds."""
    cuts = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    return {
        "median_ms": 1000 * statistics.median(latencies),
        "p99_ms": 1000 * cuts[98],
        "longest_ms": 1000 * max(latencies),
    }


def quiet(folder: Path) -> dict[str, Any]:
    """Rotate with nobody else there."""
    with opened(folder) as vault:
        started, worked = time.perf_counter(), time.process_time()
        done = vault.rotate_keys(ADMIN)
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
    rate = {"consumers_per_s": done.rewrapped / seconds, "consumers_per_cpu_s": done.rewrapped / worked}
    return {"consumers": done.rewrapped, "seconds": seconds, "cpu_seconds": worked, **rate}


def idle_reads(folder: Path, consumers: int) -> dict[str, Any]:
    """Read for two seconds with nobody else there."""
    with beside("reader", folder, consumers) as end:
        time.sleep(2)
        return end()


def killed(folder: Path) -> int:
    """Rotate in a process of its own, kill it half-way, and return how many consumers were done."""
    command = [sys.executable, "-m", "bench.keys", "--as", "rotator", "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if process.stdout is None:
        raise RuntimeError("no pipe")
    for line in process.stdout:
        done, total = map(int, line.split())
        if done >= total // 2:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    return done


def busy(folder: Path, consumers: int) -> dict[str, Any]:
    """Rotate among readers and writers, killed half-way, and destroy the old keys."""
    with opened(folder) as vault:
        before = wraps(vault, 1000)
    with beside("reader", folder, consumers) as end_reader, beside("writer", folder, consumers) as end_writer:
        done = killed(folder)
        with opened(folder) as vault:
            started = time.perf_counter()
            rotation = vault.rotate_keys(ADMIN, destroy_old=True)
            seconds = time.perf_counter() - started
        time.sleep(0.5)
        reads, puts = end_reader(), end_writer()
    return {
        "done_when_killed": done,
        "resumed": {"consumers": rotation.rewrapped, "seconds": seconds, "per_s": rotation.rewrapped / seconds},
        "destroyed": list(rotation.destroyed),
        "reads": reads,
        "puts": puts,
        "old_wraps_that_open": still_open(folder, before),
    }


def still_open(folder: Path, wrapped: list[bytes]) -> int:
    """Return how many of the old wraps the keyring's file still opens."""
    keyring, count = Keyring.open(folder / "keyring.json", "bench"), 0
    for each in wrapped:
        try:
            keyring.unwrap(each)
            count += 1
        except DecryptionError:
            pass
    return count


def measure(folder: Path, consumers: int) -> dict[str, Any]:
    """Return all figures."""
    filled = fill(folder, consumers)
    with opened(folder) as vault:
        limit = wrapping(vault, consumers)
    alone, idle, crowded = quiet(folder), idle_reads(folder, consumers), busy(folder, consumers)
    with opened(folder) as vault:
        checked = vault.verify()
    figures = {"consumers": consumers, "fill_seconds": filled, "wrapping": limit, "quiet": alone, "busy": crowded}
    return {**figures, "reads_without_rotation": idle, "verified": checked, "bytes": size(folder)}


def size(folder: Path) -> int:
    """Return the bytes of the vault's file."""
    return (folder / "vault.db").stat().st_size


def part(role: str, folder: Path, consumers: int) -> None:
    """Be one of the programs beside."""
    if role == "rotator":
        with opened(folder) as vault:
            vault.rotate_keys(ADMIN, on_progress=lambda done, total: print(done, total, flush=True))
    else:
        print(json.dumps({"reader": reader, "writer": writer}[role](folder, consumers)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consumers", type=int, default=CONSUMERS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help="Where the vault lies; a temporary folder if none.")
    parser.add_argument("--as", dest="role", choices=["reader", "writer", "rotator"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.role:
        part(asked.role, asked.folder, asked.consumers)
        return
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    try:
        figures = measure(folder, asked.consumers)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(figures, indent=2))
    if asked.json:
        write_report(asked.json, figures, threads=1)


if __name__ == "__main__":
    main()
