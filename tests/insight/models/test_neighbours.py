import torch

from cartveil.insight.models.neighbours import bought_table, bought_together, jaccard_weights, linear_weights

CONSUMER, ITEM = torch.tensor([0, 0, 1, 1, 2, 3]), torch.tensor([0, 1, 0, 1, 0, 2])
BOUGHT = bought_table(CONSUMER, ITEM, consumers=4, items=3)


def test_pairs_are_counted_the_same_in_blocks_of_any_size():
    for size in (1, 2, 100):
        assert torch.equal(bought_together(CONSUMER, ITEM, items=3, at_once=size), BOUGHT.T @ BOUGHT)


def test_nothing_bought_counts_nothing():
    none = torch.zeros(0, dtype=torch.int64)
    assert torch.equal(bought_together(none, none, items=2), torch.zeros(2, 2))


def test_jaccard_is_buyers_of_both_over_buyers_of_either():
    weights = jaccard_weights(BOUGHT.T @ BOUGHT)
    assert torch.allclose(weights, torch.tensor([[0, 2 / 3, 0], [2 / 3, 0, 0], [0, 0, 0]]))


def test_each_items_linear_weights_are_a_ridge_regression_on_the_other_items():
    torch.manual_seed(0)
    bought = (torch.rand(50, 6) < 0.4).float()
    weights = linear_weights(bought.T @ bought, ridge=3.0)
    for item in range(6):
        others = [number for number in range(6) if number != item]
        matrix = bought[:, others]
        solved = torch.linalg.solve(matrix.T @ matrix + 3.0 * torch.eye(5), matrix.T @ bought[:, item])
        assert torch.allclose(weights[others, item], solved, atol=1e-4)
        assert weights[item, item] == 0
