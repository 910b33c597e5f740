import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.errors import ModelError
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.privacy import kernel
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.randomness import Randomness, operating_system, seeded_for_tests
from cartveil.insight.training.lessons import Lesson, losses_of
from cartveil.insight.training.masks import secret_masks
from cartveil.insight.training.private import PrivateConfig, PrivateUpdate, train_private
from training_shop import CONFIG, STEPS, private_examples, sequences, small_model

UNITS, CLIP, NEXT_TO_NONE = 8, 0.05, 1e-12
CPU = torch.device("cpu")


def by_torch(model: nn.Module, part: Lesson) -> Tensor:
    """Return what `losses_of` does, unknown to the kernel."""
    return losses_of(model, part)


TIERS = [
    pytest.param(
        losses_of, marks=pytest.mark.skipif(not kernel.available(), reason="the compiled kernel was not built")
    ),
    by_torch,
]


def alike(row: int) -> Randomness:
    """Return chance that gives every row the same masks, wherever it stands; each row reads so many bytes."""
    pattern = np.random.default_rng(3).bytes(row)
    return Randomness(lambda count: (pattern * math.ceil(count / row))[:count], secret=False)


def step(
    ids: Tensor, random: Randomness, losses: Callable[[NextItem, Lesson], Tensor], **model: object
) -> dict[str, Tensor]:
    """Return what a step hands to the noise, everybody drawn, the seed known."""
    privacy = PrivateConfig(epsilon=4.0, delta=1e-4, batch=len(ids), clip=CLIP)
    update = PrivateUpdate(private_examples(ids), privacy, planned=9, log=EventLog(), random=random)
    update._multiplier = NEXT_TO_NONE
    net = small_model(embedding=UNITS, dropout=0.4, **model).train()
    torch.manual_seed(0)
    update.gradients(net, losses, None)
    return {name: len(ids) * each.grad for name, each in net.named_parameters() if each.grad is not None}


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return math.sqrt(sum(float((one[name] - other[name]).double().square().sum()) for name in one))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("losses", TIERS)
def test_a_consumer_moves_the_sum_by_the_clip_whoever_stands_where(
    losses: Callable[[NextItem, Lesson], Tensor], layers: int
) -> None:
    # Chance that is the same for each row is that in which both batches have the same masks for all whom they share.
    ids = sequences(count=40)
    whole = step(ids, alike(2 * STEPS * UNITS), losses, layers=layers)
    for gone in (0, 17, 39):
        less = step(torch.cat([ids[:gone], ids[gone + 1 :]]), alike(2 * STEPS * UNITS), losses, layers=layers)
        assert distance(whole, less) <= CLIP * (1 + 1e-5)


@pytest.mark.parametrize("losses", TIERS)
def test_the_seed_of_the_training_does_not_tell_the_masks(losses: Callable[[NextItem, Lesson], Tensor]) -> None:
    ids = sequences(count=40)
    one, other = (step(ids, operating_system(), losses) for _ in range(2))
    assert distance(one, other) > CLIP
    again = [step(ids, seeded_for_tests(2), losses) for _ in range(2)]
    assert distance(*again) == 0


@pytest.mark.parametrize("losses", TIERS)
def test_a_checkpoint_tells_nothing_of_masks(tmp_path: Path, losses: Callable[[NextItem, Lesson], Tensor]) -> None:
    file = tmp_path / "training.safetensors"
    privacy = PrivateConfig(epsilon=4.0, delta=1e-4, batch=8)
    model = small_model()
    kept = []

    def on_epoch(_: object) -> None:
        kept.append(read_states(file))

    train_private(
        model,
        losses,
        examples=private_examples(sequences()),
        privacy=privacy,
        config=replace(CONFIG, epochs=2),
        checkpoint=file,
        on_epoch=on_epoch,
    )
    torch.manual_seed(CONFIG.seed)
    assert len(kept) == 2
    assert all(torch.equal(each, torch.get_rng_state()) for each in kept)


def read_states(file: Path) -> Tensor:
    from safetensors.torch import load_file

    return next(each for name, each in load_file(file).items() if name.endswith("random/now/cpu"))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_masks_are_those_of_dropout(share: float, inplace: bool) -> None:
    with secret_masks(seeded_for_tests(1), CPU):
        found = nn.Dropout(share, inplace=inplace)(torch.ones(200, 300))
        untouched = nn.Dropout(share).eval()(torch.ones(3))
    kept = found != 0
    assert float(kept.float().mean()) == pytest.approx(1 - share, abs=0.01)
    assert torch.allclose(found[kept], torch.tensor(1 / max(1 - share, 1e-9)))
    assert torch.equal(untouched, torch.ones(3))


def test_a_gradient_goes_through_the_units_that_are_kept() -> None:
    values = torch.ones(50, requires_grad=True)
    with secret_masks(operating_system(), CPU):
        given = functional.dropout(values, 0.5)
        given.sum().backward()
    assert torch.equal(values.grad, given.detach())


@pytest.mark.parametrize("layer", [nn.AlphaDropout(0.5), nn.RReLU(), nn.Dropout1d(0.5)])
def test_other_chance_is_refused(layer: nn.Module) -> None:
    with (
        pytest.raises(ModelError, match="draws at random what consumers may share"),
        secret_masks(operating_system(), CPU),
    ):
        layer.train()(-torch.ones(4, 3, 5))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_a_gpu_masks_are_as_secret() -> None:
    device = torch.device("cuda")
    with secret_masks(operating_system(), device):
        found = nn.Dropout(0.5)(torch.ones(100, 100, device=device))
    assert 0.4 < float((found != 0).float().mean()) < 0.6
    with pytest.raises(ModelError, match="draws at random"), secret_masks(operating_system(), device):
        torch.rand(3, device=device)
