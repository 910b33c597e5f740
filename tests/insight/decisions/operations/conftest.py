"""A log of five weeks, and a detector that knows the first three."""

import pytest

from staffroom import UNTIL, staff_log


@pytest.fixture(scope="session")
def log():
    return staff_log()


@pytest.fixture(scope="session")
def detector(log):
    """Return a detector that was trained on the clean log."""
    torch = pytest.importorskip("torch")
    from cartveil.insight.decisions.watch import DetectorConfig, audit_stream, train_detector
    from cartveil.insight.training.loop import TrainingConfig

    torch.set_num_threads(1)
    stream, spec = audit_stream(log)
    config = DetectorConfig(hidden=16, embedding=4, training=TrainingConfig(epochs=3, learning_rate=1e-2))
    return train_detector(stream, spec=spec, until=UNTIL, config=config)
