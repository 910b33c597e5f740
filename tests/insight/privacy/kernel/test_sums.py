"""The compiled kernel computes what a loop over consumers computes, whatever the model, batch and instruction set."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError, ModelError
from cartveil.insight.privacy import clipping
from cartveil.insight.privacy.kernel import clipped_sum, plain_sum
from insight.privacy.kernel.slow import Case, case, distance, gradients, norms, weighted

EXACT = 1e-5

#: Small ones for every branch; those of 512 items and more run on the matrix unit where there is one.
SHAPES = {
    "one layer": {},
    "two layers": {"layers": 2, "units": 20, "items": 133},
    "four layers, odd sizes": {"layers": 4, "units": 17, "hidden": 33, "items": 91},
    "tied": {"tied": True},
    "tied, two layers, no bias": {"tied": True, "bias": False, "layers": 2},
    "fields and numbers": {"fields": 3, "numeric": 3, "units": 5, "hidden": 19},
    "the last position": {"last": True},
    "more consumers than a tile": {"size": 75, "steps": 4},
    "longer than the gradients are wide": {"steps": 150, "units": 9, "size": 4, "items": 40},
    "many items": {"items": 700, "units": 36, "size": 21},
    "many items, tied, two layers": {"items": 519, "units": 32, "tied": True, "layers": 2, "size": 35},
    "many items, the last position": {"items": 600, "units": 33, "last": True},
    "many items, longer than the gradients are wide": {"items": 530, "units": 12, "steps": 40, "size": 4},
}


@pytest.fixture(scope="module", params=SHAPES)
def shaped(request: pytest.FixtureRequest) -> tuple[Case, list[dict[str, torch.Tensor]]]:
    made = case(**SHAPES[request.param])  # type: ignore[arg-type]
    return made, gradients(made)


def test_clipped_sums_equal_a_loop_over_consumers(shaped, instructions: str) -> None:  # type: ignore[no-untyped-def]
    made, each = shaped
    clip = float(norms(each).median())
    found = clipped_sum(*made.given, clip=clip, instructions=instructions)
    expected = weighted(each, (clip / norms(each)).clamp(max=1))
    assert distance(found.gradients, expected) < EXACT
    assert found.bound == clip
    assert abs(found.clipped - int((norms(each) > clip).sum())) <= 1  # the median itself may fall on either side
    assert (found.examples, found.non_finite) == (len(each), 0)


def test_plain_sums_equal_autograd(shaped, instructions: str) -> None:  # type: ignore[no-untyped-def]
    made, each = shaped
    found, losses = plain_sum(*made.given, instructions=instructions)
    assert distance(found, weighted(each, torch.ones(len(each)))) < EXACT
    torch.testing.assert_close(losses, made.model.losses(*made.given[1:]).detach(), rtol=2e-6, atol=1e-6)


def test_both_tiers_agree() -> None:
    made = case(size=40, layers=2, items=90)
    whole = [tuple(made.given[1:])]
    pure = clipping.clipped_sum(made.model, lambda m, part: m.losses(*part), whole, clip=2.0)
    found = clipped_sum(*made.given, clip=2.0)
    assert distance(found.gradients, {k: v.double() for k, v in pure.gradients.items()}) < EXACT
    assert (found.clipped, found.examples) == (pure.clipped, pure.examples)


def test_automatic_clipping_scales_small_gradients_up() -> None:
    made = case()
    each = gradients(made)
    found = clipped_sum(*made.given, clip=100.0, automatic=True)
    assert distance(found.gradients, weighted(each, 100.0 / (norms(each) + 0.01))) < EXACT
    assert found.clipped == 0


def test_windows_of_one_consumer_share_its_clip() -> None:
    made = case()
    each, shares = gradients(made), torch.rand(9)
    found = clipped_sum(*made.given, clip=1.0, shares=shares)
    assert distance(found.gradients, weighted(each, (shares.double() / norms(each)).clamp(max=1))) < EXACT


@pytest.mark.parametrize("items", [70, 600])
def test_who_has_no_finite_gradient_adds_nothing_and_is_counted(instructions: str, items: int) -> None:
    made = case(items=items, numeric=2, units=33)
    broken = made.batch.numeric.clone()
    broken[2, 0, 1], broken[5, 0, 0] = torch.nan, torch.inf
    made = replace(made, batch=replace(made.batch, numeric=broken))
    found = clipped_sum(*made.given, clip=1.0, instructions=instructions)
    kept = [row for row in range(9) if row not in (2, 5)]
    whole = case(items=items, numeric=2, units=33)
    each = [one for row, one in enumerate(gradients(whole)) if row in kept]
    assert found.non_finite == 2
    assert distance(found.gradients, weighted(each, (1 / norms(each)).clamp(max=1))) < EXACT


@pytest.mark.parametrize("items", [70, 600])
def test_scores_far_apart_lose_nothing(instructions: str, items: int) -> None:
    made = case(items=items, units=33, size=5)
    with torch.no_grad():
        made.model.head.weight[items // 2 :] *= 200
        made.model.head.bias[-1] = 70.0  # type: ignore[index]
    each = gradients(made)
    found, losses = plain_sum(*made.given, instructions=instructions)
    # Single precision itself leaves about 1e-5 of scores of this size.
    assert distance(found, weighted(each, torch.ones(5))) < 2e-4
    assert losses.isfinite().all()


def test_steps_after_the_end_of_a_sequence_change_nothing() -> None:
    made = case(tied=True)
    other = made.batch.categorical["item"].clone()
    other[~made.batch.mask] = 1_000_000
    padded = replace(made.batch, categorical={"item": other})
    first, second = (clipped_sum(made.model, batch, *made.given[2:], clip=1.0) for batch in (made.batch, padded))
    assert all(torch.equal(first.gradients[name], second.gradients[name]) for name in first.gradients)


def test_who_asks_nothing_adds_nothing() -> None:
    made = case(bias=False)
    found = clipped_sum(*made.given[:3], torch.zeros(9, 12), clip=1.0)
    assert all(not value.any() for value in found.gradients.values())
    assert (found.examples, found.clipped) == (9, 0)


def test_an_empty_batch_gives_a_sum_of_zero() -> None:
    made = case(numeric=2)
    batch = replace(
        made.batch,
        categorical={"item": torch.zeros(0, 12).long()},
        numeric=torch.zeros(0, 12, 2),
        lengths=torch.zeros(0),
    )
    found = clipped_sum(made.model, batch, torch.zeros(0, 12).long(), torch.zeros(0, 12), clip=1.0)
    assert found.examples == 0
    assert all(not value.any() for value in found.gradients.values())


def test_dropout_is_that_of_the_model() -> None:
    made = case(dropout=0.4, numeric=3)
    made.model.train()
    torch.manual_seed(5)
    found, losses = plain_sum(*made.given)
    torch.manual_seed(5)
    expected = made.model.losses(*made.given[1:])
    expected.sum().backward()
    torch.testing.assert_close(losses, expected.detach(), rtol=2e-6, atol=1e-6)
    wanted = {name: p.grad.double() for name, p in made.model.named_parameters() if p.grad is not None}
    assert distance(found, wanted) < EXACT


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_threads_change_no_more_than_rounding(threads: int) -> None:
    made = case(size=110, steps=3, tied=True)
    one, more = (clipped_sum(*made.given, clip=1.0, threads=n) for n in (1, threads))
    assert distance(more.gradients, {k: v.double() for k, v in one.gradients.items()}) < 1e-6


def test_the_same_call_gives_the_same_bits() -> None:
    made = case(size=40, items=700)
    first, second = (clipped_sum(*made.given, clip=1.0) for _ in range(2))
    assert all(torch.equal(first.gradients[name], second.gradients[name]) for name in first.gradients)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 40),
    steps=st.integers(1, 14),
    units=st.integers(1, 40),
    items=st.integers(2, 40) | st.integers(512, 560),
    tied=st.booleans(),
    seed=st.integers(0, 999),
)
def test_no_consumer_moves_the_sum_by_more_than_the_clip(
    size: int, steps: int, units: int, items: int, tied: bool, seed: int
) -> None:
    made = case(size, steps, units=units, items=items, tied=tied, seed=seed)
    without = made.weights.clone()
    without[0] = 0
    both = clipped_sum(*made.given, clip=0.5).gradients, clipped_sum(*made.given[:3], without, clip=0.5).gradients
    moved = sum(float((both[0][name].double() - both[1][name].double()).square().sum()) for name in both[0]) ** 0.5
    assert moved <= 0.5 * (1 + 1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"targets": torch.full((9, 12), 70)},
        {"targets": torch.full((9, 12), -1)},
        {"item": torch.full((9, 12), 70)},
        {"item": torch.full((9, 12), -1)},
        {"lengths": torch.zeros(9).long()},
        {"lengths": torch.full((9,), 13)},
        {"weights": torch.ones(9, 12)},
    ],
)
def test_what_would_read_elsewhere_in_memory_is_refused(change: dict[str, torch.Tensor]) -> None:
    made = case()
    batch = replace(
        made.batch,
        categorical={"item": change.get("item", made.batch.categorical["item"])},
        lengths=change.get("lengths", made.batch.lengths),
    )
    with pytest.raises(InputError):
        clipped_sum(
            made.model, batch, change.get("targets", made.targets), change.get("weights", made.weights), clip=1.0
        )


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    made = case()
    with pytest.raises(InputError, match="shape"):
        clipped_sum(made.model, made.batch, made.targets, made.weights[:, :5], clip=1.0)


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan")])
def test_a_clip_must_be_above_zero(clip: float) -> None:
    with pytest.raises(ModelError, match="above zero"):
        clipped_sum(*case().given, clip=clip)
