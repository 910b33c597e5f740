"""Where a consumer's steps cancel, rounding hides no part of its gradient from the clip."""

from dataclasses import replace

import pytest
import torch

from cartveil.insight.models.encoder import Batch
from cartveil.insight.privacy.kernel import clipped_sum, plain_sum
from insight.privacy.kernel.slow import Case, case, distance, gradients, norms, weighted

SLACK = 1 + 1e-4


def cancelling(
    more: float, *, items: int = 600, units: int = 32, quiet: int = 30, kinds: int = 5, tied: bool = False
) -> Case:
    """Return a batch whose first sequence has gradients that cancel, but for the last step's weight times 1 + `more`.

    Its steps all look alike, and the head's bias says of each item how often it follows.
    """
    torch.manual_seed(1)
    made = case(3, quiet + 30, units=units, items=items, tied=tied, seed=1)
    often = (torch.rand(kinds) * 12).long() + 1
    targets = torch.cat([torch.full((int(count),), 2 + item) for item, count in enumerate(often)])
    time, lstm = quiet + len(targets), made.model.encoder.lstm
    with torch.no_grad():
        made.model.head.weight.mul_(0.01 if tied else 0.0)
        made.model.head.bias.fill_(-40.0)  # type: ignore[union-attr]
        made.model.head.bias[2 : 2 + kinds] = (often / often.sum()).log()  # type: ignore[index]
        gates = torch.tensor([6.0, -2.0, 4.0, 6.0]).repeat_interleave(units)
        gates[2 * units : 3 * units] *= torch.randn(units).sign()
        lstm.bias_ih_l0 += gates
    ids, wanted = torch.randint(0, items, (3, time)), torch.randint(0, items, (3, time))
    ids[0], wanted[0, quiet:] = 5, targets[torch.randperm(len(targets))]
    weights = torch.ones(3, time)
    weights[0, :quiet], weights[0, -1] = 0.0, 1 + more
    batch = Batch({"item": ids}, {}, torch.zeros(3, time, 0), torch.full((3,), time))
    return Case(made.model, batch, wanted, weights)


def moved(made: Case, **how: object) -> float:
    """Return by how much the first sequence moves the sum."""
    without = made.weights.clone()
    without[0] = 0
    whole = clipped_sum(*made.given, **how).gradients  # type: ignore[arg-type]
    rest = clipped_sum(*made.given[:3], without, **how).gradients  # type: ignore[arg-type]
    return sum(float((whole[name].double() - rest[name].double()).square().sum()) for name in whole) ** 0.5


@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize("more", [0.0, 1e-3, 1e-2, 0.1, 1.0, 3.0])
@pytest.mark.parametrize(
    "shape",
    [{}, {"tied": True}, {"items": 90}, {"items": 40, "units": 9}, {"units": 64, "kinds": 9}],
    ids=["many items", "tied", "few items", "few units", "more units"],
)
def test_steps_that_cancel_move_the_sum_by_no_more_than_the_clip(
    instructions: str, shape: dict[str, int], more: float, automatic: bool
) -> None:
    made = cancelling(more, **shape)  # type: ignore[arg-type]
    how = {"clip": 1.0 if automatic else 1e-3, "automatic": automatic, "instructions": instructions}
    assert moved(made, **how) <= how["clip"] * SLACK  # type: ignore[operator]


@pytest.mark.parametrize("size", [10.0, 1000.0])
def test_large_weights_that_cancel_hide_nothing(instructions: str, size: float) -> None:
    made = cancelling(1e-3, kinds=9)
    made = replace(made, weights=made.weights * size)
    assert moved(made, clip=1.0, automatic=True, instructions=instructions) <= SLACK


@pytest.mark.parametrize("tied", [False, True])
def test_what_is_left_of_steps_that_cancel_is_exact(instructions: str, tied: bool) -> None:
    made = cancelling(0.1, tied=tied)
    each = gradients(made)
    found = clipped_sum(*made.given, clip=0.02, instructions=instructions)
    assert distance(found.gradients, weighted(each, (0.02 / norms(each)).clamp(max=1))) < 1e-4
    assert (found.examples, found.clipped, found.non_finite) == (3, 3, 0)


def test_shares_and_threads_hold_where_steps_cancel(instructions: str) -> None:
    made, shares = cancelling(0.01), torch.tensor([0.25, 0.5, 1.0])
    how = {"clip": 1.0, "automatic": True, "shares": shares, "threads": 2, "instructions": instructions}
    assert moved(made, **how) <= 0.25 * SLACK


def test_a_step_that_cancels_gives_the_same_bits_again() -> None:
    first, second = (clipped_sum(*cancelling(0.01).given, clip=1.0).gradients for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def once(units: int, size: int, steps: int, weight: float) -> Case:
    """Return sequences of one length."""
    made = case(size, steps, units=units, items=50, seed=3)
    batch = replace(made.batch, lengths=torch.full((size,), steps))
    return replace(made, batch=batch, weights=torch.full((size, steps), weight))


@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize("units", [33, 100])
def test_sequences_of_one_step_know_nothing_of_the_step_before(instructions: str, units: int, automatic: bool) -> None:
    larger = once(units, 32, 9, 50.0)
    made = once(units, 32, 1, 1.0)
    clipped_sum(*larger.given, clip=1e6, instructions=instructions)  # leaves its numbers in the workspace
    found = clipped_sum(*made.given, clip=1e-3, automatic=automatic, instructions=instructions).gradients
    assert not found["encoder.lstm.weight_hh_l0"].any()
    assert moved(made, clip=1e-3, automatic=automatic, instructions=instructions) <= 1e-3 * SLACK
    clipped_sum(*larger.given, clip=1e6, instructions=instructions)
    plain, _ = plain_sum(*made.given, instructions=instructions)
    assert not plain["encoder.lstm.weight_hh_l0"].any()
