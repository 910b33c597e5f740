import pytest
import torch

from cartveil.insight.decisions.recommend.sequential.crossing import Spread, spread_entropies, spread_over
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
from cartveil.insight.decisions.recommend.sequential.transitions import Counting, count_companions

#: Item 2 has neighbours 3 and 4, item 3 has 2, the others none.
SPREAD = Spread(0.4, torch.tensor([0, 0, 0, 2, 3, 3]), torch.tensor([3, 4, 2]), torch.tensor([0.75, 0.25, 1.0]))


def written_out(rows, matrix, wanted, spread):
    table = torch.zeros(len(matrix), len(matrix))
    for item in range(len(matrix)):
        part = slice(int(spread.offsets[item]), int(spread.offsets[item + 1]))
        table[item, spread.items[part]] = spread.share * spread.weights[part]
        table[item, item] = 1 - float(table[item].sum())
    return -(table[wanted] * torch.log_softmax(rows @ matrix.T, dim=1)).sum()


def example():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(3000, 4, generator=generator, requires_grad=True)
    matrix = torch.randn(5, 4, generator=generator, requires_grad=True)
    return rows, matrix, torch.randint(2, 5, (3000,), generator=generator)


def test_spread_targets_cost_what_is_written_out_and_so_do_gradients(monkeypatch):
    monkeypatch.setattr("cartveil.insight.decisions.recommend.sequential.crossing._CELLS", 5 * 1000)  # three tiles
    rows, matrix, wanted = example()
    found = spread_entropies(rows, matrix, wanted, spread=SPREAD)
    gradients = torch.autograd.grad(2 * found, (rows, matrix))
    expected = written_out(rows, matrix, wanted, SPREAD)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)
    for one, other in zip(gradients, torch.autograd.grad(2 * expected, (rows, matrix)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_rounded_products_keep_two_digits():
    rows, matrix, wanted = example()
    exact, rounded = (spread_entropies(rows, matrix, wanted, rounded=each) for each in (False, True))
    assert float(rounded.detach()) == pytest.approx(float(exact.detach()), rel=0.01)


def test_targets_are_spread_over_the_nearest_neighbours_alone():
    past = histories_from([[2, 3], [2, 3], [2, 4], [2, 5]], item_count=7)
    spread = spread_over(count_companions(past, Counting(backward=1.0, given=0, popular=0)), 0.2, at_most=2)
    of = {item: spread.items[spread.offsets[item] : spread.offsets[item + 1]].tolist() for item in range(7)}
    assert of[2][0] == 3
    assert len(of[2]) == 2
    assert of[6] == []
    for item in (2, 3, 4, 5):
        assert float(spread.weights[spread.offsets[item] : spread.offsets[item + 1]].sum()) == pytest.approx(1.0)
