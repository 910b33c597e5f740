"""Poisson sampling: every consumer by a coin of their own, batches of any size, and secret."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from cartveil.errors import InputError, ModelError
from cartveil.insight.privacy.entries import Noise
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.randomness import Randomness, operating_system, seeded_for_tests
from cartveil.insight.privacy.sampling import PoissonSampler


def draws(count: int, rate: float, *, steps: int, random: Randomness | None = None) -> Iterator[np.ndarray]:
    log = EventLog()
    sampler = PoissonSampler(count, rate, log=log, random=random)
    for _ in range(steps):
        yield sampler.draw()
        log.append(Noise(1.0, 1.0, True, "training"))


def test_sizes_are_binomial_not_fixed() -> None:
    sizes = np.array([len(batch) for batch in draws(2000, 0.01, steps=4000, random=seeded_for_tests(3))])
    mean, variance = 2000 * 0.01, 2000 * 0.01 * 0.99
    assert abs(sizes.mean() - mean) < 4 * math.sqrt(variance / 4000)
    assert abs(sizes.var() / variance - 1) < 4 * math.sqrt(2 / 4000)


def test_everybody_is_drawn_alike_and_apart_from_all_others() -> None:
    steps, count, rate = 20_000, 6, 0.3
    drawn = np.zeros((steps, count))
    for row, batch in zip(drawn, draws(count, rate, steps=steps, random=seeded_for_tests(4)), strict=True):
        row[batch] = 1
    spread = math.sqrt(rate * (1 - rate) / steps)
    assert np.abs(drawn.mean(0) - rate).max() < 4.5 * spread
    correlation = np.corrcoef(np.hstack([drawn[:-1], drawn[1:]]).T)  # between consumers, and from step to step
    assert np.abs(correlation - np.eye(2 * count)).max() < 4.5 / math.sqrt(steps)


def test_some_batches_are_empty_and_are_steps_all_the_same() -> None:
    sizes = [len(batch) for batch in draws(3, 0.2, steps=500, random=seeded_for_tests(5))]
    assert 0.3 < sizes.count(0) / 500 < 0.7


def test_without_noise_there_is_no_next_batch() -> None:
    sampler = PoissonSampler(10, 0.5, log=EventLog())
    sampler.draw()
    with pytest.raises(ModelError, match="got no noise"):
        sampler.draw()


def test_a_rate_of_one_takes_everybody() -> None:
    assert all((batch == np.arange(7)).all() for batch in draws(7, 1.0, steps=5))


def test_a_probability_is_never_above_the_rate_to_the_last_bit() -> None:
    # The number at the border of the rate is out, the one below it is in.
    border = int(0.25 * 2**64)
    numbers = np.array([border, border - 1, 0, 2**64 - 1], np.uint64)
    sampler = PoissonSampler(4, 0.25, log=EventLog(), random=Randomness(lambda count: numbers.tobytes(), secret=False))
    assert sampler.draw().tolist() == [1, 2]


def test_it_draws_from_the_operating_system_unless_told_otherwise() -> None:
    log = EventLog()
    PoissonSampler(10, 0.5, log=log).draw()
    log.append(Noise(1.0, 1.0, True, "training"))
    PoissonSampler(10, 0.5, log=log, random=seeded_for_tests(1)).draw()
    log.append(Noise(1.0, 1.0, True, "training"))
    assert [step.secret for step in log.steps] == [True, False]
    assert operating_system().secret
    first, second = ([batch.tolist() for batch in draws(200, 0.5, steps=2)] for _ in range(2))
    assert first != second


def test_the_divisor_is_the_expected_size() -> None:
    assert PoissonSampler(1000, 0.0256, log=EventLog()).expected == 25.6


@pytest.mark.parametrize(("count", "rate"), [(0, 0.5), (10, 0.0), (10, 1.5), (10, math.nan), (10, -0.1)])
def test_what_cannot_be_drawn_is_refused(count: int, rate: float) -> None:
    with pytest.raises(InputError):
        PoissonSampler(count, rate, log=EventLog())
