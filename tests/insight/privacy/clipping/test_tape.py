import gc
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional

from cartveil.errors import ModelError
from cartveil.insight.privacy.clipping import clipped_sum
from cartveil.insight.privacy.clipping import tape as subject
from cartveil.insight.privacy.clipping.workspace import Workspace
from insight.privacy.clipping.reference import Model, sequences


def clip(model, losses, part=None):
    return clipped_sum(model, losses, [sequences(3, 4) if part is None else part], clip=1.0)


def test_a_layer_that_keeps_no_notes_is_named():
    model = nn.Sequential(nn.Linear(3, 3), nn.PReLU())
    with pytest.raises(ModelError, match="`1` is a `PReLU`"):
        clip(model, lambda model, part: model(part).sum(1), torch.zeros(4, 3))
    model[1].requires_grad_(False)
    assert clip(model, lambda model, part: model(part).sum(1), torch.ones(4, 3)).examples == 4


@pytest.mark.parametrize("options", [{"affine": False}, {}, {"affine": False, "track_running_stats": False}])
def test_a_layer_that_normalises_by_the_batch_is_refused_though_nothing_of_it_is_trained(options):
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, **options)).train()
    model[1].requires_grad_(False)
    with pytest.raises(ModelError, match="`1` is a `BatchNorm1d`, which looks across the batch"):
        clip(model, lambda model, part: model(part).sum(1), torch.randn(4, 3))


def test_a_layer_that_knows_its_statistics_already_may_normalise():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).requires_grad_(False)
    model[0].requires_grad_()
    model[1].eval()
    assert clip(model, lambda model, part: model(part).sum(1), torch.ones(4, 3)).examples == 4


