"""How long the scan takes over one large CSV of customers and their orders, and how much memory."""

import resource
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from bench.columns import numbers, people, places
from bench.columns import writers as v
from cartveil.events.scanning import scan_files

_BASE_ROWS = 100_000
_COLUMNS: dict[str, tuple[str, v.Writer]] = {
    "customer": ("user_id", v.pattern("C########")),
    "姓名": ("person_name", people.zh_name),
    "mobile": ("phone", numbers.cn_mobile()),
    "email": ("email", people.email),
    "address": ("address", places.zh_address()),
    "card": ("payment_card", numbers.card("################")),
    "ordered_at": ("event_time", v.moment("%Y-%m-%d %H:%M:%S")),
    "sku": ("product", v.pattern("@@-####")),
    "qty": ("quantity", v.between(1, 9)),
    "price": ("amount", v.decimals(1, 900)),
    "status": ("category", v.one_of("paid", "sent", "returned")),
    "note": ("free_text", people.note("zh", 0.02)),
}


def speed(size: int) -> dict[str, Any]:
    """Return seconds and peak memory of a scan by sample and of an exact one.

    Args:
        size: Of the file, in million bytes.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.csv"
        rows = _write(file, size * 1_000_000)
        sampled, found = _timed(file, exact=False)
        after_sample = _peak()
        exactly, exact_found = _timed(file, exact=True)
        return {
            "bytes": file.stat().st_size,
            "rows": rows,
            "seconds_1gb_sample" if size == 1_000 else f"seconds_{size}mb_sample": sampled,
            "seconds_exact": exactly,
            "right_by_sample": found,
            "right_exact": exact_found,
            "peak_mib_sample": after_sample,
            "peak_mib_exact": _peak(),
        }


def _write(file: Path, size: int) -> int:
    draw = Random(7)
    base = pa.table({name: [write(draw, row) for row in range(_BASE_ROWS)] for name, (_, write) in _COLUMNS.items()})
    rows = 0
    with file.open("wb") as out:
        while out.tell() < size:
            # An order number that never comes again, in front of rows that do.
            numbers = pc.add(pa.array(range(rows, rows + _BASE_ROWS)), 10**11).cast(pa.string())
            part = base.add_column(0, "order_no", numbers)
            arrow_csv.write_csv(part, out, arrow_csv.WriteOptions(include_header=rows == 0))
            rows += _BASE_ROWS
    return rows


def _timed(file: Path, *, exact: bool) -> tuple[float, float]:
    started = time.perf_counter()
    proposal = scan_files({"orders": file}, exact=exact)
    seconds = time.perf_counter() - started
    truth = {"order_no": "order_id", **{name: kind for name, (kind, _) in _COLUMNS.items()}}
    right = sum(str(each.kind) == truth[each.column] for each in proposal.evidence)
    return round(seconds, 2), right / len(truth)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
