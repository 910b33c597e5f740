"""Releases on the command line: profiles, limits, reports, and what two recipients can link."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from command import CANARY, CONSUMERS, cartveil


@pytest.fixture
def limited(files: Path):  # type: ignore[no-untyped-def]
    def write(section: str, *, table: str = "") -> None:
        text = (files / "cartveil.toml").read_text(encoding="utf-8")
        head, tables, rest = text.partition("[tables.customers")
        (files / "cartveil.toml").write_text(f"{head}{section}\n{table}\n{tables}{rest}", encoding="utf-8")

    return write


def test_a_waybill_hides_six_digits_and_what_it_does_not_need(files: Path) -> None:
    done = cartveil("protect", "cartveil.toml", "--profile", "waybill", "--out", "waybills", "--json")
    assert done.code == 0, done.err
    assert "profile waybill" in done.err
    table = pq.read_table(files / "waybills" / "customers.parquet")
    assert set(table.column_names) == {"name", "mobile", "address"}
    assert all(mobile.count("*") >= 6 for mobile in table["mobile"].to_pylist() if mobile)
    assert json.loads(done.out)["customers"]["profile"] == "waybill"


def test_an_unknown_profile_is_a_wrong_call(files: Path) -> None:
    assert cartveil("protect", "cartveil.toml", "--profile", "gdpr", "--out", "x").code == 2


def test_protect_as_a_release_is_checked_and_measured(files: Path) -> None:
    done = cartveil("protect", "cartveil.toml", "--profile", "release", "--out", "released", "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert facts["customers"]["risk"]["rows"] == CONSUMERS
    assert facts["customers"]["joins_kept"] == {"customers.customer_id = orders.customer_id": 0.0}
    assert "joins kept between customers.customer_id and orders.customer_id: 0.0%" in done.err
    assert CANARY not in done.out + done.err


def test_protect_reaches_the_k_of_a_table(files: Path, limited) -> None:  # type: ignore[no-untyped-def]
    limited("[limits]\nk = 4", table="[tables.customers]\nk = 4")
    done = cartveil("protect", "cartveil.toml", "--out", "released", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)["customers"]
    assert report["smallest_group"] >= 4
    assert report["anonymity"]["rows"] == CONSUMERS


def test_a_table_above_a_limit_is_not_written_nor_the_others(files: Path, limited) -> None:  # type: ignore[no-untyped-def]
    limited("[limits]\nunicity_4 = 0.0")
    done = cartveil("protect", "cartveil.toml", "--out", "released")
    assert done.code == 1
    assert "orders: 4 known purchases pick out" in done.err
    assert "hint: try" in done.err
    assert not (files / "released").exists()
    assert cartveil("protect", "cartveil.toml", "--preview").code == 0


def export(recipient: str, *options: str) -> None:
    words = ("--as", "dana:data_science", "--purpose", "recommendation", "--recipient", recipient)
    done = cartveil("export", "vault", *words, "--out", f"{recipient}.parquet", *options)
    assert done.code == 0, done.err
    assert "known purchases" in done.err


def test_an_export_writes_its_report(shop: Path) -> None:
    export("lab", "--report", "lab.json")
    report = json.loads((shop / "lab.json").read_text(encoding="utf-8"))
    assert [one["points"] for one in report["unicity"]] == [2, 4]
    assert report["links_kept"] == {"order_id": 1.0, "customer_id": 1.0}
    assert set(report["next_item"]) <= {"before", "after"}


def test_risk_tells_what_a_release_gives_away_and_links_it_to_another(shop: Path) -> None:
    export("lab")
    export("partner")
    done = cartveil("risk", "lab.parquet", "--against", "partner.parquet")
    assert done.code == 0, done.err
    assert "4 known purchases (1d) pick out" in done.out
    assert "consumers (100.0%) are found in partner.parquet by items and times of 7d" in done.out
    found = json.loads(cartveil("risk", "lab.parquet", "--against", "partner.parquet", "--json").out)
    assert [one["share"] for one in found["against"]] == [1.0, found["linkability"][1]["share"]]


def test_risk_takes_releases_only(files: Path) -> None:
    assert cartveil("risk", "orders.csv").code != 0
