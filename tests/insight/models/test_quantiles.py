import torch

from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.quantiles import QuantileConfig, QuantileModel, pinball

LEVELS = (0.1, 0.5, 0.9)


def test_quantiles_never_cross_and_have_one_row_per_step_and_target():
    torch.manual_seed(0)
    model = QuantileModel(QuantileConfig(EncoderConfig(numeric=3, embedding=1, hidden=8), LEVELS, 2)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=2.0)
    found = model(Batch({}, {}, 5 * torch.randn(4, 6, 3), torch.full((4,), 6)))
    assert found.shape == (4, 6, 2, 3)
    assert (found.diff(dim=-1) >= 0).all()


def test_pinball_is_least_at_the_quantile():
    sample = torch.arange(1000.0)
    losses = [
        pinball(torch.full((1000, 1), value), sample, torch.tensor([0.9])).mean() for value in (800.0, 900.0, 950.0)
    ]
    assert losses[1] == min(losses)


def test_pinball_of_the_median_is_half_the_absolute_error():
    assert pinball(torch.tensor([[3.0]]), torch.tensor([7.0]), torch.tensor([0.5])).item() == 2.0
