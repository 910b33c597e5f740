import numpy as np
import pytest

from cartveil.insight.decisions.measures import average_precision
from cartveil.insight.decisions.watch.resampling import precision_interval

RANDOM = np.random.default_rng(0)
OWNER = RANDOM.integers(30, size=400) * 7
POSITIVE = OWNER % 5 == 0
SCORE = np.round(POSITIVE + RANDOM.normal(0, 1, 400), 1)


def test_the_value_is_average_precision_with_ties():
    found = precision_interval(POSITIVE, SCORE, OWNER, rounds=50)
    assert found.value == pytest.approx(average_precision(POSITIVE, SCORE))
    assert found.low < found.value < found.high


def test_few_owners_tell_less_than_many_rows():
    few = precision_interval(POSITIVE, SCORE, OWNER, rounds=200)
    many = precision_interval(POSITIVE, SCORE, np.arange(400), rounds=200)
    assert few.high - few.low > many.high - many.low
