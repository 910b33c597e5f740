import hashlib
from collections.abc import Callable

import pytest

from cartveil.guard.keys import SecretKey


@pytest.fixture(scope="session")
def key() -> SecretKey:
    return SecretKey(bytes(range(32)))


@pytest.fixture(scope="session")
def derive() -> Callable[..., SecretKey]:
    return lambda *names: SecretKey(hashlib.sha256("/".join(names).encode()).digest())
