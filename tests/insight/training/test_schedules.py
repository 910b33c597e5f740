import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.training.schedules import rate_at

STEPS = st.integers(1, 500)
WARMUP = st.floats(0, 1)
NAMES = st.sampled_from(["cosine", "constant", "step"])


@given(NAMES, STEPS, WARMUP)
def test_every_rate_lies_between_zero_and_the_peak(name, steps, warmup):
    factor = rate_at(name, steps=steps, warmup=warmup)
    assert all(0 <= factor(step) <= 1 for step in range(steps + 3))


@given(NAMES, STEPS, WARMUP)
def test_it_rises_to_the_peak_and_never_rises_again(name, steps, warmup):
    factor = rate_at(name, steps=steps, warmup=warmup)
    rates = [factor(step) for step in range(steps)]
    rise = max(1, int(steps * warmup))
    assert rates[rise - 1] == 1
    assert rates[:rise] == sorted(rates[:rise])
    assert rates[rise - 1 :] == sorted(rates[rise - 1 :], reverse=True)


def test_cosine_is_half_way_down_in_the_middle():
    assert rate_at("cosine", steps=101, warmup=0)(51) == pytest.approx(0.5)


def test_constant_stays():
    assert {rate_at("constant", steps=100, warmup=0.1)(step) for step in range(10, 100)} == {1.0}


def test_step_falls_to_a_tenth_twice():
    factor = rate_at("step", steps=91, warmup=0)
    rates = [factor(step) for step in range(91)]
    assert [rates.count(rate) for rate in (1.0, 0.1, pytest.approx(0.01))] == [61, 20, 10]


def test_cosine_is_torchs_own_without_a_rise():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    peer = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=49)
    factor = rate_at("cosine", steps=50, warmup=0)
    for step in range(1, 50):
        assert factor(step) == pytest.approx(peer.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        peer.step()


def test_an_unknown_schedule_is_a_clear_error():
    with pytest.raises(ModelError, match="no schedule is called `linear`"):
        rate_at("linear", steps=3, warmup=0)
