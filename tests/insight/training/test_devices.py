from dataclasses import dataclass

import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.training import devices
from cartveil.insight.training.devices import PlacedLoss, device_named, device_of, has_bfloat16, placed
from cartveil.insight.training.lessons import mean_loss
from training_shop import lesson, sequences, small_model

CPU, META = torch.device("cpu"), torch.device("meta")


@dataclass(frozen=True)
class Sample:
    ids: torch.Tensor
    more: tuple[torch.Tensor, dict[str, list[torch.Tensor]]]
    name: str


def test_every_tensor_of_a_batch_is_moved_and_all_else_stays():
    sample = Sample(torch.ones(2), (torch.ones(3), {"deep": [torch.ones(4)]}), "a")
    moved = placed(sample, META)
    assert {moved.ids.device, moved.more[0].device, moved.more[1]["deep"][0].device} == {META}
    assert moved.name == "a"
    assert sample.ids.device == CPU


def test_a_lesson_moves_as_a_whole():
    moved = placed(lesson(sequences()), META)
    tensors = [moved.batch.categorical["item"], moved.batch.numeric, moved.lengths, moved.targets, moved.weights]
    assert {each.device for each in tensors} == {META}


def test_a_model_without_weights_is_on_the_cpu():
    assert device_of(torch.nn.Identity()) == CPU
    assert device_of(torch.nn.Linear(1, 1, device="meta")) == META


@pytest.mark.parametrize("name", ["cuda:99", "meta", "abacus"])
def test_what_is_not_here_is_refused(name):
    with pytest.raises(ModelError, match=name):
        device_named(name)


def test_full_precision_computes_in_float32():
    model = small_model().eval()
    assert (
        PlacedLoss(lambda net, batch: net.scores(batch.batch), CPU)(model, lesson(sequences())).dtype == torch.float32
    )


@pytest.mark.skipif(not has_bfloat16(CPU), reason="this processor multiplies no bfloat16 matrices")
def test_mixed_precision_multiplies_in_bfloat16_and_loses_little():
    model, batch = small_model().eval(), lesson(sequences())
    assert PlacedLoss(lambda net, batch: net.scores(batch.batch), CPU, "mixed")(model, batch).dtype == torch.bfloat16
    with torch.no_grad():
        mixed, full = PlacedLoss(mean_loss, CPU, "mixed")(model, batch), mean_loss(model, batch)
    assert float(mixed) == pytest.approx(float(full), rel=0.02)


def test_mixed_precision_is_full_where_the_device_lacks_it(monkeypatch):
    monkeypatch.setattr(devices, "has_bfloat16", lambda device: False)
    model, batch = small_model().eval(), lesson(sequences())
    assert torch.equal(PlacedLoss(mean_loss, CPU, "mixed")(model, batch), mean_loss(model, batch))
