"""One table of the bench of protection, Parquet to Parquet: made by one process, protected and measured by another.

`python -m bench.protect_table --rows 100000 --folder /tmp/tables`
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cartveil.events.schema import Table, parse_schema
from cartveil.faces.cluster import PartContext, protect_parts
from cartveil.guard.keys import SecretKey

#: Rows of one part; no part is in memory beside another.
GROUP_ROWS = 100_000

SCHEMA = """
name = "bench"
[tables.orders.columns]
customer = { kind = "user_id", role = "subject", release = "pseudonym" }
order = { kind = "order_id", role = "order", release = "token" }
phone = { kind = "phone", release = "mask" }
time = { kind = "event_time", role = "time", release = { method = "bucket", width = "1h" } }
amount = { kind = "amount", role = "amount", release = { method = "jitter", spread = 0.05 } }
quantity = { kind = "quantity", role = "quantity", release = "keep" }
item = { kind = "product", role = "item", release = "keep" }
"""


def schema() -> Table:
    """Return what the columns are."""
    return parse_schema(SCHEMA).table("orders")


def write_orders(path: Path, rows: int, *, seed: int = 0) -> None:
    """Write orders of customers who come ten times each, in groups of `GROUP_ROWS`."""
    rng = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, GROUP_ROWS):
        group = _orders(rng, np.arange(start, min(start + GROUP_ROWS, rows)), rows // 10)
        writer = writer or pq.ParquetWriter(path, group.schema)
        writer.write_table(group)
    if writer:
        writer.close()


def _orders(rng: np.random.Generator, numbers: np.ndarray, customers: int) -> pa.Table:
    count = len(numbers)
    owner = rng.integers(0, customers, count)
    phone = 13_000_000_000 + owner * 7919 % 6_999_999_999
    return pa.table(
        {
            "customer": pa.array((10_000_000 + owner).astype("U8")),
            "order": pa.array((500_000_000 + numbers).astype("U9")),
            "phone": pa.array(phone.astype("U11")),
            "time": pa.array(1_700_000_000_000_000 + rng.integers(0, 10**13, count), pa.timestamp("us")),
            "amount": pa.array(rng.integers(100, 50_000, count) / 100),
            "quantity": pa.array(rng.integers(1, 12, count)),
            "item": pa.array(rng.integers(20_000, 24_000, count).astype("U5")),
        }
    )


def protect_orders(source: Path, target: Path) -> dict[str, float]:
    """Protect the table; return rows a second, and this process's peak memory in MiB."""
    context = PartContext(schema(), SecretKey(bytes(range(32))))
    _warm_up(target.with_suffix(".first"), context)
    started = time.perf_counter()
    written = protect_parts(source, target, context)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows_a_second": round(written.rows / seconds), "peak_mib": round(peak), "parts": written.parts}


def _warm_up(folder: Path, context: PartContext) -> None:
    """Protect a small table first: what a process does once is not a cost of rows."""
    folder.mkdir()
    write_orders(folder / "in.parquet", 10_000)
    protect_parts(folder / "in.parquet", folder / "out", context)
    shutil.rmtree(folder)


def main() -> None:
    """Make the table, then measure in a fresh process; `--protect` is that process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--protect", action="store_true")
    arguments = parser.parse_args()
    source, target = arguments.folder / f"{arguments.rows}.parquet", arguments.folder / f"{arguments.rows}.out"
    if arguments.protect:
        pa.set_cpu_count(1)
        print(json.dumps(protect_orders(source, target)))
        return
    write_orders(source, arguments.rows)
    subprocess.run([sys.executable, "-m", "bench.protect_table", *sys.argv[1:], "--protect"], check=True)
    source.unlink()
    shutil.rmtree(target)


if __name__ == "__main__":
    main()
