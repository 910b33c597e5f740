from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend import Recommender, RecommenderConfig, train_recommender
from cartveil.insight.training.loop import TrainingConfig

START = datetime(2024, 1, 1)
Row = tuple[str, float, str, str]


def released(rows: Iterable[Row]) -> ProtectedEvents:
    """Rows of subject, day, item, order."""
    rows = list(rows)
    table = pa.table(
        {
            "subject": pa.array([row[0] for row in rows], pa.string()),
            "time": pa.array([START + timedelta(days=row[1]) for row in rows], pa.timestamp("us")),
            "item": pa.array([row[2] for row in rows], pa.string()),
            "order": pa.array([row[3] for row in rows], pa.string()),
            "description": pa.array([f"THING {row[2]}" for row in rows], pa.string()),
        }
    )
    return ProtectedEvents(table, {"purpose": "recommendation"}, ProtectionMark())


def habitual_shop(consumers: int = 80, *, seed: int = 0) -> list[Row]:
    """Everybody buys the same three items again and again, and now and then an item of the neighbouring family."""
    generator, rows = np.random.default_rng(seed), []
    for consumer in range(consumers):
        family = consumer % 5
        favourites = generator.choice(6, size=3, replace=False)
        for visit, day in enumerate(np.arange(generator.integers(0, 9), 200, 11)):
            order = f"o{consumer}-{visit}"
            bought = {f"i{family}{item}" for item in favourites} | {f"i{family}{generator.integers(6)}"}
            rows += [(f"c{consumer:03}", float(day), item, order) for item in sorted(bought)]
    return rows


@pytest.fixture(scope="session")
def release() -> Callable[[Iterable[Row]], ProtectedEvents]:
    return released


@pytest.fixture(scope="session")
def shop() -> ProtectedEvents:
    return released(habitual_shop())


@pytest.fixture(scope="session")
def small() -> RecommenderConfig:
    training = TrainingConfig(epochs=3, learning_rate=5e-3, patience=3, rates=(("copy", 2.0), ("gate", 2.0)))
    return RecommenderConfig(embedding=8, hidden=16, copy=16, ridge=5, every=10, horizon=20, training=training)


@pytest.fixture(scope="session")
def trained(shop: ProtectedEvents, small: RecommenderConfig) -> Recommender:
    return train_recommender(shop, config=small)
