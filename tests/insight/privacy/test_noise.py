"""The noise step: as much as the bound says, everywhere, secret, on a grid, and in the log before it is given out."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError, ModelError, StorageError
from cartveil.insight.privacy import kernel
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.noise import GRID, add_noise
from cartveil.insight.privacy.randomness import Randomness, operating_system, seeded_for_tests


def summed(bound: float = 1.0, **values: torch.Tensor) -> ClippedSum:
    return ClippedSum(values or {"w": torch.zeros(300, 500)}, bound, 10, 0, 0)


@pytest.fixture(params=["compiled", "plain"], autouse=True)
def tier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Say the same of both ways to make normals."""
    if request.param == "plain":
        monkeypatch.setattr(kernel, "available", lambda: False)
    elif not kernel.available():
        pytest.skip("the compiled kernel is not there: install from source with a C++ compiler")
    return str(request.param)


@pytest.mark.parametrize("random", [operating_system(), seeded_for_tests(2)])
def test_normals_are_normal(random: Randomness) -> None:
    drawn, count = random.normal(1_000_001), 1_000_001
    assert len(drawn) == count
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(float((drawn**power).mean()) - moment) < 5 * math.sqrt(spread / count)
    for edge in (0.5, 1.0, 2.0, 3.0):
        share, expected = float((drawn.abs() > edge).double().mean()), math.erfc(edge / math.sqrt(2))
        assert abs(share - expected) < 5 * math.sqrt(expected / count)
    first, second = drawn[: count // 2], drawn[count // 2 : count // 2 * 2]  # the two of each pair, nearly
    assert abs(float((first * second).mean())) < 5 / math.sqrt(count // 2)
    assert float(drawn.abs().max()) > 4.4


def test_far_tails_are_there() -> None:
    smallest = bytes(8) * 1  # the mantissa 0 gives the uniform 2^-53, whatever the angle
    random = Randomness(lambda count: (smallest * count)[:count], secret=False)
    assert float(random.normal(2).abs().max()) == pytest.approx(math.sqrt(2 * 53 * math.log(2)))


@pytest.mark.parametrize(("multiplier", "bound"), [(1.0, 1.0), (0.5, 3.0), (7.0, 1e-3)])
def test_the_scale_is_multiplier_times_bound_for_every_parameter(multiplier: float, bound: float) -> None:
    values = {"a": torch.full((200, 300), 5.0), "b": torch.zeros(50_000)}
    clean = {name: value.clone() for name, value in values.items()}
    given = add_noise(summed(bound, **values), multiplier=multiplier, log=EventLog())
    for name, value in clean.items():
        noise = (given[name] - value).double()
        assert float(noise.std()) == pytest.approx(multiplier * bound, rel=0.02)
        assert abs(float(noise.mean())) < 5 * multiplier * bound / math.sqrt(noise.numel())


def test_no_two_entries_share_their_noise() -> None:
    given = add_noise(summed(a=torch.zeros(70_000), b=torch.zeros(70_000)), multiplier=1.0, log=EventLog())
    both = torch.cat([given["a"], given["b"]])
    assert len(both.unique()) > 0.9 * len(both)
    assert abs(float((given["a"] * given["b"]).mean())) < 5 / math.sqrt(70_000)


def test_two_steps_differ_and_a_seed_repeats() -> None:
    first, second = (add_noise(summed(), multiplier=1.0, log=EventLog())["w"] for _ in range(2))
    assert not torch.equal(first, second)
    again = [add_noise(summed(), multiplier=1.0, log=EventLog(), random=seeded_for_tests(7))["w"] for _ in range(2)]
    assert torch.equal(*again)


def test_seeded_noise_is_told_in_the_log() -> None:
    log = EventLog()
    add_noise(summed(), multiplier=1.0, log=log)
    add_noise(summed(), multiplier=1.0, log=log, random=seeded_for_tests(1))
    assert [step.secret for step in log.steps] == [True, False]


@given(st.floats(1e-3, 1e3), st.floats(-50, 50), st.integers(0, 2**32))
def test_values_lie_on_a_grid_that_the_sum_does_not_move(scale: float, place: float, seed: int) -> None:
    value = torch.full((64,), place * scale, dtype=torch.float64)
    made = add_noise(summed(1.0, w=value), multiplier=scale, log=EventLog(), random=seeded_for_tests(seed))["w"]
    steps = made / (2.0 ** math.floor(math.log2(scale)) * GRID)
    assert torch.equal(steps, steps.round())


def test_normals_in_single_precision_are_normal_too() -> None:
    made = add_noise(summed(w=torch.zeros(1_000_000)), multiplier=2.0, log=EventLog())["w"].double() / 2
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(float((made**power).mean()) - moment) < 5 * math.sqrt(spread / 1_000_000)
    assert abs(float((made[:-1] * made[1:]).mean())) < 5 / 1000
    assert float(made.abs().max()) > 4.4


def test_every_tensor_has_a_key_of_its_own(tier: str) -> None:
    keys: list[bytes] = []

    def read(count: int) -> bytes:
        keys.append(operating_system().read(count))
        return keys[-1]

    add_noise(summed(a=torch.zeros(9), b=torch.zeros(9)), multiplier=1.0, log=EventLog(), random=Randomness(read, True))
    if tier == "compiled":
        assert [len(key) for key in keys] == [32, 32]
    assert len(set(keys)) == len(keys)


def test_near_zero_a_float_tells_no_more_than_elsewhere() -> None:
    # Without the grid the smallest values would have bits far below the noise, which tell one sum from another.
    made = add_noise(summed(w=torch.zeros(200_000)), multiplier=1.0, log=EventLog())["w"]
    assert float(made[made != 0].abs().min()) >= GRID


def test_shape_and_type_stay_as_they_were() -> None:
    clipped = summed(w=torch.arange(12.0).reshape(3, 4), one=torch.tensor(2.0), none=torch.zeros(0, 3))
    given = add_noise(clipped, multiplier=1.0, log=EventLog())
    assert {name: (each.shape, each.dtype) for name, each in given.items()} == {
        name: (each.shape, each.dtype) for name, each in clipped.gradients.items()
    }


def test_an_empty_batch_gets_noise_like_any_other() -> None:
    assert float(add_noise(replace(summed(), examples=0), multiplier=1.0, log=EventLog())["w"].std()) > 0.9


def test_the_step_is_in_the_log_before_anything_is_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StorageError("the account cannot be written")

    monkeypatch.setattr(EventLog, "append", fail)
    with pytest.raises(StorageError):
        add_noise(summed(), multiplier=1.0, log=EventLog())


@pytest.mark.parametrize("multiplier", [0.0, -1.0, math.inf, math.nan])
def test_no_noise_is_no_option(multiplier: float) -> None:
    log = EventLog()
    with pytest.raises(InputError):
        add_noise(summed(), multiplier=multiplier, log=log)
    assert len(log) == 0


@pytest.mark.parametrize("bound", [0.0, -1.0, math.inf, math.nan])
def test_a_sum_without_a_bound_is_refused(bound: float) -> None:
    with pytest.raises(InputError):
        add_noise(summed(bound), multiplier=1.0, log=EventLog())


def test_a_sum_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ModelError, match="not finite"):
        add_noise(summed(w=torch.tensor([1.0, math.nan])), multiplier=1.0, log=EventLog())


def test_on_a_graphics_card_the_noise_is_the_operating_systems_too() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    made = add_noise(summed(w=torch.zeros(100_000, device="cuda")), multiplier=2.0, log=EventLog())["w"]
    assert made.is_cuda
    assert float(made.std()) == pytest.approx(2.0, rel=0.02)
