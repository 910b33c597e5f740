from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents

START = datetime(2024, 1, 1)


def released(rows: Iterable[tuple[str, float, str]]) -> ProtectedEvents:
    """Rows of subject, day, item."""
    rows = list(rows)
    table = pa.table(
        {
            "subject": pa.array([row[0] for row in rows], pa.string()),
            "time": pa.array([START + timedelta(days=row[1]) for row in rows], pa.timestamp("us")),
            "item": pa.array([row[2] for row in rows], pa.string()),
        }
    )
    return ProtectedEvents(table, {"purpose": "recommendation", "schema": "orders"}, ProtectionMark())


def pairs_shop(consumers: int, *, seed: int = 0) -> list[tuple[str, float, str]]:
    """Items come in pairs a and b: whoever buys one buys the other next; everybody buys three pairs of eight."""
    generator, rows = np.random.default_rng(seed), []
    for consumer in range(consumers):
        for place, pair in enumerate(generator.permutation(8)[:3]):
            rows += [(f"c{consumer:05}", 2.0 * place + half, f"{pair}{'ab'[half]}") for half in (0, 1)]
    return rows


@pytest.fixture(scope="session")
def release() -> Callable[[Iterable[tuple[str, float, str]]], ProtectedEvents]:
    return released


@pytest.fixture(scope="session")
def shop() -> ProtectedEvents:
    return released(pairs_shop(1200))


@pytest.fixture(scope="session")
def catalogue() -> dict[str, str]:
    return {f"{pair}{half}": f"THING {pair}{half}" for pair in range(8) for half in "ab"} | {"never": "NOBODY'S"}


@pytest.fixture(scope="session")
def pairs() -> Callable[..., list[tuple[str, float, str]]]:
    return pairs_shop
