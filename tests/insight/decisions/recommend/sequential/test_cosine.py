import numpy as np
import pytest
import torch
from torch.nn import functional

from cartveil.insight.decisions.recommend.sequential.cosine import CosineConfig, CosineNextItem, _recent
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
from cartveil.insight.decisions.recommend.sequential.lessons import inputs_of, lesson_of, shuffled_rows

ROWS = [[2, 5, 7, 3], [4, 6], [3, 3, 8]]


def network():
    torch.manual_seed(0)
    return CosineNextItem(CosineConfig(items=9, hidden=8, dropout=0.0, memory=0.6))


def lesson():
    histories = histories_from(ROWS, item_count=9)
    return lesson_of(histories.padded(5), histories.lengths)


def test_the_loss_is_the_mean_cross_entropy_of_the_scores_of_every_beginning():
    model, each = network(), lesson()
    expected = []
    for items in ROWS:
        for end in range(1, len(items)):
            with torch.no_grad():
                scores = model.scores(inputs_of(histories_from([items[:end]], item_count=9), 9))
            expected.append(float(functional.cross_entropy(scores, torch.tensor([items[end]]))))
    assert float(model.mean_loss(each.batch, each.targets).detach()) == pytest.approx(np.mean(expected), rel=1e-5)


def gradients_of(model):
    return {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}


@pytest.mark.parametrize("rounded", [False, True])
def test_gradients_are_those_of_cross_entropy_written_out(rounded):
    model, each = network(), lesson()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=rounded):
        model.mean_loss(each.batch, each.targets).backward()
    found = gradients_of(model)
    model.zero_grad(set_to_none=True)
    scores = model.queries(model.embed(each.batch), each.batch.mask) @ model.item_directions().T
    wanted = each.weights > 0
    functional.cross_entropy(scores[wanted], each.targets[wanted]).backward()
    expected = gradients_of(model)
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        far = float((found[name] - gradient).norm() / gradient.norm().clamp(min=1e-6))
        assert far < (0.03 if rounded else 1e-5), name


def test_what_was_bought_lately_counts_by_its_age():
    model = network()
    read = model.embed(inputs_of(histories_from([[4, 6, 5]], item_count=9), 9)).detach()
    expected = (read[0, 2] + 0.5 * read[0, 1] + 0.25 * read[0, 0]) / 1.75
    torch.testing.assert_close(_recent(read, 0.5)[0, 2], expected)


def test_a_network_without_a_view_of_what_is_recent_has_no_weights_for_it():
    assert not [name for name, _ in CosineNextItem(CosineConfig(9, 8)).named_parameters() if "recent" in name]


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
