import numpy as np
import pytest
import torch
from torch.nn import functional

from cartveil.insight.decisions.recommend.sequential.cosine import CosineConfig, CosineNextItem
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
from cartveil.insight.decisions.recommend.sequential.lessons import inputs_of, lesson_of, shuffled_rows

ROWS = [[2, 5, 7, 3], [4, 6], [3, 3, 8]]


def network():
    torch.manual_seed(0)
    return CosineNextItem(CosineConfig(items=9, hidden=8, dropout=0.0))


def lesson():
    histories = histories_from(ROWS, item_count=9)
    return lesson_of(histories.padded(5), histories.lengths)


def test_losses_are_cross_entropies_of_the_scores_of_every_beginning():
    model, each = network(), lesson()
    losses = model.losses(each.batch, each.targets, each.weights)
    for row, items in enumerate(ROWS):
        expected = 0.0
        for end in range(1, len(items)):
            with torch.no_grad():
                scores = model.scores(inputs_of(histories_from([items[:end]], item_count=9), 9))
            expected += float(functional.cross_entropy(scores, torch.tensor([items[end]])))
        assert float(losses[row].detach()) == pytest.approx(expected, rel=1e-5)


def test_gradients_are_those_of_cross_entropy_written_out():
    model, each = network(), lesson()
    model.losses(each.batch, each.targets, each.weights).sum().backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad(set_to_none=True)
    scores = model.queries(model.embed(each.batch), each.batch.mask) @ model.item_directions().T
    wanted = each.weights > 0
    functional.cross_entropy(scores[wanted], each.targets[wanted], reduction="sum").backward()
    for name, parameter in model.named_parameters():
        if name in found:
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_an_untrained_network_looks_for_what_is_like_the_last_item():
    model = network().eval()
    with torch.no_grad():
        model.state.weight.zero_()
        scores = model.scores(inputs_of(histories_from([[4, 6]], item_count=9), 9))[0]
    assert int(scores.argmax()) == 6


def test_unknown_items_and_padding_are_never_asked_for():
    ids = np.array([[2, 1, 3, 0], [4, 1, 0, 0]])
    each = lesson_of(ids, np.array([3, 2]))
    assert each.weights.tolist() == [[0, 1], [0, 0]]


def test_every_row_is_drawn_once_in_a_fresh_order():
    lengths = np.arange(100) % 7
    first, second = (list(shuffled_rows(lengths, 16, np.random.default_rng(seed))) for seed in (0, 1))
    assert sorted(np.concatenate(first)) == list(range(100))
    assert [part.tolist() for part in first] != [part.tolist() for part in second]
