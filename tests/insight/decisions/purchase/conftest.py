"""A small shop whose consumers come at rates of their own, and some of whom leave."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def events_of(rows):
    """Return a table of (subject, day, amount)."""
    return pa.table(
        {
            "subject": pa.array([row[0] for row in rows], pa.string()),
            "time": pa.array([FIRST + timedelta(days=row[1]) for row in rows], pa.timestamp("us", "UTC")),
            "amount": pa.array([float(row[2]) for row in rows]),
        }
    )


def shop(consumers=150, days=200, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(consumers):
        day, gap = rng.uniform(0, days * 0.7), rng.gamma(2, 12)
        while day < days and rng.random() > 0.04:
            rows.append((f"c{number:03d}", day, rng.gamma(2, 10)))
            day += rng.exponential(gap) + 1
    return events_of(rows)


@pytest.fixture(scope="session")
def events():
    return shop()
