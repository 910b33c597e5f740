"""`train`, `recommend`, `forecast`: from a release to lists and quantiles."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from command import CANARY, PASSPHRASE, cartveil

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def learned(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two releases and the models trained on them."""
    folder = tmp_path_factory.mktemp("learned")
    shutil.copytree(filled / "vault", folder / "vault")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
        for purpose, job in (("recommendation", "recommend"), ("forecast", "forecast")):
            words = ("--as", "dana:data_science", "--purpose", purpose, "--recipient", "insight")
            assert cartveil("export", "vault", *words, "--out", f"{job}.parquet").code == 0
            done = cartveil("train", job, f"{job}.parquet", "--out", f"models/{job}", "--epochs", "1", "--json")
            assert done.code == 0, done.err
            assert isinstance(json.loads(done.out), dict)
            assert any(line.startswith("cartveil: epoch 1: loss ") for line in done.err.splitlines())
            assert done.err.splitlines()[-1] == f"cartveil: wrote models/{job}"
    return folder


@pytest.fixture
def here(learned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(learned)
    monkeypatch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
    return learned


def a_pseudonym(folder: Path) -> str:
    return str(pq.read_table(folder / "recommend.parquet")["subject"][0].as_py())


def test_recommend_lists_items_with_reasons(here: Path) -> None:
    done = cartveil("recommend", "models/recommend", "recommend.parquet", "--consumer", a_pseudonym(here), "-k", "3")
    assert (done.code, done.err) == (0, "")
    head, *lines = done.out.splitlines()
    assert head.split() == ["item", "description", "score", "reason"]
    assert len(lines) == 3


def test_recommend_only_new_leaves_out_what_was_bought(here: Path) -> None:
    pseudonym = a_pseudonym(here)
    words = ("--consumer", pseudonym, "--only-new", "--json")
    found = json.loads(cartveil("recommend", "models/recommend", "recommend.parquet", *words).out)
    table = pq.read_table(here / "recommend.parquet").to_pylist()
    bought = {row["item"] for row in table if row["subject"] == pseudonym}
    assert bought
    assert not bought & {line["item"] for line in found}


def test_a_list_for_everybody_reads_nobodys_events(here: Path) -> None:
    lists = [cartveil("recommend", "models/recommend", "--anybody", "-k", "3", "--json") for _ in range(2)]
    assert lists[0].code == 0, lists[0].err
    assert lists[0].out == lists[1].out
    assert all(line["reason"].startswith("popular: bought by ") for line in json.loads(lists[0].out))
    for more in (("recommend.parquet",), ("--consumer", a_pseudonym(here)), ("--only-new",)):
        done = cartveil("recommend", "models/recommend", *more, "--anybody")
        assert (done.code, done.out) == (2, "")
        assert "looks at nobody" in done.err


def test_whose_list_it_is_must_be_said(here: Path) -> None:
    for more in ((), ("recommend.parquet",), ("--consumer", a_pseudonym(here))):
        done = cartveil("recommend", "models/recommend", *more)
        assert (done.code, done.out) == (2, "")
        assert "hint: name EVENTS and --consumer, or take --anybody" in done.err


def test_only_what_the_catalogue_has_in_stock_is_listed_new_items_among_it(here: Path) -> None:
    words = ("models/recommend", "recommend.parquet", "--consumer", a_pseudonym(here), "--json")
    usual = [line["item"] for line in json.loads(cartveil("recommend", *words).out)]
    (here / "shop.csv").write_text(f"item,description,stock\n{usual[0]},A,0\n{usual[1]},B,5\nnew,B,9\n")
    more = ("--catalogue", "shop.csv", "--diversity", "0.1", "--per-category", "2")
    found = json.loads(cartveil("recommend", *words, *more).out)
    assert {line["item"] for line in found} == {usual[1], "new"}
    assert any(line["reason"].startswith("new, like B: ") for line in found)


def test_recommend_knows_no_clear_name(here: Path) -> None:
    done = cartveil("recommend", "models/recommend", "recommend.parquet", "--consumer", "c3")
    assert (done.code, done.out) == (1, "")
    assert "hint: pseudonyms are in the column `subject`" in done.err


def test_forecast_gives_quantiles_in_order_for_four_weeks(here: Path) -> None:
    item = str(pq.read_table(here / "forecast.parquet")["item"][0].as_py())
    rows = json.loads(cartveil("forecast", "models/forecast", "forecast.parquet", "--item", item, "--json").out)
    assert len(rows) == 4
    assert all(row["q10"] <= row["q50"] <= row["q90"] for row in rows)


def test_forecast_with_a_service_level_says_how_much_to_order(here: Path) -> None:
    words = ("models/forecast", "forecast.parquet", "--service-level", "0.9", "--json")
    rows = json.loads(cartveil("forecast", *words).out)
    assert {"item", "quantity"} <= set(rows[0])


def test_an_unknown_item_is_said(here: Path) -> None:
    done = cartveil("forecast", "models/forecast", "forecast.parquet", "--item", "no such thing")
    assert (done.code, done.out) == (2, "")
    assert "hint: " in done.err


def test_a_raw_table_is_never_learned_from(here: Path, filled: Path) -> None:
    import pyarrow.csv as csv

    pq.write_table(csv.read_csv(filled / "customers.csv"), here / "raw.parquet")
    done = cartveil("train", "recommend", "raw.parquet", "--out", "models/raw")
    assert done.code == 1
    assert "hint: learning takes only what `cartveil export` wrote" in done.err
    assert CANARY not in done.err
    assert not (here / "models" / "raw").exists()


def test_a_model_of_the_other_kind_is_refused(here: Path) -> None:
    done = cartveil("forecast", "models/recommend", "forecast.parquet")
    assert done.code == 1
    assert "hint: " in done.err


@pytest.mark.parametrize("job", ["forecast", "next-item"])
def test_a_model_of_another_kind_is_not_written_over_and_nothing_is_trained(here: Path, job: str) -> None:
    card = (here / "models" / "recommend" / "card.json").read_bytes()
    done = cartveil("train", job, "recommend.parquet", "--out", "models/recommend")
    assert done.code == 1
    assert "holds a `recommender`" in done.err
    assert "hint: choose another --out" in done.err
    assert "epoch" not in done.err
    assert (here / "models" / "recommend" / "card.json").read_bytes() == card


def test_a_model_without_a_promise_does_not_take_the_place_of_one_with(here: Path) -> None:
    from cartveil.insight.models.card import save_model

    privacy = {"epsilon": 4.0, "delta": 1e-6, "unit": "consumer", "relation": "add or remove one"}
    save_model(here / "models" / "private", {}, {"kind": "sequence recommender", "privacy": privacy})
    done = cartveil("train", "next-item", "recommend.parquet", "--out", "models/private")
    assert done.code == 1
    assert "privacy statement" in done.err
    assert "hint: choose another --out" in done.err


def test_erasing_marks_the_models_that_learned_from_the_consumer(here: Path) -> None:
    words = ("erase", "vault", "c3", "--as", "o:privacy_officer", "--yes", "--learned", ".")
    assert cartveil(*words).code == 0
    card = json.loads((here / "models" / "recommend" / "card.json").read_text(encoding="utf-8"))
    assert card["status"] == "needs retraining"
