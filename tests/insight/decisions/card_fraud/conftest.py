"""A small town of made-up card payments: some terminals and some cards go bad for a while."""

import importlib.util
import os
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import torch

from cartveil.insight.decisions.card_fraud import CardFraud, FraudConfig, train_card_fraud
from cartveil.insight.decisions.card_fraud.trees import TreesConfig
from cartveil.insight.training.loop import TrainingConfig

torch.set_num_threads(1)


def _payments(*, seed: int = 0, customers: int = 60, terminals: int = 50, days: int = 50) -> pa.Table:
    random = np.random.default_rng(seed)
    count = random.poisson(1.5, (customers, days))
    customer = np.repeat(np.arange(customers), count.sum(1))
    day = np.concatenate([np.repeat(np.arange(days), each) for each in count])
    seconds = day * 86400 + random.integers(0, 86400, len(day))
    order = np.argsort(seconds, kind="stable")
    customer, day, seconds = customer[order], day[order], seconds[order]
    terminal = random.integers(0, terminals, len(day))
    amount = np.round(random.gamma(4.0, 1.0, len(day)) * random.uniform(2, 20, customers)[customer], 2)
    # Every seventh terminal is bad for 20 days, every ninth card for 10.
    fraud = (terminal % 7 == 0) & ((day + 3 * terminal) % days < 20)
    stolen = (customer % 9 == 0) & ((day + 5 * customer) % days < 10) & (random.random(len(day)) < 0.4)
    return pa.table(
        {
            "transaction": [f"t{number}" for number in range(len(day))],
            "time": pa.array(np.datetime64("2018-07-01", "s") + seconds.astype("timedelta64[s]")),
            "customer": [f"c{number}" for number in customer],
            "terminal": [f"m{number}" for number in terminal],
            "amount": np.where(stolen, amount * 6, amount),
            "fraud": fraud | stolen,
        }
    )


@pytest.fixture(scope="session")
def payments() -> Callable[..., pa.Table]:
    """Return what makes payments of whole days from 2018-07-01 on, in order of time."""
    return _payments


@pytest.fixture(scope="session")
def town(payments: Callable[..., pa.Table]) -> pa.Table:
    return payments()


@pytest.fixture(scope="session")
def small() -> FraudConfig:
    """Return how to learn within a second, without trees."""
    training = TrainingConfig(epochs=4, learning_rate=5e-3)
    return FraudConfig(hidden=8, units=16, batch=64, legitimate=0.3, trees=None, training=training)


@pytest.fixture(scope="session")
def few_trees() -> TreesConfig:
    return TreesConfig(rounds=20)


@pytest.fixture(scope="session")
def model(town: pa.Table, small: FraudConfig) -> CardFraud:
    return train_card_fraud(town, config=small)


@pytest.fixture
def xgboost() -> None:
    if importlib.util.find_spec("xgboost") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no XGBoost: .ci/run installs the extra `boost`")
        pytest.skip("XGBoost is not installed: pip install 'cartveil[boost]'")
