"""Where a vault in a database lies, in one line without a secret."""

import pytest

from cartveil.errors import InputError
from cartveil.guard.store.address import is_address, parse_address


@pytest.mark.parametrize(
    ("text", "server", "schema", "name"),
    [
        ("postgresql://u@h/d?schema=s", "postgresql://u@h/d", "s", "postgresql://h/d?schema=s"),
        ("postgres://u@h:99/d", "postgresql://u@h:99/d", "cartveil", "postgresql://h:99/d?schema=cartveil"),
        (
            "postgresql://u@/d?host=/run/pg&schema=s&sslmode=verify-full",
            "postgresql://u@/d?host=%2Frun%2Fpg&sslmode=verify-full",
            "s",
            "postgresql:///run/pg/d?schema=s",
        ),
        ("postgresql://u@[::1]:5432/d", "postgresql://u@[::1]:5432/d", "cartveil", "postgresql://[::1]:5432/d?schema=cartveil"),
        ("postgresql:///d?service=shop", "postgresql:///d?service=shop", "cartveil", "postgresql:///d?schema=cartveil"),
    ],
)  # fmt: skip
def test_an_address_is_taken_apart(text: str, server: str, schema: str, name: str) -> None:
    address = parse_address(text)
    assert (address.server, address.schema, address.name) == (server, schema, name)
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:hunter2@h/d",
        "postgresql://u@h/d?password=hunter2",
        "postgresql://u@h/d?sslpassword=hunter2",
        "postgresql://u:@h/d",
        "mysql://hunter2@h/d",
        "hunter2",
        "postgresql://h/d#hunter2",
        "postgresql://[hunter2/d",
        "postgresql://h/d?hunter2",
    ],
)
def test_what_is_no_address_or_holds_a_password_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_address(text)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("schema", ["", "Shop", "pg_temp", "a b", "a;b", 'a"', "1a", "a" * 64, "市场"])
def test_a_schema_has_a_plain_name(schema: str) -> None:
    with pytest.raises(InputError, match="no name of a schema"):
        parse_address(f"postgresql://h/d?schema={schema}")


@pytest.mark.parametrize("path", ["vault.db", "/tmp/vault", "C:\\vault", "postgresql", "sqlite://x"])
def test_a_path_is_no_address(path: str) -> None:
    assert not is_address(path)
