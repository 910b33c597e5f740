"""`train --epsilon`: a recommender within a budget of privacy, and the ledger that keeps it."""

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartveil.errors import ModelError
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
        (("--epsilon", "4", "--delta", "1e-16"), "delta: must be at least 1e-14"),
        (("--epsilon", "inf", "--delta", "1e-6"), "epsilon: must be above 0 and finite"),
        (("--epsilon", "4", "--delta", "nan"), "delta: must be between 0 and 1"),
        ((*PROMISE, "--seed", "-1"), "Invalid value for '--seed'"),
        ((*PROMISE, "--seed", str(2**63)), "Invalid value for '--seed'"),
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


def changed(folder: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> str:
    """Write the release with other columns, as one that Cartveil made, and return its name."""
    table = pq.read_table(folder / "events.parquet")
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), folder / name)
    return name


def with_numbers(table: pa.Table) -> pa.Table:
    place = table.column_names.index("item")
    return table.set_column(place, "item", pa.array(range(len(table)), pa.int64()))


@pytest.mark.parametrize(
    ("change", "out", "delta", "said"),
    [
        (lambda table: table.drop(["item"]), "models/none", "1e-4", "item: the release has no `item` column"),
        (lambda table: table.drop(["subject"]), "models/none", "1e-4", "the release has no `subject` column"),
        (with_numbers, "models/none", "1e-4", "item: must be text, not int64"),
        (lambda table: table, "catalogue.txt/below", "1e-4", "catalogue.txt/below: "),
        (lambda table: table, "models/none", "1.05e-14", "delta: must be at least 1e-14"),
    ],
)
def test_what_needs_no_look_at_the_data_is_refused_before_anything_is_spent(
    here: Path, change: Callable[[pa.Table], pa.Table], out: str, delta: str, said: str
) -> None:
    before, release = left(here), changed(here, "changed.parquet", change)
    promise = ("--epsilon", "4", "--delta", delta, "--vault", "vault", *SCIENTIST)
    done = cartveil("train", "recommend", release, "--out", out, *promise)
    assert done.code in {1, 2}
    assert said in done.err
    assert left(here) == before
    assert not (here / out).exists()


def test_a_training_that_fails_names_the_reservation_that_stays_spent(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(here / "vault", tmp_path / "vault")  # so that nobody else misses what this one spends

    def failing(*_: object, **__: object) -> None:
        raise ModelError("nothing to learn from", hint="bring more")

    grant = ("budget", "grant", str(tmp_path / "vault"), "orders", *OFFICER, "--purpose", "recommendation")
    assert cartveil(*grant, "--epsilon", "1", "--delta", "1e-6").code == 0
    monkeypatch.setattr("cartveil.insight.decisions.recommend.sequential.train_private_recommender", failing)
    promise = ("--epsilon", "1", "--delta", "1e-6", "--vault", str(tmp_path / "vault"), *SCIENTIST)
    done = train("--out", "models/none", *promise)
    assert done.code == 1
    assert "nothing to learn from" in done.err
    assert "hint: bring more; reservation `" in done.err
    (reservation,) = re.findall(r"reservation `(\w+)` stays spent", done.err)
    freed = cartveil(
        "budget", "release", str(tmp_path / "vault"), reservation, *OFFICER, "--epsilon", "0", "--delta", "0"
    )
    assert freed.code == 0, freed.err


def test_a_delta_above_one_over_the_consumers_is_told(here: Path) -> None:
    done = train("--out", "models/loose", "--epsilon", "20", "--delta", "0.5", "--catalogue", "catalogue.txt")
    assert done.code == 0, done.err
    assert "delta 0.5 is above 1 over the " in done.err


def test_a_private_model_says_which_part_is_explained_and_what_stands_beside_it(here: Path) -> None:
    if not (here / "models" / "free").exists():
        assert train("--out", "models/free", *PROMISE, "--catalogue", "catalogue.txt").code == 0
    card = json.loads((here / "models" / "free" / "card.json").read_text(encoding="utf-8"))
    assert set(card["mixture"]) == {"companions", "popularity"}  # no LSTM was trained
    pseudonym = str(pq.read_table(here / "events.parquet")["subject"][0].as_py())
    done = cartveil("explain", "models/free", "events.parquet", "--consumer", pseudonym)
    assert done.code == 0, done.err
    assert "pairs: 3% of a list and all that is explained here" in done.err
    assert "beside it: the consumer's own past 90%, popularity 7%" in done.err


@pytest.mark.parametrize("command", ["recommend", "explain"])
def test_a_release_without_consumers_has_no_history(here: Path, command: str) -> None:
    if not (here / "models" / "free").exists():
        assert train("--out", "models/free", *PROMISE, "--catalogue", "catalogue.txt").code == 0
    release = changed(here, "nobody.parquet", lambda table: table.drop(["subject"]))
    done = cartveil(command, "models/free", release, "--consumer", "u_1")
    assert done.code == 2
    assert "nobody.parquet: the release has no `subject` column" in done.err


def test_without_the_accountant_nothing_is_begun(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "dp_accounting" else found(name))
    done = train("--out", "models/none", *PROMISE, "--catalogue", "catalogue.txt")
    assert done.code == 2
    assert "`train` needs the extra `learn` (dp_accounting)" in done.err
