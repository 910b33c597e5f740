"""`train --epsilon`: a recommender within a budget of privacy, and the ledger that keeps it."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from command import PASSPHRASE, Done, cartveil

pytest.importorskip("torch")

OFFICER = ("--as", "olga:privacy_officer")
SCIENTIST = ("--as", "dana:data_science")
PROMISE = ("--epsilon", "20", "--delta", "1e-4")


@pytest.fixture(scope="module")
def learned(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a vault that has a budget for one training, a release and its catalogue."""
    folder = tmp_path_factory.mktemp("private")
    shutil.copytree(filled / "vault", folder / "vault")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
        words = (*SCIENTIST, "--purpose", "recommendation", "--recipient", "insight", "--out", "events.parquet")
        assert cartveil("export", "vault", *words).code == 0
        grant = ("budget", "grant", "vault", "orders", *OFFICER, "--purpose", "recommendation")
        done = cartveil(*grant, "--epsilon", "30", "--delta", "2e-4")
        assert done.code == 0, done.err
    items = sorted(set(pq.read_table(folder / "events.parquet")["item"].to_pylist()))
    text = "".join(f"{item}\tthing {item}\n" for item in [*items, "nobody's"])
    (folder / "catalogue.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def here(learned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(learned)
    monkeypatch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
    return learned


def train(*words: str) -> Done:
    return cartveil("train", "recommend", "events.parquet", *words)


def left(folder: Path) -> dict[str, float]:
    (found,) = json.loads(cartveil("budget", "show", str(folder / "vault"), *OFFICER, "--json").out)
    return found


def test_a_private_training_charges_the_ledger_and_says_what_it_promises(here: Path) -> None:
    before = left(here)
    words = ("--out", "models/charged", *PROMISE, "--catalogue", "catalogue.txt", "--vault", "vault", *SCIENTIST)
    done = train(*words, "--json")
    assert done.code == 0, done.err
    assert "for one consumer (add or remove one)" in done.err
    privacy = json.loads(done.out)["privacy"]
    assert privacy["secret"] is True
    assert 19 < privacy["epsilon"] <= 20
    after = left(here)
    assert (before["epsilon_left"] - after["epsilon_left"], after["reserved"], after["spent"]) == (20, 0, 1)
    log = cartveil("audit", "vault", "--as", "olga:privacy_officer", "--action", "spend_budget", "--json")
    used = json.loads(log.out)[-1]["session"].partition("/used/epsilon=")[2].partition("/")[0]
    assert float(used) == pytest.approx(privacy["epsilon"], abs=1e-5)
    again = train(*words[:1], "models/refused", *words[2:])
    assert again.code == 1
    assert "the budget does not suffice: epsilon 10" in again.err
    assert not (here / "models" / "refused").exists()


def test_a_private_model_recommends_like_any_other(here: Path) -> None:
    done = train("--out", "models/free", *PROMISE, "--catalogue", "catalogue.txt")
    assert done.code == 0, done.err
    assert done.err.splitlines()[0] == "cartveil: no --vault: no ledger knows what this training costs"
    pseudonym = str(pq.read_table(here / "events.parquet")["subject"][0].as_py())
    found = cartveil("recommend", "models/free", "events.parquet", "--consumer", pseudonym, "-k", "3")
    assert (found.code, found.err) == (0, "")
    assert found.out.splitlines()[0].split() == ["item", "description", "score", "reason"]
    assert len(found.out.splitlines()) == 4


def test_without_a_budget_nothing_is_trained(here: Path, filled: Path) -> None:
    done = train("--out", "models/none", *PROMISE, "--vault", str(filled / "vault"), *SCIENTIST)
    assert (done.code, done.out) == (1, "")
    assert "no budget was granted" in done.err
    assert not (here / "models" / "none").exists()


def test_who_may_not_spend_is_refused(here: Path) -> None:
    before = left(here)
    done = train("--out", "models/none", *PROMISE, "--vault", "vault", "--as", "lin:support")
    assert done.code == 1
    assert left(here) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--epsilon", "4"), "--delta: epsilon means nothing without delta"),
        (("--delta", "1e-6"), "--delta: is for private training"),
        (("--catalogue", "catalogue.txt"), "--catalogue: is for private training"),
        ((*PROMISE, "--vault", "vault"), "--vault: a budget is charged to a vault by somebody"),
        ((*PROMISE, *SCIENTIST), "--vault: a budget is charged to a vault by somebody"),
        (("--epsilon", "0", "--delta", "1e-6"), "epsilon: must be above 0"),
        ((*PROMISE, "--catalogue", "events.parquet"), "events.parquet: cannot be read as text"),
    ],
)
def test_a_promise_that_lacks_something_is_a_wrong_call(here: Path, words: tuple[str, ...], said: str) -> None:
    done = train("--out", "models/none", *words)
    assert (done.code, done.out) in {(2, ""), (1, "")}
    assert f"cartveil: {said}" in done.err
    assert "hint: " in done.err
    assert not (here / "models" / "none").exists()


def test_a_forecast_is_not_trained_privately(here: Path) -> None:
    done = cartveil("train", "forecast", "events.parquet", "--out", "models/none", *PROMISE)
    assert done.code == 2
    assert "`forecast` is not trained privately" in done.err


def test_a_catalogue_names_each_item_once(here: Path, tmp_path: Path) -> None:
    (tmp_path / "twice.txt").write_text("pen\nink\npen\n", encoding="utf-8")
    done = train("--out", "models/none", *PROMISE, "--catalogue", str(tmp_path / "twice.txt"))
    assert done.code == 2
    assert f"{tmp_path / 'twice.txt'}:3: an item stands there twice" in done.err
