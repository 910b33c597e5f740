"""`find`, and a vault in a database: from `init` to `verify` as a person types it."""

import json
from pathlib import Path

import pytest

from command import CANARY, CONSUMERS, cartveil
from database import PASSWORD

LIN = ("--as", "lin:support", "--purpose", "support", "--context", "case=C-7")


def test_a_phone_is_found_and_shown_as_policy_allows(shop: Path) -> None:
    done = cartveil("find", "vault", "customers", "mobile=07700900103", *LIN, "--json")
    assert (done.code, json.loads(done.out)) == (0, [])
    done = cartveil("find", "vault", "customers", "mobile=+447700900103", *LIN, "--json")
    (row,) = json.loads(done.out)
    assert row["name"] == f"{CANARY} Wilson"
    assert row["mobile"] != "+44 7700 900103"
    assert done.err == "cartveil: found 1 rows of 1 consumers\n"


def test_the_value_can_come_from_standard_input(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("+44 7700 900103\n"))
    done = cartveil("find", "vault", "customers", "mobile=-", *LIN, "--json")
    assert len(json.loads(done.out)) == 1


def test_pages_name_the_next(shop: Path) -> None:
    order = json.loads(cartveil("read", "vault", "orders", "c3", *LIN, "--json").out)[0]["order_id"]
    words = ("find", "vault", "orders", f"order_id={order}", *LIN, "--limit", "1", "--json")
    first = cartveil(*words)
    rows = json.loads(first.out)
    while "more with --after" in first.err:
        first = cartveil(*words, "--after", first.err.split()[-1])
        rows += json.loads(first.out)
    assert rows
    assert {row["order_id"] for row in rows} == {order}


@pytest.mark.parametrize("where", ["mobile", "=1", "name=x", "customer_id=c3"])
def test_what_cannot_be_searched_by_is_a_wrong_call(shop: Path, where: str) -> None:
    assert cartveil("find", "vault", "customers", where, *LIN).code == 2


def test_a_refusal_says_what_would_help(shop: Path) -> None:
    done = cartveil("find", "vault", "customers", "mobile=1", "--as", "lin:support", "--purpose", "support")
    assert done.code == 1
    assert "hint: open a case for this consumer" in done.err


def test_a_vault_in_a_database_is_used_like_any_other(files: Path, address: str) -> None:
    made = cartveil("init", "vault", "--database", address)
    assert made.code == 0, made.err
    assert sorted(path.name for path in (files / "vault").iterdir() if path.suffix in (".toml", ".json", ".db")) == [
        "keyring.json",
        "vault.toml",
    ]
    assert PASSWORD not in made.err + (files / "vault" / "vault.toml").read_text()
    put = cartveil("put", "vault", "customers", "customers.csv", "--as", "ops:admin", "--json")
    assert json.loads(put.out)["rows"] == CONSUMERS, put.err
    found = cartveil("find", "vault", "customers", "mobile=0103", *LIN, "--last-four", "--json")
    assert len(json.loads(found.out)) == 1
    assert cartveil("erase", "vault", "c3", "--as", "olga:privacy_officer", "--yes").code == 0
    verified = cartveil("verify", "vault", "--json")
    assert json.loads(verified.out)["consumers"] == CONSUMERS - 1, verified.err
    again = cartveil("init", "vault", "--database", address)
    assert again.code == 1


def test_a_vault_is_not_made_twice_in_one_schema(files: Path, address: str) -> None:
    assert cartveil("init", "one", "--database", address).code == 0
    second = cartveil("init", "two", "--database", address)
    assert (second.code, "exists already" in second.err) == (1, True)
    assert not list((files / "two").iterdir())


@pytest.mark.parametrize("text", ["", "database = 1", "nothing", 'database = "/tmp/x"'])
def test_a_vault_toml_that_names_no_database_says_so(files: Path, text: str) -> None:
    (files / "vault").mkdir()
    (files / "vault" / "vault.toml").write_text(text)
    done = cartveil("verify", "vault")
    assert done.code == 2
    assert "database" in done.err


def test_a_database_that_is_gone_says_so(files: Path) -> None:
    done = cartveil("init", "vault", "--database", "postgresql://u@127.0.0.1:1/d")
    assert done.code in (1, 2)
    assert not (files / "vault" / "keyring.json").exists()
