"""A staff at work, as an audit log: for the tests of whatever watches one."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

START = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
UNTIL = START + timedelta(days=21)


def staff_log(*, days=35, actors=8, seed=0):
    """Agents of two roles with their own pace, purposes and devices, who now and then work without a case."""
    rng, rows = np.random.default_rng(seed), []
    pace, without = rng.uniform(9, 16, actors), rng.uniform(0.02, 0.1, actors)
    for day in range(days):
        for actor in range(actors):
            if day % 7 < 5 and rng.random() > 0.05:
                rows += [row(rng, day, actor, hour, without) for hour in rng.uniform(8, 17, rng.poisson(pace[actor]))]
    rows.sort(key=lambda each: each["time"])
    return pa.Table.from_pylist([{"index": place, **each} for place, each in enumerate(rows)], schema=SCHEMA)


def row(rng, day, actor, hour, without):
    role = "support" if actor % 2 else "marketing"
    return {
        "time": START + timedelta(days=day, hours=float(hour)),
        "actor": f"agent{actor}",
        "role": role,
        "action": "read",
        "purpose": role,
        "table": "customers" if actor % 2 else "orders",
        "fields": ["name", "phone"] if actor % 2 else ["items"],
        "view": "masked",
        "subject": int(rng.integers(5000)),
        "rows": 1,
        "case": None if rng.random() < without[actor] else f"T{rng.integers(10**9)}",
        "decision": "allow",
        "device": f"d{actor}",
        "network": "n1",
    }


SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("time", pa.timestamp("us", "UTC")),
        *((name, pa.string()) for name in ("actor", "role", "action", "purpose", "table")),
        ("fields", pa.list_(pa.string())),
        ("view", pa.string()),
        ("subject", pa.int64()),
        ("rows", pa.int64()),
        *((name, pa.string()) for name in ("case", "decision", "device", "network")),
    ]
)
