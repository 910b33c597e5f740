import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.models.counts import CountConfig, CountModel, Counts, counts_of
from cartveil.insight.models.encoder import Batch, EncoderConfig

torch.set_num_threads(1)
LEVELS = (0.1, 0.5, 0.9)


def counts(seed=0, rows=6, parts=3):
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(rows, 2, 3 * parts + 1, generator=generator)
    return counts_of(raw, 1 + 20 * torch.rand(rows, generator=generator))


def batch(rows=3, steps=5, features=4):
    generator = torch.Generator().manual_seed(0)
    return Batch({}, {}, torch.randn(rows, steps, features, generator=generator), torch.full((rows,), steps))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_chances_add_up_to_the_share_up_to(seed):
    found = counts(seed)
    each = torch.stack([found.log_chance(torch.full((6, 2), float(count))).exp() for count in range(60)], dim=-1)
    upto = found.share_up_to(torch.arange(60.0).expand(6, 2, 60))
    torch.testing.assert_close(each.cumsum(-1), upto, atol=1e-4, rtol=0)
    assert found.share_up_to(torch.tensor([-1.0]).expand(6, 2, 1)).max() == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_quantile_is_the_smallest_count_with_its_share_up_to_it(seed):
    found = counts(seed)
    quantile = torch.ceil(found.jittered(LEVELS) - 1)  # (6, 2, levels)
    exact = Counts(*(each.double() for each in (found.weights, found.middles, found.widths)))
    wanted = torch.tensor(LEVELS, dtype=torch.float64)
    assert (exact.share_up_to(quantile) >= wanted - 1e-9).all()
    assert (exact.share_up_to(quantile - 1) < wanted).all()


def test_jittered_quantiles_lie_where_their_share_says():
    found = counts()
    jittered = found.jittered(LEVELS)
    count = torch.ceil(jittered - 1)
    below, upto = found.share_up_to(count - 1), found.share_up_to(count)
    torch.testing.assert_close(
        below + (jittered - count) * (upto - below), torch.tensor(LEVELS).double().expand_as(below), atol=2e-3, rtol=0
    )


def test_the_chance_of_huge_counts_keeps_its_digits():
    sure = Counts(torch.tensor([[-50.0, 0.0]]), torch.tensor([[2.0]]), torch.tensor([[0.05]]))
    count = torch.tensor([74_215.0], requires_grad=True)
    chance = sure.log_chance(count)
    # Far out the density of a logistic falls as exp(-x), x = (log(count) - 2) / 0.05.
    wanted = -(torch.log(count) - 2) / 0.05 - torch.log(count) - torch.log(torch.tensor(0.05))
    torch.testing.assert_close(chance, wanted, rtol=1e-3, atol=0)
    chance.sum().backward()
    assert torch.isfinite(count.grad).all()


def test_it_learns_how_often_nothing_comes():
    torch.manual_seed(0)
    model = CountModel(CountConfig(EncoderConfig(numeric=4, embedding=1, hidden=8, dropout=0), 1))
    came = (torch.rand(3, 5, 1) > 0.7).float() * 4
    optimizer = torch.optim.Adam(model.head.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        model.losses(batch(), came, torch.ones(3, 5, 1)).sum().backward()
        optimizer.step()
    none = counts_of(model(batch()), torch.ones(3, 5)).share_up_to(torch.zeros(3, 5, 1, 1))
    assert none.mean().item() == pytest.approx((came == 0).float().mean().item(), abs=0.05)


def test_what_weighs_nothing_changes_no_loss():
    model = CountModel(CountConfig(EncoderConfig(numeric=4, embedding=1, hidden=8), 1)).eval()
    came, weights = torch.ones(3, 5, 1), torch.ones(3, 5, 1)
    weights[:, 2] = 0
    changed = came.clone()
    changed[:, 2] = 99
    torch.testing.assert_close(model.losses(batch(), came, weights), model.losses(batch(), changed, weights))


def test_a_model_of_nothing_is_refused():
    with pytest.raises(ModelError, match="a target and a part"):
        CountConfig(EncoderConfig(numeric=1), 0)
    with pytest.raises(ModelError, match="one end only"):
        CountConfig(EncoderConfig(numeric=1, bidirectional=True), 1)
