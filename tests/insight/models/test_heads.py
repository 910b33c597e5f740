import pytest
import torch

from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.heads import BASKET, NEVER, NextBasket, NextBasketBatch, NextBasketConfig


def _batch():
    return NextBasketBatch(
        histories=Batch(
            categorical={},
            bags={BASKET: torch.tensor([[[2, 3], [4, 0]], [[5, 0], [0, 0]], [[2, 0], [3, 0]]])},
            numeric=torch.rand(3, 2, 3),
            lengths=torch.tensor([2, 1, 2]),
        ),
        neighbours=torch.rand(3, 7),
        trends=torch.rand(2, 7, 4),
        group=torch.tensor([0, 0, 1]),
        pair_row=torch.tensor([0, 0, 0, 1, 2, 2]),
        pair_item=torch.tensor([2, 3, 4, 5, 2, 3]),
        habits=torch.rand(6, 5),
        target=torch.zeros(3, 7),
    )


def _model(**changes):
    torch.manual_seed(1)
    return NextBasket(NextBasketConfig(items=7, trends=4, habits=5, steps=3, embedding=4, hidden=6, copy=8, **changes))


def test_the_two_paths_differ_only_in_items_bought_before():
    batch = _batch()
    both, fresh = _model().eval()(batch)
    assert both.shape == fresh.shape == (3, 7)
    assert torch.equal(both != fresh, batch.bought)


def test_padding_and_unknown_are_never_recommended():
    for scores in _model().eval()(_batch()):
        assert (scores[:, :2] == NEVER).all()


def test_the_lstm_path_alone_sees_neither_neighbours_nor_habits():
    model, batch = _model(sequence_only=True).eval(), _batch()
    other = NextBasketBatch(**{**batch.__dict__, "neighbours": torch.zeros(3, 7), "habits": torch.zeros(6, 5)})
    assert torch.equal(model(batch)[0], model(other)[0])


def test_each_occasion_is_given_the_trends_of_its_own_cutoff():
    model, batch = _model().eval(), _batch()
    changed = batch.trends.clone()
    changed[1] += 1
    before, after = model(batch)[1], model(NextBasketBatch(**{**batch.__dict__, "trends": changed}))[1]
    assert torch.equal(before[:2], after[:2])
    assert not torch.allclose(before[2, 2:], after[2, 2:])


def test_every_weight_is_trained():
    torch.manual_seed(0)
    model = _model(sequence_keep=1.0)
    both, fresh = model(_batch())
    (both[:, 2:].sum() + (fresh[:, 2:] ** 2).sum()).backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.parameters())


def test_scores_do_not_depend_on_who_else_is_in_the_batch():
    model, batch = _model().eval(), _batch()
    alone = NextBasketBatch(
        histories=Batch(
            {}, {BASKET: batch.histories.bags[BASKET][2:]}, batch.histories.numeric[2:], batch.histories.lengths[2:]
        ),
        neighbours=batch.neighbours[2:],
        trends=batch.trends[1:],
        group=torch.tensor([0]),
        pair_row=torch.tensor([0, 0]),
        pair_item=torch.tensor([2, 3]),
        habits=batch.habits[4:],
        target=batch.target[2:],
    )
    assert model(alone)[0][0].tolist() == pytest.approx(model(batch)[0][2].tolist(), abs=1e-5)
