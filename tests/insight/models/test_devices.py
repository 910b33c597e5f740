"""Every model gives the same losses and gradients on a GPU, and nearly the same in mixed precision."""

import pytest
import torch

from cartveil.insight.models.counts import CountConfig, CountModel
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.fields import FieldsConfig, FieldsModel
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.models.quantiles import QuantileConfig, QuantileModel
from cartveil.insight.models.risk import RiskConfig, RiskModel
from cartveil.insight.models.tags import TagModel, TagsConfig

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

ITEMS = 9
ENCODER = EncoderConfig(categorical=(("item", ITEMS),), numeric=2, embedding=8, hidden=8, layers=2, dropout=0.0)
BOTH = EncoderConfig(categorical=(("item", ITEMS),), numeric=2, hidden=8, dropout=0.0, bidirectional=True)
IDS, LENGTHS = torch.tensor([[2, 3, 4, 5], [6, 7, 0, 0]]), torch.tensor([4, 2])
WEIGHTS = torch.tensor([[1.0, 0.5, 2.0, 1.0], [1.0, 1.0, 0.0, 0.0]])

MODELS = {
    "next item": (lambda: NextItem(NextItemConfig(ENCODER, ITEMS, tied=True)), (IDS, WEIGHTS)),
    "fields": (lambda: FieldsModel(FieldsConfig(ENCODER, (("item", ITEMS),))), (IDS[..., None], WEIGHTS)),
    "risk": (lambda: RiskModel(RiskConfig(ENCODER)), (IDS % 2, WEIGHTS)),
    "quantiles": (lambda: QuantileModel(QuantileConfig(ENCODER, (0.5,), 1)), (IDS[..., None], WEIGHTS[..., None])),
    "counts": (lambda: CountModel(CountConfig(ENCODER, 1)), (IDS[..., None].float(), WEIGHTS[..., None])),
    "tags": (lambda: TagModel(TagsConfig(BOTH, 3)), (IDS % 3,)),
}


def learnt(name, device):
    torch.manual_seed(0)
    make, asked = MODELS[name]
    batch = Batch({"item": IDS}, {}, torch.randn(2, 4, 2), LENGTHS)
    model = make().to(device)
    with torch.backends.cudnn.flags(allow_tf32=False):  # 10 bits of a fraction are not the same
        losses = model.losses(batch.to(device), *(each.to(device) for each in asked))
        losses.sum().backward()
    gradients = {name: weight.grad.cpu() for name, weight in model.named_parameters() if weight.grad is not None}
    return losses.detach().cpu(), gradients


@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_changes_little(name):
    with torch.autocast("cpu", torch.bfloat16):
        losses, gradients = learnt(name, "cpu")
    exact, expected = learnt(name, "cpu")
    assert losses.dtype == torch.float32  # a sum of hundreds of steps would lose most of its digits
    torch.testing.assert_close(losses, exact, rtol=0.01, atol=0.01)
    for weight, gradient in gradients.items():
        assert (gradient - expected[weight]).norm() <= 0.1 * expected[weight].norm() + 1e-3, weight


@on_a_gpu
@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients_are_the_same(name):
    torch.testing.assert_close(learnt(name, "cuda"), learnt(name, "cpu"), rtol=1e-4, atol=1e-5)


@on_a_gpu
def test_items_are_drawn_for_a_device():
    model = NextItem(NextItemConfig(ENCODER, ITEMS, sampled_above=1, drawn=64)).cuda()
    batch = Batch({"item": IDS}, {}, torch.randn(2, 4, 2), LENGTHS).to("cuda")
    assert torch.isfinite(model.losses(batch, IDS.cuda(), WEIGHTS.cuda())).all()