class Remembers(nn.Module):
    """Keeps something of each part in a buffer, in one way or another."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, rows):
        if self.how == "in place":
            self.mean.lerp_(rows.detach().mean(0), 0.1)
        elif self.how == "replaced":
            self.mean = rows.detach().mean(0)
        elif self.how == "made":
            self.register_buffer("other", rows.detach().mean(0))
        return rows - self.mean


@pytest.mark.parametrize("how", ["in place", "replaced", "made"])
def test_a_layer_whose_buffers_change_during_a_step_is_refused(how):
    model = nn.Sequential(nn.Linear(3, 3), Remembers(how))
    with pytest.raises(ModelError, match="`1` is a `Remembers`, which changes its buffer"):
        clip(model, lambda model, part: model(part).sum(1), torch.randn(4, 3))
    still = nn.Sequential(nn.Linear(3, 3), Remembers("never"))
    assert clip(still, lambda model, part: model(part).sum(1), torch.randn(4, 3)).examples == 4


@pytest.mark.parametrize("options", [{"max_norm": 1.0}, {"scale_grad_by_freq": True}, {"sparse": True}])
def test_an_embedding_with_a_gradient_of_another_kind_is_refused(options):
    model = nn.Embedding(5, 3, **options)
    with pytest.raises(ModelError, match="Embedding"):
        clip(model, lambda model, part: model(part).sum((1, 2)), torch.ones(2, 2, dtype=torch.long))


def test_a_subclass_that_computes_something_else_is_refused():
    class Doubled(nn.Linear):
        def forward(self, inputs):
            return 2 * super().forward(inputs)

    with pytest.raises(ModelError, match="Doubled"):
        clip(Doubled(3, 3), lambda model, part: model(part).sum(1), torch.zeros(4, 3))


def test_a_parameter_of_the_model_itself_is_refused():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(()))

    with pytest.raises(ModelError, match="Scaled"):
        clip(Scaled(), lambda model, part: model.factor * part.sum(1), torch.zeros(4, 3))


@pytest.mark.parametrize("name", ["embedding.weight", "lstm.weight_hh_l0", "head.bias"])
def test_a_parameter_used_outside_of_its_layer_is_refused(name):
    model = Model()
    with pytest.raises(ModelError, match=f"`{name}` is used outside"):
        clip(model, lambda model, part: model.losses(part) + model.get_parameter(name).square().sum())


def test_two_layers_that_multiply_cannot_share_a_matrix():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    with pytest.raises(ModelError, match="`0` and `1` share the parameter"):
        clip(model, lambda model, part: model(part).sum(1), torch.zeros(4, 3))


def test_a_layer_that_does_not_read_consumer_by_consumer_is_refused():
    model = nn.Linear(3, 1)
    with pytest.raises(ModelError, match="read 12 rows for 4 consumers"):
        clip(model, lambda model, part: model(part.flatten(0, 1)).view(4, 3).sum(1), torch.zeros(4, 3, 3))


def test_positions_that_all_consumers_share_are_refused_however_many_there_are():
    class Placed(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(9, 3), nn.Embedding(9, 3)

    def losses(model, part):
        return (model.words(part) + model.places(torch.arange(part.shape[1]))).square().sum((1, 2))

    for steps in (4, 5):  # of 4 consumers
        with pytest.raises(ModelError, match="`Embedding` read 1 axis"):
            clip(Placed(), losses, torch.ones(4, steps, dtype=torch.long))


def test_a_row_without_an_axis_of_consumers_is_refused():
    with pytest.raises(ModelError, match="`Linear` read 1 axis"):
        clip(nn.Linear(4, 4), lambda model, part: model(part[0]), torch.ones(4, 4))


@pytest.mark.parametrize("asked", ["highest", "medium"])
def test_products_are_in_full_precision_whatever_was_asked_for(asked):
    torch.manual_seed(0)
    model, part = nn.Linear(512, 512), torch.randn(64, 8, 512)
    before = torch.get_float32_matmul_precision()
    expected = clip(model, lambda model, part: model(part).square().sum((1, 2)), part).gradients
    torch.set_float32_matmul_precision(asked)
    try:
        found = clip(model, lambda model, part: model(part).square().sum((1, 2)), part).gradients
        assert torch.get_float32_matmul_precision() == asked
        assert torch.backends.mkldnn.matmul.fp32_precision == ("bf16" if asked == "medium" else "ieee")
    finally:
        torch.set_float32_matmul_precision(before)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_model_is_as_before_afterwards():
    model, part = Model(between=True), sequences(3, 4)
    before = {name: set(vars(layer)) for name, layer in model.named_modules()}
    expected = model.losses(part)
    clip(model, Model.losses, part)
    with pytest.raises(ModelError):
        clip(model, lambda model, part: model.losses(part) + model.head.bias.sum())
    assert before == {name: set(vars(layer)) for name, layer in model.named_modules()}
    assert torch.equal(model.losses(part), expected)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_no_memory_of_a_part_outlives_the_sum(monkeypatch):
    lent = []

    class Seen(Workspace):
        def take(self, *shape, like):
            lent.append(weakref.ref(super().take(*shape, like=like)._base))
            return super().take(*shape, like=like)

    monkeypatch.setattr(subject, "Workspace", Seen)
    gc.disable()  # a ring of references would wait for the collector, and memory would grow from step to step
    try:
        clip(Model(layers=2), Model.losses)
        assert lent
        assert not [block for block in lent if block() is not None]
    finally:
        gc.enable()


def test_the_same_memory_serves_every_part():
    workspace, like = Workspace(), torch.zeros(())
    first = [workspace.take(3, 4, like=like), workspace.take(5, like=like)]
    workspace.rewind()
    again = [workspace.take(2, 4, like=like), workspace.take(5, like=like)]
    assert [each.data_ptr() for each in first] == [each.data_ptr() for each in again]
    workspace.rewind()
    assert workspace.take(100, like=like.double()).dtype == torch.double


def test_a_linear_layer_of_single_rows_needs_no_axis_of_steps():
    torch.manual_seed(0)
    model, part = nn.Linear(3, 2), torch.randn(4, 3)
    found = clip(model, lambda model, part: functional.softplus(model(part)).sum(1), part)
    assert found.examples == 4
    assert found.gradients["weight"].shape == (2, 3)
