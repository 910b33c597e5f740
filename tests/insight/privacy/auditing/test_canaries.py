import numpy as np
import pytest

from cartveil.errors import InputError
from cartveil.insight.privacy.auditing import draw_canaries
from cartveil.insight.privacy.randomness import seeded_for_tests

ITEMS = np.arange(2, 52)


def test_canaries_are_of_the_items_given() -> None:
    canaries = draw_canaries(300, 7, items=ITEMS, random=seeded_for_tests(0))
    assert canaries.items.shape == (300, 7)
    assert set(np.unique(canaries.items)) == set(ITEMS)
    assert len(canaries) == 300


# Six standard deviations: fair coins fail once in a lifetime.
def test_coins_are_fair_and_differ_every_time() -> None:
    one, other = (draw_canaries(10_000, 1, items=ITEMS) for _ in range(2))
    for canaries in (one, other):
        assert abs(canaries.included.sum() - 5_000) < 300
    assert abs((one.included ^ other.included).sum() - 5_000) < 300


def test_those_trained_on_are_those_whose_coin_says_so() -> None:
    canaries = draw_canaries(50, 3, items=ITEMS, random=seeded_for_tests(1))
    assert np.array_equal(canaries.trained_on, canaries.items[canaries.included])
    assert 0 < len(canaries.trained_on) < 50


@pytest.mark.parametrize(("count", "length", "items"), [(0, 3, ITEMS), (3, 0, ITEMS), (3, 3, ITEMS[:0])])
def test_nothing_to_draw_is_refused(count: int, length: int, items: np.ndarray) -> None:
    with pytest.raises(InputError, match="no canary"):
        draw_canaries(count, length, items=items)
