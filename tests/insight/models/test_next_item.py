import pytest
import torch
from torch.nn import functional

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig

ITEMS = 13


def model_of(*, encoder=None, **changes):
    torch.manual_seed(0)
    shape = {"categorical": (("item", ITEMS),), "embedding": 6, "hidden": 6, "dropout": 0.0, "project": False}
    return NextItem(NextItemConfig(EncoderConfig(**{**shape, **(encoder or {})}), ITEMS, **changes))


def lesson():
    torch.manual_seed(1)
    lengths = torch.tensor([5, 3, 1])
    batch = Batch({"item": torch.randint(1, ITEMS, (3, 5))}, {}, torch.zeros(3, 5, 0), lengths)
    return batch, torch.randint(2, ITEMS, (3, 5)), torch.rand(3, 5) * batch.mask


SHAPES = [{}, {"tied": True}, {"bias": False}, {"tied": True, "bias": False}]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_are_weighted_cross_entropies_over_all_items(shape, smoothing):
    model, (batch, targets, weights) = model_of(**shape), lesson()
    torch.nn.init.normal_(model.head.weight)
    scores = model.head.scores(model.encoder(batch)).transpose(1, 2)
    each = functional.cross_entropy(scores, targets, reduction="none", label_smoothing=smoothing)
    found = model.losses(batch, targets, weights, smoothing=smoothing)
    torch.testing.assert_close(found, (each * weights).sum(1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_are_those_of_the_cross_entropy(shape, smoothing):
    model, (batch, targets, weights) = model_of(**shape).double(), lesson()
    weights = weights.double()
    batch = Batch(batch.categorical, {}, batch.numeric.double(), batch.lengths)
    scores = model.head.scores(model.encoder(batch)).transpose(1, 2)
    each = functional.cross_entropy(scores, targets, reduction="none", label_smoothing=smoothing)
    names, parameters = zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad), strict=True)
    expected = torch.autograd.grad((each * weights).sum(), parameters)
    found = torch.autograd.grad(model.losses(batch, targets, weights, smoothing=smoothing).sum(), parameters)
    for name, one, other in zip(names, found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("change", ["item", "target", "weight"])
def test_the_loss_of_a_sequence_depends_on_no_other_sequence(change):
    model, (batch, targets, weights) = model_of(), lesson()
    before = model.losses(batch, targets, weights)
    changed = {"item": batch.categorical["item"], "target": targets, "weight": weights}[change]
    changed[2] = changed[2] + 1 if change == "weight" else 12 - changed[2]
    after = model.losses(batch, targets, weights)
    assert torch.equal(before[:2], after[:2])
    assert before[2] != after[2]


def test_a_sequence_without_weight_has_no_loss():
    model, (batch, targets, weights) = model_of(), lesson()
    assert model.losses(batch, targets, torch.zeros_like(weights)).tolist() == [0, 0, 0]


def test_scores_are_those_after_the_last_real_step():
    model, (batch, _, _) = model_of(tied=True).eval(), lesson()
    short = Batch({"item": batch.categorical["item"][1:2, :3]}, {}, torch.zeros(1, 3, 0), torch.tensor([3]))
    assert model.scores(batch).shape == (3, ITEMS)
    torch.testing.assert_close(model.scores(batch)[1:2], model.scores(short))


def test_losses_of_chunks_add_up_to_the_loss_of_the_whole():
    model, (batch, targets, weights) = model_of().eval(), lesson()
    state, total = None, torch.zeros(3)
    for part in (slice(0, 2), slice(2, 5)):
        chunk = Batch({"item": batch.categorical["item"][:, part]}, {}, batch.numeric[:, part], batch.lengths)
        states, state = model.encoder.carry(chunk, state)
        total = total + model.losses_after(states, targets[:, part], weights[:, part])
    torch.testing.assert_close(total, model.losses(batch, targets, weights))


def test_tied_models_have_one_matrix():
    model = model_of(tied=True)
    assert model.head.weight is model.encoder.embeddings["item"].weight
    assert sum(weight.shape == (ITEMS, 6) for weight in model.parameters()) == 1
    fresh = model_of(tied=True)
    fresh.load_state_dict(model.state_dict())
    assert fresh.head.weight is fresh.encoder.embeddings["item"].weight


def test_one_bias_of_the_lstm_is_trained_as_private_training_asks():
    lstm = model_of().encoder.lstm
    assert not lstm.bias_hh_l0.requires_grad
    assert not lstm.bias_hh_l0.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tied": True, "encoder": {"hidden": 5}}, "as many units"),
        ({"tied": True, "encoder": {"categorical": (("item", ITEMS - 1),)}}, f"field `item` of {ITEMS} ids"),
        ({"tied": True, "field": "shop"}, "field `shop`"),
        ({"encoder": {"bidirectional": True}}, "one end only"),
        ({"drawn": 0}, "too few"),
    ],
)
def test_what_makes_no_model_is_refused(changes, message):
    with pytest.raises(ModelError, match=message):
        model_of(**changes)


def test_above_the_limit_training_draws_items_and_evaluation_does_not():
    model, (batch, targets, weights) = model_of(sampled_above=ITEMS - 1, drawn=50_000), lesson()
    drawn = [model.losses(batch, targets, weights) for _ in range(2)]
    exact = model.eval().losses(batch, targets, weights)
    assert not torch.equal(*drawn)
    assert torch.equal(exact, model.losses(batch, targets, weights))
    torch.testing.assert_close(drawn[0], exact, rtol=0.02, atol=0.0)
    model.config = NextItemConfig(model.config.encoder, ITEMS, sampled_above=ITEMS)
    assert torch.equal(model.train().losses(batch, targets, weights), exact)


def test_smoothing_has_no_exact_clipping():
    model, (batch, targets, weights) = model_of(), lesson()
    model.head.tap = lambda *_: None
    with pytest.raises(ModelError, match="label smoothing has no exact clipping"):
        model.losses(batch, targets, weights, smoothing=0.1)
