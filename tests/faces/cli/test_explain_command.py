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

torch = pytest.importorskip("torch")

from cartveil.insight.decisions.recommend.sequential.companions import Companions  # noqa: E402 - after the skip
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender  # noqa: E402
from cartveil.insight.sequences.vocabulary import Vocabulary  # noqa: E402

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


@pytest.fixture(scope="module")
def paired(learned: Path) -> Path:
    """Return a recommender of pairs whose most likely item is in no pair."""
    words = tuple(f"item {number}" for number in range(12))
    popularity = torch.tensor([0.0, 0.0, 0.9, *[0.1 / 11] * 11])
    weights = torch.zeros(3, 3)
    weights[1, 2] = weights[2, 1] = 1.0
    companions = Companions(torch.tensor([5, 6, 7]), weights)
    mixture = {"companions": 0.2, "popularity": 0.4}
    card: dict[str, object] = {"privacy": None}
    SequenceRecommender(Vocabulary(words), popularity, companions, None, 0.0, mixture, {}, card).save(
        learned / "paired"
    )
    return learned / "paired"


def test_the_first_item_of_the_list_that_can_be_explained_is(here: Path, paired: Path) -> None:
    consumer = ("events.parquet", "--consumer", a_pseudonym(here))
    (first,) = json.loads(cartveil("recommend", str(paired), *consumer, "-k", "1", "--json").out)
    assert first["item"] == "item 0"  # popular, and in no pair
    found = cartveil("explain", str(paired), *consumer, "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["item"] in {"item 3", "item 4", "item 5"}


@captum
def test_the_strongest_events_are_those_that_add_or_take_most(here: Path) -> None:
    words = ("explain", "next-item", "events.parquet", "--consumer", a_pseudonym(here))
    every = [abs(event["adds"]) for event in json.loads(cartveil(*words, "--json").out)["events"]]
    listed = [abs(float(line.split()[-1])) for line in cartveil(*words, "-k", "3").out.splitlines()[1:]]
    assert listed == pytest.approx(sorted(every, reverse=True)[:3], abs=1e-3)


@captum
def test_an_item_that_was_bought_before_is_said_to_count_by_itself(here: Path) -> None:
    table = pq.read_table(here / "events.parquet")
    done = cartveil(
        "explain", "next-item", "events.parquet", "--consumer", a_pseudonym(here), "--item", str(table["item"][0])
    )
    assert done.code == 0, done.err
    assert "it was bought before, which counts in the list by itself" in done.err
