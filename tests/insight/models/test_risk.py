import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.risk import RiskConfig, RiskModel

ENCODER = EncoderConfig(categorical=(("kind", 6),), numeric=1, embedding=4, hidden=8, dropout=0.0)


def model_of(**changes):
    torch.manual_seed(0)
    return RiskModel(RiskConfig(ENCODER, **changes))


def batch_of(kinds, lengths):
    ids = torch.tensor(kinds)
    return Batch({"kind": ids}, {}, torch.zeros(*ids.shape, 1), torch.tensor(lengths))


def test_losses_are_weighted_cross_entropies():
    model, batch = model_of(), batch_of([[2, 3, 4], [5, 2, 0]], [3, 2])
    targets, weights = torch.tensor([[0, 1, 1], [0, 0, 0]]), torch.tensor([[1.0, 0.5, 2.0], [1.0, 1.0, 0.0]])
    chance = torch.sigmoid(model(batch))
    each = -torch.where(targets == 1, chance, 1 - chance).log()
    torch.testing.assert_close(model.losses(batch, targets, weights), (each * weights).sum(1))


def test_the_risk_is_that_after_the_last_step():
    model, batch = model_of().eval(), batch_of([[2, 3, 4], [5, 2, 0]], [3, 2])
    expected = torch.sigmoid(model(batch)[torch.arange(2), torch.tensor([2, 1])])
    torch.testing.assert_close(model.scores(batch), expected)


def test_it_starts_at_the_share_of_positives():
    model = model_of(prior=0.001)
    torch.nn.init.zeros_(model.head.weight)
    assert model.scores(batch_of([[2]], [1])).item() == pytest.approx(0.001, rel=1e-5)


def test_it_learns_which_event_is_bad():
    model = model_of()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    generator = torch.Generator().manual_seed(0)
    kinds = torch.randint(2, 6, (64, 4), generator=generator)
    batch = Batch({"kind": kinds}, {}, torch.zeros(64, 4, 1), torch.full((64,), 4))
    bad = ((kinds == 5).cumsum(1) > 0).long()  # from the first event of kind 5 on
    for _ in range(200):
        slopes = torch.autograd.grad(model.losses(batch, bad, torch.ones(64, 4)).sum() / 64, trained)
        with torch.no_grad():
            for weight, slope in zip(trained, slopes, strict=True):
                weight -= 0.3 * slope
    assert ((model(batch) > 0).long() == bad).float().mean() > 0.98


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1])
def test_what_is_no_share_is_refused(prior):
    with pytest.raises(ModelError, match="is not between 0 and 1"):
        model_of(prior=prior)
