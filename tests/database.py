"""Where tests of PostgreSQL find a server: one of their own, see `bench.server`.

`CARTVEIL_TEST_POSTGRES` names another one for all tests but those that stop it or read its files, as
`postgresql://user@host/database`.
"""

import os
import secrets
from collections.abc import Iterator

import pytest
from bench.server import DATABASE, PASSWORD, USER, Server, missing, run, running_server

__all__ = ["DATABASE", "PASSWORD", "USER", "Server", "run", "serve"]


def serve() -> Iterator[Server]:
    """Yield a server, or skip; fail in CI."""
    reason = missing()
    if reason is not None:
        if os.environ.get("CI"):
            pytest.fail(f"CI has no server: {reason}")
        pytest.skip(reason)
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that tests may kill; it is up again when they end."""
    yield from serve()


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> str:
    """Return the address of a database to which schemas can be added."""
    given = os.environ.get("CARTVEIL_TEST_POSTGRES")
    return given or request.getfixturevalue("server").address()


def in_schema(database: str, schema: str) -> str:
    """Return the address of one schema of a database."""
    return f"{database}{'&' if '?' in database else '?'}schema={schema}"


@pytest.fixture
def address(database: str) -> Iterator[str]:
    """Return the address of a schema that nobody has used, and that is gone after the test."""
    import psycopg

    schema = f"test_{secrets.token_hex(6)}"
    yield in_schema(database, schema)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
