"""A small shop's accounts: habits, travel, new phones, and a few that strangers use at the end."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

START = datetime(2024, 3, 4, tzinfo=UTC)
DAYS, CLEAN_DAYS = 40, 28
UNTIL = START + timedelta(days=CLEAN_DAYS)
CATEGORIES = ("books", "toys", "home", "garden")


def account_events(*, consumers=60, strangers=0, seed=0):
    """Return events and labels; the first so many consumers are taken over after `UNTIL`."""
    rng, rows, session = np.random.default_rng(seed), [], 0
    for consumer in range(consumers):
        hour, taste = rng.uniform(8, 20), rng.integers(4)
        device, network = f"d{consumer}", f"n{consumer}"
        for day in np.flatnonzero(rng.random(DAYS) < 0.35):
            if rng.random() < 0.03:
                device += "x"  # a new phone, from a known home
            where = network if rng.random() < 0.9 else f"away{rng.integers(20)}"
            session += 1
            rows += _visit(rng, day + (hour + rng.normal(0, 1)) / 24, consumer, session, (device, where, taste))
    labelled = []
    for consumer in range(strangers):
        for turn in range(2):
            session += 1
            day = CLEAN_DAYS + 2 + consumer % 5 + 2 * turn + 3 / 24
            own = (f"evil{consumer}", f"den{consumer}", (consumer + 2) % 4)
            new = _visit(rng, day, consumer, session, own, buys=3)
            labelled += [(row[0], consumer) for row in new]
            rows += new
    rows.sort(key=lambda row: row[0])
    ids = {row[0]: place for place, row in enumerate(rows)}
    labels = pa.table(
        {
            "event_id": pa.array([ids[time] for time, _ in labelled], pa.int64()),
            "incident": pa.array([consumer for _, consumer in labelled], pa.int64()),
            "scenario": pa.array(["stranger"] * len(labelled), pa.string()),
        }
    )
    return _table(rows), labels


def _visit(rng, day, consumer, session, own, buys=1):
    device, network, taste = own
    steps = [
        "login",
        "browse",
        "search",
        *["add_to_cart", "checkout"] * (buys if rng.random() < 0.3 or buys > 1 else 0),
    ]
    answer = []
    for step, action in enumerate(steps):
        category = CATEGORIES[taste if rng.random() < 0.8 else rng.integers(4)] if action != "login" else None
        amount = float(rng.lognormal(3, 0.5) * buys) if action in ("add_to_cart", "checkout") else None
        time = day * 86400 + 20 * step + rng.uniform(0, 10)
        answer.append((time, consumer, f"s{session}", device, network, "web", action, category, amount))
    return answer


def _table(rows):
    names = ("consumer", "session", "device", "network", "channel", "action", "category")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names, start=1)}
    times = pa.array([START + timedelta(seconds=row[0]) for row in rows], pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "event_id": np.arange(len(rows)),
            "time": times,
            **columns,
            "region": ["r1"] * len(rows),
            "amount": pa.array([row[8] for row in rows], pa.float64()),
            "decision": ["allow"] * len(rows),
        }
    )
