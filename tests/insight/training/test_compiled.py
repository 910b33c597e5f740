import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.privacy import kernel
from cartveil.insight.privacy.clipping import clipped_sum
from cartveil.insight.training.compiled import CompiledUpdate, clips, compiled_clipped_sum, knows
from cartveil.insight.training.lessons import losses_of, mean_loss
from cartveil.insight.training.progress import Progress
from cartveil.insight.training.updates import PlainUpdate
from training_shop import ITEMS, lesson, same_weights, sequences, small_model, trained


@pytest.fixture(autouse=True)
def built() -> None:
    if not kernel.available():
        if os.environ.get("CI"):
            pytest.fail("CI has no compiled kernel: .ci/run installs a compiler")
        pytest.skip("the compiled kernel was not built")


def gradients(model: NextItem, update: Callable[..., float], seed: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    batch = lesson(sequences(count=6), torch.tensor([9, 1, 5, 9, 3, 2]))
    update(model.train(), mean_loss, batch)
    return {name: each.grad for name, each in model.named_parameters() if each.grad is not None}


@pytest.mark.parametrize("layers", [1, 2])
def test_its_gradients_are_those_of_torch(layers: int) -> None:
    one = gradients(small_model(dropout=0.0, layers=layers), PlainUpdate().gradients)
    other = gradients(small_model(dropout=0.0, layers=layers), CompiledUpdate().gradients)
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


def test_units_are_dropped_and_the_same_seed_drops_the_same() -> None:
    one, again, other = (gradients(small_model(dropout=0.5), CompiledUpdate().gradients, seed) for seed in (3, 3, 4))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.allclose(one["head.weight"], other["head.weight"], atol=1e-3)


def test_its_loss_is_that_of_torch() -> None:
    batch = lesson(sequences())
    losses = [
        update.gradients(small_model(dropout=0.0), mean_loss, batch) for update in (PlainUpdate(), CompiledUpdate())
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_training_with_it_repeats_itself() -> None:
    assert same_weights(trained(update=CompiledUpdate()), trained(update=CompiledUpdate()))


def test_training_with_it_goes_on_after_an_interruption_as_if_there_had_been_none(tmp_path: Path) -> None:
    def stop(at: Progress) -> None:
        if (at.epoch, at.step) == (2, 3):
            raise KeyboardInterrupt

    file = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained(update=CompiledUpdate(), checkpoint=file, on_progress=stop)
    assert same_weights(trained(update=CompiledUpdate(), checkpoint=file), trained(update=CompiledUpdate()))


def test_training_with_it_ends_where_torch_does() -> None:
    updates = (CompiledUpdate(), PlainUpdate())
    ended = [trained(update=update, model=small_model(dropout=0.0)).state_dict() for update in updates]
    assert all(torch.allclose(ended[0][name], ended[1][name], atol=1e-3) for name in ended[0])


def test_a_model_that_it_does_not_know_is_left_to_torch() -> None:
    shape = EncoderConfig(categorical=(("item", ITEMS),), embedding=6, hidden=8, layer_norm=True)
    model = NextItem(NextItemConfig(shape, ITEMS))
    assert not knows(model)
    assert gradients(model, CompiledUpdate().gradients)


def test_items_that_the_model_draws_are_left_to_torch() -> None:
    shape = small_model().config.encoder
    assert not knows(NextItem(NextItemConfig(shape, ITEMS, sampled_above=ITEMS - 1, drawn=4)))


def test_another_loss_is_refused() -> None:
    with pytest.raises(ModelError, match="another loss"):
        CompiledUpdate().gradients(small_model(), lambda net, batch: mean_loss(net, batch) * 2, lesson(sequences()))


def test_only_the_losses_that_it_knows_are_clipped_by_it() -> None:
    assert clips(small_model(), losses_of)
    assert not clips(small_model(), lambda net, batch: losses_of(net, batch))


def test_a_batch_in_pieces_is_clipped_as_a_whole() -> None:
    model, ids = small_model(dropout=0.0), sequences()
    shares = torch.from_numpy(np.random.default_rng(2).choice([1.0, 0.5, 0.25], 40))
    pieces = [lesson(ids[begin : begin + 7]) for begin in range(0, 40, 7)]
    found = compiled_clipped_sum(model, pieces, clip=6.0, automatic=False, shares=shares, threads=1)
    peer = clipped_sum(model, losses_of, pieces, clip=6.0, shares=shares)
    assert (found.bound, found.examples, found.clipped) == (peer.bound, peer.examples, peer.clipped)
    assert 0 < found.clipped < 40
    assert all(torch.allclose(found.gradients[name], each, atol=1e-6) for name, each in peer.gradients.items())
