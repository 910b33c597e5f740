"""Every model can be trained privately: its clipped sum is that of one consumer at a time, by plain autograd."""

import pytest
import torch

from cartveil.insight.models.counts import CountConfig, CountModel
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.fields import FieldsConfig, FieldsModel
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.models.quantiles import QuantileConfig, QuantileModel
from cartveil.insight.models.risk import RiskConfig, RiskModel
from cartveil.insight.models.tags import TagModel, TagsConfig
from cartveil.insight.privacy.clipping import clipped_sum

ITEMS, SIZE, STEPS = 9, 6, 4


def encoder_of(**changes):
    shape = {"categorical": (("item", ITEMS),), "numeric": 2, "embedding": 5, "hidden": 5, "dropout": 0.0}
    return EncoderConfig(**{**shape, **changes})


def next_item(*, encoder=None, **changes):
    model = NextItem(NextItemConfig(encoder_of(**(encoder or {})), ITEMS, **changes))
    return model, torch.randint(2, ITEMS, (SIZE, STEPS))


MODELS = {
    "next item": lambda: next_item(),
    "next item, tied, two layers": lambda: next_item(tied=True, encoder={"layers": 2, "project": False}),
    "next item, normalised": lambda: next_item(encoder={"layers": 2, "layer_norm": True, "residual": True}),
    "next item, from baskets": lambda: next_item(encoder={"bags": (("basket", ITEMS),), "project": False}),
    "risk": lambda: (RiskModel(RiskConfig(encoder_of())), torch.randint(0, 2, (SIZE, STEPS))),
    "fields": lambda: (
        FieldsModel(FieldsConfig(encoder_of(), (("item", ITEMS),))),
        torch.randint(0, ITEMS, (SIZE, STEPS, 1)),
    ),
    "quantiles": lambda: (QuantileModel(QuantileConfig(encoder_of(), (0.2, 0.8), 1)), torch.randn(SIZE, STEPS, 1)),
    "counts": lambda: (CountModel(CountConfig(encoder_of(), 1)), torch.randint(0, 9, (SIZE, STEPS, 1)).float()),
    "tags": lambda: (
        TagModel(TagsConfig(encoder_of(bidirectional=True), 3, forbidden=((0, 2),))),
        torch.randint(0, 2, (SIZE, STEPS)),
    ),
}


def losses_of(model, lesson):
    batch, targets = lesson
    if isinstance(model, TagModel):
        return model.losses(batch, targets)
    weights = batch.mask.float()
    return model.losses(
        batch, targets, weights[..., None] if isinstance(model, (QuantileModel, CountModel)) else weights
    )


def part(lesson, begin, end):
    batch, targets = lesson
    ids, bags = ({name: each[begin:end] for name, each in some.items()} for some in (batch.categorical, batch.bags))
    return Batch(ids, bags, batch.numeric[begin:end], batch.lengths[begin:end]), targets[begin:end]


@pytest.mark.parametrize("name", MODELS)
def test_the_clipped_sum_is_that_of_one_consumer_at_a_time(name):
    torch.manual_seed(0)
    model, targets = MODELS[name]()
    ids, baskets = torch.randint(1, ITEMS, (SIZE, STEPS)), torch.randint(0, ITEMS, (SIZE, STEPS, 3))
    batch = Batch({"item": ids}, {"basket": baskets}, torch.randn(SIZE, STEPS, 2), torch.randint(1, STEPS + 1, (SIZE,)))
    lesson = (batch, targets)
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    expected, norms = {name: torch.zeros_like(weight) for name, weight in trained.items()}, []
    each = [
        torch.autograd.grad(
            losses_of(model, part(lesson, row, row + 1)).sum(), list(trained.values()), allow_unused=True
        )
        for row in range(SIZE)
    ]
    norms = [sum(g.double().square().sum() for g in row if g is not None).sqrt() for row in each]
    clip = float(torch.stack(norms).median())
    for row, norm in zip(each, norms, strict=True):
        for key, gradient in zip(trained, row, strict=True):
            expected[key] += 0 if gradient is None else gradient * min(1.0, clip / float(norm))
    found = clipped_sum(model, losses_of, [part(lesson, 0, 4), part(lesson, 4, SIZE)], clip=clip)
    assert found.examples == SIZE
    assert found.bound == clip
    assert 0 < found.clipped < SIZE
    for key in trained:
        torch.testing.assert_close(found.gradients[key], expected[key], rtol=1e-4, atol=1e-5, msg=key)


def test_private_training_scores_every_item_however_many_there_are():
    sums = []
    for limit in (1, ITEMS):
        torch.manual_seed(0)
        model, targets = next_item(sampled_above=limit, drawn=4)
        batch = Batch({"item": targets}, {}, torch.randn(SIZE, STEPS, 2), torch.full((SIZE,), STEPS))
        sums.append(clipped_sum(model.train(), losses_of, [(batch, targets)], clip=1.0).gradients)
    torch.testing.assert_close(*sums)
