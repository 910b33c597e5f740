"""What an explanation promises: it adds up, its reasons matter, and it looks at one consumer only."""

import importlib.util
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.decisions.explain.attribution import attribute_encoder, last_state
from cartveil.insight.decisions.explain.counterexamples import counter_examples
from cartveil.insight.decisions.explain.deletion import deletion_test, mean_falls, without
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig

captum = pytest.mark.skipif(
    importlib.util.find_spec("captum") is None and not os.environ.get("CI"),
    reason="the extra `explain` is not installed",
)


def model(seed: int = 0, **shape: object) -> NextItem:
    torch.manual_seed(seed)
    encoder = EncoderConfig(categorical=(("item", 40),), numeric=1, embedding=8, hidden=12, **shape)  # type: ignore[arg-type]
    return NextItem(NextItemConfig(encoder, items=40)).eval()


def history(steps: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(2, 40, (1, steps), generator=generator)
    return Batch({"item": ids}, {}, torch.randn(1, steps, 1, generator=generator), torch.tensor([steps]))


def score_of(net: NextItem, item: int):
    return last_state(lambda state: net.head.scores(state)[:, item])


@captum
@settings(max_examples=10, deadline=None)
@given(steps=st.integers(1, 30), item=st.integers(2, 39), seed=st.integers(0, 5), layers=st.integers(1, 2))
def test_values_sum_to_the_difference_of_the_scores(steps: int, item: int, seed: int, layers: int) -> None:
    net, batch = model(seed, layers=layers), history(steps, seed)
    found = attribute_encoder(net.encoder, batch, score_of(net, item))
    assert found.values.shape == (steps,)
    difference = found.score - found.baseline
    assert found.values.sum() == pytest.approx(difference, abs=2e-4 + 0.006 * abs(difference))
    assert found.score == pytest.approx(float(net.scores(batch)[0, item].detach()), abs=1e-5)


@captum
def test_the_baseline_is_as_many_empty_events() -> None:
    net = model()
    found = attribute_encoder(net.encoder, history(5), score_of(net, 7))
    empty = net.encoder.read(torch.zeros(1, 5, net.encoder.config.step_width), torch.tensor([5]))[0][:, -1]
    assert found.baseline == pytest.approx(float(net.head.scores(empty)[0, 7]), abs=1e-5)


@captum
def test_an_event_that_the_score_does_not_see_adds_nothing() -> None:
    net = model()
    found = attribute_encoder(net.encoder, history(6), lambda states, _: states[:, 2, 0])
    assert np.abs(found.values[3:]).max() == 0
    assert np.abs(found.values[:3]).max() > 0


@captum
def test_the_encoder_is_left_in_the_mode_it_was_in() -> None:
    net = model(dropout=0.5).train()
    attribute_encoder(net.encoder, history(4), score_of(net, 3))
    assert net.encoder.training
    assert all(weight.grad is None for weight in net.parameters())


def test_several_histories_at_once_are_refused() -> None:
    net, one = model(), history(3)
    two = Batch({"item": one.categorical["item"].expand(2, 3)}, {}, one.numeric.expand(2, 3, 1), torch.tensor([3, 3]))
    with pytest.raises(ModelError, match="one history"):
        attribute_encoder(net.encoder, two, score_of(net, 3))


def counting(item: int):
    """Return a score that knows its reason: how often an item stands in the history."""
    return lambda batch: (batch.categorical["item"] == item).sum(1).float()


@captum
def test_deleting_the_strongest_matters_more_than_deleting_others_once_a_model_has_learnt() -> None:
    torch.manual_seed(1)
    net = model(1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for step in range(120):  # item 5 anywhere in the history makes item 6 likely, and nothing else does
        parts = [history(8, 1000 * step + n) for n in range(16)]
        ids = torch.cat([part.categorical["item"] for part in parts])
        ids[::2, step % 8] = 5
        batch = Batch({"item": ids}, {}, torch.zeros(16, 8, 1), torch.full((16,), 8))
        wanted = torch.where((ids == 5).any(1), 6, 7)
        weights = torch.zeros(16, 8)
        weights[:, -1] = 1
        loss = net.losses(batch, wanted[:, None].expand(16, 8), weights).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    tests, generator = [], np.random.default_rng(0)
    for seed in range(20):
        batch = history(8, seed)
        batch.categorical["item"][0, seed % 6] = 5
        found = attribute_encoder(net.encoder, batch, score_of(net, 6))
        tests.append(deletion_test(found, batch, lambda part: net.scores(part)[:, 6], generator=generator))
    strongest, at_random = mean_falls(tests)
    assert strongest > 2 * max(at_random, 0.01)


def test_without_keeps_the_order_and_pads_on_the_right() -> None:
    batch = history(4)
    ids = batch.categorical["item"][0].tolist()
    shorter = without(batch, np.array([[True, False, True, True], [False, False, False, True]]))
    assert shorter.lengths.tolist() == [3, 1]
    assert shorter.categorical["item"].tolist() == [[ids[0], ids[2], ids[3]], [ids[3], 0, 0]]
    assert float(shorter.numeric[1, 1:].abs().sum()) == 0


def test_a_single_event_cannot_be_tested_by_deletion() -> None:
    from cartveil.insight.decisions.explain.attribution import Attribution

    found = Attribution(np.ones(1), 1.0, 0.0)
    with pytest.raises(ModelError, match="fewer than two"):
        deletion_test(found, history(1), counting(5), generator=np.random.default_rng(0))


def test_counter_examples_are_the_most_alike_moments_after_which_something_else_came() -> None:
    states = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.8, 0.2], [1.0, 0.05]])
    found = counter_examples(states, torch.tensor([7, 9, 8, 5]), 7)
    assert [each.step for each in found] == [1, 3, 2]
    assert [each.came for each in found] == [9, 5, 8]
    assert found[0].likeness > found[1].likeness > found[2].likeness


def test_a_past_that_always_agreed_has_no_counter_example() -> None:
    assert counter_examples(torch.randn(4, 3), torch.tensor([7, 7, 7]), 7) == []
    assert counter_examples(torch.randn(1, 3), torch.tensor([], dtype=torch.long), 7) == []


def test_states_and_outcomes_must_fit() -> None:
    with pytest.raises(ModelError, match="came after"):
        counter_examples(torch.randn(3, 2), torch.tensor([1, 2, 3]), 7)
