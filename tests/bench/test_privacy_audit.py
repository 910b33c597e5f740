"""The bench of attacks, on a few made-up customers."""

import math
from dataclasses import replace

import numpy as np
import pytest
from bench.privacy_audit import (
    Setting,
    audits,
    examples_of,
    file_lines,
    fresh_model,
    ids_of,
    lesson_of,
    membership,
    privately,
    retail_lines,
)

SMALL = Setting(customers=40, vocabulary=60, length=6, hidden=24, canaries=120, canary_length=4, batch=40)
SMALL = replace(SMALL, private_epochs=30, plain_epochs=40)


@pytest.fixture(scope="module")
def customers() -> list[np.ndarray]:
    drawn = np.random.default_rng(0).integers(2, 62, (40, 6))
    return [ids[: 3 + row % 4] for row, ids in enumerate(drawn)]


def test_ids_are_of_the_most_frequent_items_and_the_last_steps() -> None:
    lines = [["a", "b", "a", "c"], ["a", "b"], ["a"], []]
    found = ids_of(lines, replace(SMALL, vocabulary=2, length=3))
    assert [each.tolist() for each in found] == [[3, 2, 1], [2, 3]]


def test_a_file_of_one_line_a_customer_is_read(tmp_path) -> None:
    (tmp_path / "items.txt").write_text("7 1 2 3\n9 4\n")
    assert list(file_lines(tmp_path / "items.txt")) == [["1", "2", "3"], ["4"]]


def test_customers_of_the_shipped_data_stand_in_order_of_time() -> None:
    lines = list(retail_lines())
    assert len(lines) == 4339
    assert lines[0] == ["23166"]  # customer 12346's only order that was not cancelled


def test_a_lesson_holds_each_next_item_and_no_padding(customers: list[np.ndarray]) -> None:
    lesson = lesson_of(customers[:2])
    assert lesson.batch.categorical["item"].tolist()[0] == [*customers[0][:2], 0]
    assert lesson.targets[1].tolist() == customers[1][1:].tolist()
    assert lesson.weights.sum(1).tolist() == [2, 3]
    assert examples_of(customers).consumers == 40


def test_a_private_training_keeps_its_claim_and_a_plain_one_claims_nothing(customers: list[np.ndarray]) -> None:
    quick = replace(SMALL, private_epochs=1, plain_epochs=1)
    for claim in (2.0, math.inf):
        statement = privately(quick, claim)(fresh_model(quick, 0), examples_of(customers))
        assert 0.9 * claim <= statement.epsilon <= claim


def test_noise_switched_off_is_flagged_and_shows_more_than_honest_noise(customers: list[np.ndarray]) -> None:
    found = audits(customers, SMALL, epsilons=[1.0], seeds=1)
    assert [row["training"] for row in found] == ["epsilon 1", "plain", "epsilon 1, noise switched off"]
    honest, plain, broken = found
    assert broken["flagged"]
    assert not plain["flagged"]  # it promises nothing
    assert honest["epsilon"] < broken["epsilon"]


def test_members_of_a_plain_training_are_found(customers: list[np.ndarray]) -> None:
    found = membership(customers, SMALL, epsilon=math.inf, models=6)
    assert found["epsilon"] is None
    assert found["loss"]["auc"] > 0.8
    assert {"auc", "advantage", "found_at"} == set(found["likelihood_ratio"])
