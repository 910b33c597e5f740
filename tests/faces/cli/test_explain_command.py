"""`explain`: why a model thinks of an item, from the command line."""

import importlib.util
import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from command import cartveil

pytest.importorskip("torch")

captum = pytest.mark.skipif(
    importlib.util.find_spec("captum") is None and not os.environ.get("CI"), reason="needs the extra `explain`"
)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a release of eighty histories, a next item model and a recommender."""
    folder, generator = tmp_path_factory.mktemp("explained"), np.random.default_rng(0)
    subjects = [f"u_{number:02}" for number in range(80) for _ in range(6)]
    times = [datetime(2024, 1, 1) + timedelta(days=int(day)) for _ in range(80) for day in range(6)]
    items = [f"item {number}" for number in generator.integers(0, 12, 480)]
    table = pa.table({"subject": subjects, "time": pa.array(times, pa.timestamp("us")), "item": items})
    ProtectedEvents(table, {"purpose": "recommendation"}, ProtectionMark()).save(folder / "events.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for job in ("next-item", "recommend"):
            done = cartveil("train", job, "events.parquet", "--out", job, "--epochs", "1")
            assert done.code == 0, done.err
    return folder


@pytest.fixture
def here(learned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(learned)
    return learned


def a_pseudonym(folder: Path) -> str:
    return str(pq.read_table(folder / "events.parquet")["subject"][0].as_py())


@captum
def test_each_event_is_listed_with_what_it_adds(here: Path) -> None:
    done = cartveil("explain", "next-item", "events.parquet", "--consumer", a_pseudonym(here), "-k", "2")
    assert done.code == 0, done.err
    head, *lines = done.out.splitlines()
    assert head.split() == ["item", "time", "adds"]
    assert 1 <= len(lines) <= 2
    assert "by network" in done.err


@captum
def test_as_json_the_values_add_up(here: Path) -> None:
    listed = cartveil("recommend", "next-item", "events.parquet", "--consumer", a_pseudonym(here), "-k", "1", "--json")
    (first,) = json.loads(listed.out)
    done = cartveil("explain", "next-item", "events.parquet", "--consumer", a_pseudonym(here), "--json")
    found = json.loads(done.out)
    assert found["item"] == first["item"]
    total = found["baseline"] + found["left_over"] + sum(event["adds"] for event in found["events"])
    assert total == pytest.approx(found["score"], abs=1e-6)


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        ("next-item", ("--item", "sofa"), "no item `sofa` in the model's vocabulary"),
        ("recommend", (), "recommend: gives its reasons with each list already"),
    ],
)
def test_what_cannot_be_explained_says_why(here: Path, model: str, words: tuple[str, ...], said: str) -> None:
    done = cartveil("explain", model, "events.parquet", "--consumer", a_pseudonym(here), *words)
    assert (done.code, done.out) == (1, "")
    assert f"cartveil: {said}" in done.err
    assert "hint: " in done.err


def test_a_consumer_who_is_not_in_the_release_is_said(here: Path) -> None:
    done = cartveil("explain", "next-item", "events.parquet", "--consumer", "nobody")
    assert done.code == 1
    assert "no such pseudonym in this release" in done.err
