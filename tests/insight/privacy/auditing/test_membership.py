import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.privacy.auditing import attack_by_loss, attack_by_score

#: Scores with many ties.
SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=30)


def both(inside: list[int], outside: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([*inside, *outside], float), np.arange(len(inside) + len(outside)) < len(inside)


@given(SCORES, SCORES)
def test_the_area_is_the_chance_that_a_member_scores_higher(inside: list[int], outside: list[int]) -> None:
    pairs = [(one > other) + (one == other) / 2 for one in inside for other in outside]
    assert attack_by_score(*both(inside, outside)).auc == pytest.approx(sum(pairs) / len(pairs))


@given(SCORES, SCORES)
def test_what_is_found_at_few_false_alarms_is_the_best_threshold_that_keeps_to_them(
    inside: list[int], outside: list[int]
) -> None:
    for rate, found in attack_by_score(*both(inside, outside)).found_at.items():
        thresholds = [each for each in range(-1, 8) if sum(one >= each for one in outside) <= rate * len(outside)]
        best = max(sum(one >= each for one in inside) / len(inside) for each in thresholds)
        assert found == pytest.approx(best)


def test_the_loss_attack_takes_the_mean_training_loss_for_its_threshold() -> None:
    losses = np.array([1.0, 1.0, 4.0, 1.5, 3.0, 3.0])  # the first three were trained on, their mean is 2
    attack = attack_by_loss(losses, np.arange(6) < 3)
    assert attack.advantage == pytest.approx(2 / 3 - 1 / 3)
    assert (attack.members, attack.others) == (3, 3)


def test_a_model_that_tells_nothing_gives_nothing_away() -> None:
    attack = attack_by_loss(np.ones(100), np.arange(100) < 50)
    assert (attack.auc, attack.advantage, attack.found_at[0.01]) == (0.5, 0.0, 0.0)


def test_an_attack_can_stand_in_a_card() -> None:
    plain = attack_by_score(*both([2, 3], [0, 1])).as_dict()
    assert json.loads(json.dumps(plain))["found_at"] == {"0.001": 1.0, "0.01": 1.0, "0.1": 1.0}


@pytest.mark.parametrize("attack", [attack_by_loss, attack_by_score])
@pytest.mark.parametrize(
    ("scores", "members"),
    [
        (np.zeros(3), np.ones(3, bool)),
        (np.zeros(3), np.zeros(3, bool)),
        (np.zeros(3), np.ones(2, bool)),
        (np.array([math.nan, 0.0]), np.array([True, False])),
    ],
)
def test_what_makes_no_sense_is_refused(attack: object, scores: np.ndarray, members: np.ndarray) -> None:
    with pytest.raises(InputError):
        attack(scores, members)
