from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartveil.events.patterns import find_patterns
from cartveil.events.schema import Table, parse_schema
from cartveil.faces.cluster import PartContext
from cartveil.guard.keys import SecretKey

SCHEMA = parse_schema(
    """
    name = "shop"
    [tables.orders.columns]
    order = { kind = "order_id", role = "order" }
    customer = { kind = "user_id", role = "subject" }
    name = "person_name"
    address = "address"
    birth = "birth_date"
    item = { kind = "product", role = "item" }
    price = { kind = "amount", role = "amount" }
    time = { kind = "event_time", role = "time", release = { method = "jitter", spread = "12h" } }
    note = "free_text"
    waybill = { kind = "tracking_id", release = "token" }
    secret = "other"
    """
)


def lines(count: int) -> pa.Table:
    """Return order lines in which every release step has something to do, and a repeated record for jitter."""
    numbers = range(count)
    return pa.table(
        {
            "order": [f"A{number // 3}" for number in numbers],
            "customer": pa.array([1000 + number % 7 for number in numbers], pa.int64()),
            "name": [("张三丰", "Ann Smith", None)[number % 3] for number in numbers],
            "address": [
                ("广东省深圳市南山区科技路1号", "1 High Street, Leeds LS1 4AP")[number % 2] for number in numbers
            ],
            "birth": [f"19{50 + number % 40}-02-03" for number in numbers],
            "item": [f"item {number % 11}" for number in numbers],
            "price": [None if number % 13 == 5 else 1.25 * (number % 17) for number in numbers],
            "time": pa.array(
                [1_700_000_000_000_000 + 3_600_000_000 * (number // 3) for number in numbers], pa.timestamp("us")
            ),
            "note": [
                None if number % 4 else f"ring 1380013{8000 + number % 1000}, ask for Ann Smith" for number in numbers
            ],
            "waybill": [f"SF{number:012d}" for number in numbers],
            "secret": ["Zzyzx"] * count,
        }
    )


@pytest.fixture
def orders() -> Table:
    return SCHEMA.table("orders")


@pytest.fixture
def context(orders: Table) -> PartContext:
    return PartContext(orders, SecretKey(bytes(range(32))), find_patterns)  # the model takes seconds to load


@pytest.fixture
def whole() -> pa.Table:
    return lines(2500)


@pytest.fixture
def parts(tmp_path: Path, whole: pa.Table) -> Path:
    """Return a folder of unequal parts, one of them of two row groups, one without rows."""
    folder = tmp_path / "orders"
    folder.mkdir()
    pq.write_table(whole.slice(0, 1200), folder / "a.parquet", row_group_size=700)
    pq.write_table(whole.slice(0, 0), folder / "b.parquet")
    pq.write_table(whole.slice(1200, 1), folder / "c.parquet")
    pq.write_table(whole.slice(1201), folder / "d.parquet")
    (folder / "_SUCCESS").touch()
    return folder
