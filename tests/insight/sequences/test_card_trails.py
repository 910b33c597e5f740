import numpy as np
import pytest

from cartveil.insight.sequences.card_trails import STEP, trails_of
from cartveil.insight.sequences.transactions import DAY

OWNER = np.array([0, 1, 0, 0])
SECONDS = np.array([0, 5, 1, 7]) * DAY + 10 * DAY
TOLD = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def trails():
    order = np.argsort(SECONDS, kind="stable")
    return trails_of(
        OWNER[order], SECONDS[order], TOLD[order], fraud=np.array([True, False, False, False]), delay=7 * DAY
    )


def test_a_payment_is_a_step_and_its_verdict_another(trails) -> None:
    # Rows in order of time: owner 0 at 10, owner 0 at 11, owner 1 at 15, owner 0 at 17.
    steps = trails.steps[: trails.place[3] + 1]
    assert steps[:, STEP.index("verdict")].tolist() == [0, 0, 1, 0]
    assert steps[:, STEP.index("fraud")].tolist() == [0, 0, 1, 0]
    assert steps[2, STEP.index("amount")] == steps[0, STEP.index("amount")]


def test_a_verdict_of_the_same_second_comes_first(trails) -> None:
    assert trails.place.tolist() == [0, 1, 6, 3]
    assert trails.start.tolist() == [0, 0, 6, 0]


def test_gaps_are_those_to_the_step_before(trails) -> None:
    gaps = trails.steps[:4, STEP.index("gap")]
    assert gaps == pytest.approx([5.0, np.log1p(1), np.log1p(6), 0.0])


def test_windows_end_with_the_payment_and_are_padded_behind(trails) -> None:
    steps, lengths = trails.windows(np.array([0, 3]), 3)
    assert lengths.tolist() == [1, 3]
    assert steps.shape == (2, 3, len(STEP))
    assert steps[1] == pytest.approx(trails.steps[1:4])
    assert steps[0, 0] == pytest.approx(trails.steps[0])
    assert not steps[0, 1:].any()
