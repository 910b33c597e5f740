"""`forecast` and `purchase`: sums that agree, orders, and who will probably buy."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cartveil.events.protected import load_protected
from command import PASSPHRASE, cartveil

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def learned(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two releases, one of them with shelves, and the models trained on them."""
    folder = tmp_path_factory.mktemp("learned")
    shutil.copytree(filled / "vault", folder / "vault")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
        for purpose, job in (("forecast", "forecast"), ("recommendation", "purchase")):
            words = ("--as", "dana:data_science", "--purpose", purpose, "--recipient", "insight")
            assert cartveil("export", "vault", *words, "--out", f"{job}.parquet").code == 0
            done = cartveil("train", job, f"{job}.parquet", "--out", f"models/{job}", "--epochs", "1", "--json")
            assert done.code == 0, done.err
        events = load_protected("forecast.parquet")
        shelf = pc.if_else(pc.equal(pc.utf8_length(events.table["item"]), 6), "left", "right")
        replace(events, table=events.table.append_column("shelf", shelf)).save("shelves.parquet")
    return folder


@pytest.fixture
def here(learned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(learned)
    return learned


def asked(*words: str) -> list[dict[str, object]]:
    done = cartveil(*words, "--json")
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)
    return found


def test_sums_over_a_column_agree_with_the_items(here: Path) -> None:
    rows = asked("forecast", "models/forecast", "shelves.parquet", "--by", "shelf")
    first = min(str(row["week"]) for row in rows)
    means = {(row["level"], row["node"]): float(str(row["mean"])) for row in rows if str(row["week"]) == first}
    items = {node: mean for (level, node), mean in means.items() if level == "item"}
    assert means["total", "total"] == sum(items.values()) == means["shelf", "left"] + means["shelf", "right"]
    assert means["shelf", "left"] == sum(mean for item, mean in items.items() if len(str(item)) == 6)


def test_one_item_is_shown_beside_what_stands_over_it(here: Path) -> None:
    item = str(pq.read_table("shelves.parquet")["item"][0].as_py())
    rows = asked("forecast", "models/forecast", "shelves.parquet", "--by", "shelf", "--item", item)
    assert {row["node"] for row in rows} == {item, "left", "right", "total"}


def test_a_column_that_is_not_there_is_said(here: Path) -> None:
    done = cartveil("forecast", "models/forecast", "forecast.parquet", "--by", "shelf")
    assert (done.code, done.out) == (2, "")
    assert "shelf: no such column to group items by" in done.err
    assert "hint: the release has: " in done.err


def test_an_order_takes_stock_off_and_says_what_is_no_forecast(here: Path) -> None:
    item = str(pq.read_table("forecast.parquet")["item"][0].as_py())
    (here / "stock.csv").write_text(f"item,stock\n{item},3\nnever-sold,1\n", encoding="utf-8")
    words = ("forecast", "models/forecast", "forecast.parquet", "--item", item, "--service-level", "0.9")
    (plain,) = asked(*words)
    done = cartveil(*words, "--stock", "stock.csv", "--lead-time", "3", "--review", "4", "--json")
    assert done.code == 0, done.err
    assert "1 items of stock.csv are not in the release" in done.err
    assert "demand is carried on" in done.err
    (long,) = json.loads(done.out)
    assert (plain["stock"], long["stock"], plain["forecast"], long["forecast"]) == (0, 3, True, False)
    assert long["needed"] > float(str(plain["needed"]))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--stock", "stock.csv"), "--stock: is for orders"),
        (("--review", "2"), "--review: is for orders"),
        (("--by", "shelf", "--service-level", "0.9"), "--by: one orders items"),
        (("--launch", "--service-level", "0.9"), "--launch: takes one --by, and no order"),
        (("--service-level", "0.9", "--lead-time", "99"), "lead_time: 99 weeks are too far ahead"),
    ],
)
def test_what_does_not_go_together_is_refused(here: Path, words: tuple[str, ...], told: str) -> None:
    done = cartveil("forecast", "models/forecast", "shelves.parquet", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_stock_that_is_no_number_is_refused_without_its_value(here: Path) -> None:
    (here / "wrong.csv").write_text("item,stock\nitem-1,many\n", encoding="utf-8")
    done = cartveil("forecast", "models/forecast", "forecast.parquet", "--service-level", "0.9", "--stock", "wrong.csv")
    assert (done.code, done.out) == (2, "")
    assert "stock[0]: is no number" in done.err
    assert "many" not in done.err


@pytest.mark.parametrize("option", ["--cold-start", "--launch"])
def test_too_few_launches_are_said(here: Path, option: str) -> None:
    done = cartveil("forecast", "models/forecast", "forecast.parquet", option)
    assert done.code == 1
    assert "launches are fewer than 20" in done.err


def test_purchase_says_how_likely_each_consumer_is_to_buy(here: Path) -> None:
    rows = asked("purchase", "models/purchase", "purchase.parquet", "-k", "5")
    said = [float(str(row["probability"])) for row in rows]
    assert len(said) == 5
    assert said == sorted(said, reverse=True)
    assert all(0 < each < 1 for each in said)
    subjects = set(pq.read_table("purchase.parquet")["subject"].to_pylist())
    assert {row["subject"] for row in rows} <= subjects


def test_purchase_of_one_consumer_on_a_day(here: Path) -> None:
    table = pq.read_table("purchase.parquet")
    first = table.take(pc.sort_indices(table["time"]))["subject"][0].as_py()
    (row,) = asked("purchase", "models/purchase", "purchase.parquet", "--consumer", first, "--at", "2026-05-01")
    assert row["subject"] == first
    assert str(row["last_visit"]) < "2026-05-01"


def test_purchase_knows_no_clear_name_and_nobody_before_the_first_event(here: Path) -> None:
    done = cartveil("purchase", "models/purchase", "purchase.parquet", "--consumer", "c3")
    assert (done.code, done.out) == (1, "")
    assert "hint: pseudonyms are in the column `subject`" in done.err
    assert cartveil("purchase", "models/purchase", "purchase.parquet", "--at", "2020-01-01").code == 1


def test_a_release_without_consumers_is_no_ground_for_purchase(here: Path) -> None:
    done = cartveil("train", "purchase", "forecast.parquet", "--out", "models/none")
    assert done.code == 2
    assert "subject: purchases of consumers need this column" in done.err
    assert not (here / "models" / "none").exists()


def test_training_says_how_long_it_will_take(here: Path) -> None:
    done = cartveil("train", "purchase", "purchase.parquet", "--out", "models/again", "--epochs", "1")
    assert done.code == 0, done.err
    assert "1 epochs at most: about" in done.err.splitlines()[0]
