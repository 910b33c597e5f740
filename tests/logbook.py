"""A log in a file, a key that signs it, and entries to fill it with."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cartveil.guard.audit import AuditLog
from cartveil.guard.audit.log import TABLES
from cartveil.guard.store import SQLiteStore

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def filled(log: AuditLog, count: int, *, actor: str = "anna") -> None:
    """Append entries."""
    first = log.size
    log.append([{"time": START + timedelta(seconds=first + n), "actor": actor, "rows": n} for n in range(count)])


def sign(log: AuditLog, *, key: Ed25519PrivateKey = KEY, origin: str = "cartveil/shop") -> str:
    """Sign and store a checkpoint."""
    return log.checkpoint(key.sign, public_key=key.public_key().public_bytes_raw(), origin=origin, time=START)


def new_log(path: Path) -> AuditLog:
    """Return an empty log in a file."""
    store = SQLiteStore.create(path, survive_power_loss=False)
    store.define(TABLES)
    return AuditLog(store)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    log = new_log(tmp_path / "log.db")
    yield log
    log._store.close()
