"""A list is explained by the consumer's own history: what each event added, and moments that say otherwise."""

import importlib.util
import os
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from cartveil.errors import ModelError
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.explain.attribution import attribute
from cartveil.insight.decisions.explain.deletion import deletion_test, mean_falls
from cartveil.insight.decisions.explain.next_item import ask, explain_next_item
from cartveil.insight.decisions.recommend.sequential import (
    PrivateSequenceConfig,
    SequenceConfig,
    train_private_recommender,
    train_sequence_recommender,
)
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_of
from cartveil.insight.privacy.randomness import seeded_for_tests
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.training.loop import TrainingConfig

captum = pytest.mark.skipif(
    importlib.util.find_spec("captum") is None and not os.environ.get("CI"), reason="needs the extra `explain`"
)

START = datetime(2024, 1, 1)
#: After `tea` anywhere comes `pot`, after `ink` comes `pen`; the rest is chance.
CAUSES = {"tea": "pot", "ink": "pen"}


def released(rows: list[tuple[str, int, str]]) -> ProtectedEvents:
    table = pa.table(
        {
            "subject": [row[0] for row in rows],
            "time": pa.array([START + timedelta(days=row[1]) for row in rows], pa.timestamp("us")),
            "item": [row[2] for row in rows],
        }
    )
    return ProtectedEvents(table, {"purpose": "recommendation", "schema": "orders"}, ProtectionMark())


def history(subject: str, generator: np.random.Generator, cause: str, length: int = 6) -> list[tuple[str, int, str]]:
    items = [f"filler {number}" for number in generator.integers(0, 12, length)]
    items[generator.integers(0, length)] = cause
    return [(subject, day, item) for day, item in enumerate(items)]


@pytest.fixture(scope="module")
def shop() -> ProtectedEvents:
    generator, rows = np.random.default_rng(0), []
    for number in range(700):
        cause = ("tea", "ink")[number % 2]
        rows += [*history(f"c{number}", generator, cause), (f"c{number}", 6, CAUSES[cause])]
    return released(rows)


@pytest.fixture(scope="module")
def recommender(shop):
    training = TrainingConfig(epochs=12, learning_rate=1e-2, patience=12)
    # Not `again`: the items held out are the effects, so the best epoch says nothing of how long to learn them.
    config = SequenceConfig(hidden=24, dropout=0.0, own=0.0, batch=64, again=False, training=training)
    return train_sequence_recommender(shop, config=config)


@captum
def test_each_event_has_a_value_and_all_add_up(recommender, shop) -> None:
    found = explain_next_item(recommender, shop.of("c4").slice(0, 6), "pot")
    assert found.part == "network"
    assert [event.item for event in found.events] == shop.of("c4")["item"].to_pylist()[:6]
    assert [event.time.day for event in found.events] == [1, 2, 3, 4, 5, 6]
    total = found.baseline + sum(event.adds for event in found.events) + found.left_over
    assert total == pytest.approx(found.score, abs=1e-6)
    assert abs(found.left_over) <= 0.006 * abs(found.score - found.baseline) + 2e-4


@captum
def test_the_cause_adds_most_and_deleting_it_matters_more_than_deleting_others(recommender) -> None:
    generator, right, tests = np.random.default_rng(1), 0, []
    for number in range(30):
        cause = ("tea", "ink")[number % 2]
        events = released(history("x", generator, cause)).table
        found = explain_next_item(recommender, events, CAUSES[cause])
        right += max(found.events, key=lambda event: event.adds).item == cause
        question = ask(recommender, histories_of(baskets_of(events, recommender.vocabulary)), CAUSES[cause])
        shares = attribute(question.embedded, question.scored)
        tests.append(deletion_test(shares, question.batch, question.score_of, generator=generator))
    assert right >= 15  # one event in six, 5 of 30, would be chance
    strongest, at_random = mean_falls(tests)
    assert strongest > 2 * max(at_random, 0.01)


@captum
def test_contrary_moments_come_from_the_same_history(recommender, shop) -> None:
    events = shop.of("c3")
    found = explain_next_item(recommender, events, "pen", at_most=2)
    assert 1 <= len(found.contrary) <= 2
    for moment in found.contrary:
        assert moment.bought != "pen"
        assert moment.bought in events["item"].to_pylist()
        assert -1 <= moment.likeness <= 1


def test_counted_pairs_are_explained_exactly(shop) -> None:
    catalogue = {f"filler {number}": "" for number in range(12)} | dict.fromkeys([*CAUSES, *CAUSES.values()], "")
    config = PrivateSequenceConfig(epsilon=20, delta=1e-5, own=0.0)
    private = train_private_recommender(shop, config=config, catalogue=catalogue, random=seeded_for_tests(1))
    found = explain_next_item(private, shop.of("c4").slice(0, 6), "pot")
    assert found.part == "pairs"
    assert sum(event.adds for event in found.events) == pytest.approx(found.score, rel=1e-4)
    assert found.contrary == ()


def test_what_cannot_be_explained_says_why(recommender, shop) -> None:
    with pytest.raises(ModelError, match="no item `sofa`"):
        explain_next_item(recommender, shop.of("c4"), "sofa")
    with pytest.raises(ModelError, match="several consumers"):
        explain_next_item(recommender, shop.table, "pot")
    with pytest.raises(ModelError, match="no item that the model knows"):
        explain_next_item(recommender, released([("x", 1, "sofa")]).table, "pot")
    bare = replace(recommender, network=None, companions=None)
    with pytest.raises(ModelError, match="nothing to explain but popularity"):
        explain_next_item(bare, shop.of("c4"), "pot")
