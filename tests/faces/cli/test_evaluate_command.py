"""`evaluate`: a task's protocol on a release, as a table, as JSON and as a page."""

import json
import shutil
from pathlib import Path

import pytest

from command import PASSPHRASE, cartveil

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def released(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    shutil.copytree(filled / "vault", folder / "vault")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
        words = ("--as", "dana:data_science", "--purpose", "recommendation", "--recipient", "insight")
        assert cartveil("export", "vault", *words, "--out", "events.parquet").code == 0
    return folder


@pytest.fixture
def here(released: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(released)
    return released


def test_figures_beside_baselines_with_intervals_and_a_page(here: Path) -> None:
    words = ("evaluate", "purchase", "--data", "events.parquet", "--seeds", "1")
    done = cartveil(*words, "--card", "card", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert {"purchase", "recency_frequency", "beta_geometric", "base_rate", "intervals", "protocol"} <= set(found)
    low, high = found["intervals"]["purchase"]["brier"]
    assert low <= found["purchase"]["brier"] <= high
    assert "wrote card/purchase.html" in done.err
    page = (here / "card" / "purchase.html").read_text(encoding="utf-8")
    assert "Reliability" in page
    assert json.loads((here / "card" / "purchase.json").read_text(encoding="utf-8"))["purchase"] == found["purchase"]


def test_people_get_a_table_that_begins_with_what_ships(here: Path) -> None:
    done = cartveil("evaluate", "purchase", "--data", "events.parquet", "--seeds", "1")
    assert done.code == 0, done.err
    head, *rest = done.out.splitlines()
    assert head.split()[:3] == ["measure", "purchase", "*"]
    assert "base_rate" in head
    assert [line.split()[0] for line in rest[:3]] == ["brier", "log_loss", "calibration_error"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tea", "--data", "events.parquet"), "'tea' is not one of"),
        (("purchase", "--data", "none.parquet"), "no such file"),
        (("purchase", "--data", "events.parquet", "--column", "time"), "--column: `time` names no two columns"),
        (("traces", "--data", "events.parquet"), "--test: is missing"),
    ],
)
def test_a_wrong_call_is_said_before_anything_is_trained(here: Path, words: tuple[str, ...], told: str) -> None:
    done = cartveil("evaluate", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "hint: " in done.err
    assert "training" not in done.err
