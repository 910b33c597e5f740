"""Releases into batches: events a second and peak memory, from 10^5 to 10^7 events.

`python -m bench.sequences --json bench/results/sequences.json`

A release of 100 events per consumer, in no order, is written into a store; vocabulary and scales are learnt from what
lies before a day; then every event is read once in shuffled batches of windows of 50 steps. Each run is a process of
its own on one thread, the sizes take turns, and figures are medians. Speeds are by the processor's seconds, which on
a machine that does nothing else are those of the clock but for waiting for the disk; `by_clock` is all by the clock.
Peak memory is the largest resident set of the process, mapped pages of the store included.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.report import write_report
from cartveil.insight.sequences import SequenceStore, write_sequences
from cartveil.insight.sequences.batches import BatchPlan, BatchReader
from cartveil.insight.sequences.encoding import learn_encoding
from cartveil.insight.sequences.splits import split_by_time
from cartveil.insight.sequences.store import SequenceSpec
from cartveil.insight.sequences.windows import sliding, whole_sequences

SPEC = SequenceSpec(numeric=("amount",))
EVENTS_EACH, ITEMS, GROUP = 100, 10_000, 100_000
STEPS, BATCH = 50, 256


def write_release(path: Path, events: int, *, seed: int = 0) -> None:
    """Write a release of so many events, in groups of `GROUP`."""
    rng = np.random.default_rng(seed)
    writer = None
    for begin in range(0, events, GROUP):
        group = _events(rng, min(GROUP, events - begin), max(events // EVENTS_EACH, 1))
        group = group.replace_schema_metadata({b"cartveil.release": b"1"})
        writer = writer or pq.ParquetWriter(path, group.schema, compression="zstd")
        writer.write_table(group)
    if writer:
        writer.close()


def _events(rng: np.random.Generator, count: int, consumers: int) -> pa.Table:
    owner = rng.integers(0, consumers, count).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    names = owner.astype(">u8").view(np.uint8).reshape(-1, 8)
    letters = np.frombuffer(b"abcdefghijkmnpqr", "S1")
    pseudonym = letters[np.concatenate([names >> 4, names & 15], axis=1)].view("S16").ravel().astype("U16")
    item = np.minimum(rng.zipf(1.2, count), 10**9) * 7919 % ITEMS
    return pa.table(
        {
            "subject": pa.array(pseudonym),
            "time": pa.array(1_600_000_000_000_000 + rng.integers(0, 10**14, count), pa.timestamp("us")),
            "item": pa.array((20_000 + item).astype("U5")),
            "amount": pa.array(np.round(rng.lognormal(3, 1, count), 2)),
        }
    )


def measure(release: Path, folder: Path) -> dict[str, float]:
    """Take a release through a store into batches; return seconds of each step, and memory in MiB."""
    base = _peak()
    started, clock = time.perf_counter(), [time.process_time()]
    store = write_sequences(release, folder / "store", SPEC)
    clock.append(time.process_time())
    whole = whole_sequences(store)
    split = split_by_time(store, whole, validate=datetime(2022, 9, 1), test=datetime(2023, 4, 1))
    encoding = learn_encoding(store, split.train)
    clock.append(time.process_time())
    read = _read(store, BatchReader(store, encoding))
    clock.append(time.process_time())
    write, learn, batches = np.diff(clock).tolist()
    sizes = {"events": len(store), "consumers": store.consumers, "steps_read": read}
    seconds = {"write": write, "learn": learn, "batches": batches, "clock": time.perf_counter() - started}
    return {**sizes, **seconds, "base_mib": base, "peak_mib": _peak()}


def _read(store: SequenceStore, reader: BatchReader) -> int:
    windows = sliding(whole_sequences(store), length=STEPS + 1, step=STEPS)
    batches = reader.batches(windows, plan=BatchPlan(size=BATCH), random=np.random.default_rng(0))
    return sum(int(batch["lengths"].sum()) for batch in batches)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(release: Path) -> dict[str, float]:
    """Measure in a fresh process."""
    command = [sys.executable, "-m", "bench.sequences", "--measure", str(release)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _measured(release: Path) -> None:
    """Be that process: what a process does once, such as loading a library, is not a cost of events."""
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory(dir=release.parent) as folder:
        place = Path(folder)
        write_release(place / "first.parquet", 10_000)
        (place / "first").mkdir()
        measure(place / "first.parquet", place / "first")
        print(json.dumps(measure(release, place)))


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return medians of several runs of one size."""
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    events, read = middle["events"], middle["steps_read"]
    total = statistics.median(run["write"] + run["learn"] + run["batches"] for run in runs)
    return {
        "events": int(events),
        "consumers": int(middle["consumers"]),
        "events_per_second": round(events / total),
        "by_clock": round(events / middle["clock"]),
        "written_per_second": round(events / middle["write"]),
        "learnt_per_second": round(events / middle["learn"]),
        "batched_per_second": round(read / middle["batches"]),
        "peak_mib": round(max(run["peak_mib"] for run in runs)),
        "base_mib": round(middle["base_mib"]),
    }


def main() -> None:
    """Make the releases, take them through in turns, print and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", default="100000,1000000,10000000", help="sizes, separated by commas")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where releases and stores are written meanwhile")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        _measured(arguments.measure)
        return
    sizes = [int(size) for size in arguments.events.split(",")]
    found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        releases = {size: Path(folder) / f"{size}.parquet" for size in sizes}
        for size, release in releases.items():
            write_release(release, size)
        for _ in range(arguments.repeats):
            for size, release in releases.items():
                found[size].append(run(release))
    rows = [summary(runs) for runs in found.values()]
    _print(rows)
    if arguments.json:
        slowest = min(row["events_per_second"] for row in rows)
        flat = {"slowest_over_fastest": round(slowest / max(row["events_per_second"] for row in rows), 2)}
        write_report(arguments.json, {"rows": rows, **flat}, seeds=[0], threads=1)


def _print(rows: list[dict[str, float]]) -> None:
    print(f"{'':>10} {'events a second':^47}")
    print(f"{'events':>10} {'all':>11} {'written':>11} {'learnt':>11} {'batched':>11} {'peak MiB':>9} (base)")
    for row in rows:
        speeds = (row[f"{name}_per_second"] for name in ("events", "written", "learnt", "batched"))
        print(f"{row['events']:>10} " + " ".join(f"{speed:>11,.0f}" for speed in speeds), end=" ")
        print(f"{row['peak_mib']:>9} ({row['base_mib']})")


if __name__ == "__main__":
    main()
