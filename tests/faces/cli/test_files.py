"""`scan` and `protect`, before there is a vault."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from cartveil.events.schema import load_schema
from command import CANARY, CONSUMERS, cartveil


def test_scan_prints_a_proposal_that_is_a_schema(files: Path) -> None:
    (files / "cartveil.toml").unlink()
    done = cartveil("scan", ".")
    assert (done.code, done.err) == (0, "")
    (files / "cartveil.toml").write_text(done.out, encoding="utf-8")
    assert load_schema(files).table("customers").column("mobile").kind == "phone"
    assert CANARY not in done.out


def test_scan_of_one_file_names_the_table_after_it(files: Path) -> None:
    done = cartveil("scan", "orders.csv")
    assert "[tables.orders]" in done.out


def test_scan_as_json_gives_the_evidence_without_a_value(files: Path) -> None:
    done = cartveil("scan", ".", "--json")
    evidence = json.loads(done.out)
    assert {(each["table"], each["column"]) for each in evidence} >= {("customers", "mobile"), ("orders", "time")}
    assert "7700" not in done.out


def test_scan_writes_a_new_file_and_never_over_an_old_one(files: Path) -> None:
    done = cartveil("scan", ".", "--write", "proposed.toml")
    assert (done.code, done.out, done.err) == (0, "", "cartveil: wrote proposed.toml\n")
    again = cartveil("scan", ".", "--write", "proposed.toml")
    assert (again.code, again.out) == (2, "")
    assert again.err == "cartveil: proposed.toml: exists already\nhint: choose another name, or remove it first\n"


def test_protect_preview_shows_before_and_after_and_changes_nothing(files: Path) -> None:
    before = sorted(files.rglob("*"))
    done = cartveil("protect", "cartveil.toml", "--preview")
    assert done.code == 0
    assert f"{CANARY} Wilson" in done.out
    assert "(left out)" in done.out
    assert sorted(files.rglob("*")) == before


def test_protect_preview_as_json_is_one_document_by_table(files: Path) -> None:
    shown = json.loads(cartveil("protect", "cartveil.toml", "--preview", "--json").out)
    assert list(shown) == ["customers", "orders"]
    assert {line["column"]: line["after"] for line in shown["customers"]}["mobile"] == "(left out)"


def test_protect_writes_tables_without_people(files: Path) -> None:
    done = cartveil("protect", "cartveil.toml", "--out", "released", "--json")
    assert done.code == 0
    assert json.loads(done.out)["customers"]["label"] == "de-identified"
    released = pq.read_table(files / "released" / "customers.parquet")
    assert released.num_rows == CONSUMERS
    assert "mobile" not in released.column_names
    assert CANARY not in str(released.to_pylist())
    assert sorted(file.name for file in (files / "released").iterdir()) == ["customers.parquet", "orders.parquet"]


def test_protect_asks_where_to(files: Path) -> None:
    done = cartveil("protect", "cartveil.toml")
    assert (done.code, done.out) == (2, "")
    assert "hint: pass --out FOLDER, or --preview to look only" in done.err
