"""The encoder in every shape: what it reads, what it must not read, and what it hands on."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cartveil.errors import ModelError
from cartveil.insight.models.cell import cell_of, read
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig

OPTIONS = [
    dict(zip(("project", "layer_norm", "residual", "bidirectional"), chosen, strict=True))
    for chosen in itertools.product((True, False), repeat=4)
]


def encoder_of(**changes):
    torch.manual_seed(0)
    shape = {"categorical": (("item", 9),), "numeric": 2, "embedding": 4, "hidden": 6, "layers": 2}
    return Encoder(EncoderConfig(**{**shape, **changes})).eval()


def batch_of(size=3, steps=5, *, lengths=None):
    torch.manual_seed(1)
    lengths = torch.full((size,), steps) if lengths is None else torch.tensor(lengths)
    return Batch({"item": torch.randint(1, 9, (size, steps))}, {}, torch.randn(size, steps, 2), lengths)


def chunk(batch, begin, end):
    ids = {name: each[:, begin:end] for name, each in batch.categorical.items()}
    return Batch(ids, {}, batch.numeric[:, begin:end], (batch.lengths - begin).clamp(1, end - begin))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_state_has_the_width_that_the_config_says(options):
    encoder = encoder_of(**options)
    assert encoder(batch_of()).shape == (3, 5, encoder.config.width)
    assert encoder.last(batch_of()).shape == (3, encoder.config.width)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_what_stands_after_a_sequence_changes_nothing_before(options):
    encoder, batch = encoder_of(**options), batch_of(lengths=[5, 2, 1])
    other = Batch({"item": batch.categorical["item"].masked_fill(~batch.mask, 7)}, {}, batch.numeric, batch.lengths)
    other.numeric[~batch.mask] = 100.0
    alone = chunk(batch, 0, 2)
    torch.testing.assert_close(encoder(batch_of(lengths=[5, 2, 1]))[batch.mask], encoder(other)[batch.mask])
    torch.testing.assert_close(encoder.last(batch)[1], encoder.last(alone)[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_weight_is_trained(options):
    encoder = encoder_of(**options)
    # Past a layer norm a sum does not depend on what is normalised; squares do.
    encoder(batch_of()).pow(3).sum().backward()
    for name, weight in encoder.named_parameters():
        if weight.requires_grad:
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("options", [option for option in OPTIONS if not option["bidirectional"]], ids=str)
def test_one_end_never_sees_what_comes_later(options):
    encoder, batch = encoder_of(**options), batch_of()
    before = encoder(batch)
    batch.numeric[:, 3:] += 1
    after = encoder(batch)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_both_ends_see_what_comes_later_and_end_before_the_first_step():
    encoder, batch = encoder_of(bidirectional=True), batch_of(lengths=[5, 3, 1])
    states = encoder(batch)
    ended = torch.cat([states[torch.arange(3), batch.lengths - 1][:, :6], states[:, 0, 6:]], dim=1)
    assert torch.equal(encoder.last(batch), ended)
    batch.numeric[0, 4] += 1
    assert not torch.allclose(encoder(batch)[0, 0], states[0, 0])


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_both_ends_are_two_readings_of_the_sequence_alone(lengths):
    encoder = encoder_of(bidirectional=True, layers=1, project=False)
    batch = batch_of(len(lengths), max(lengths), lengths=lengths)
    states, layer = encoder(batch), encoder.stack.layers[0]
    for row, length in enumerate(lengths):
        steps = encoder.embed(batch)[row : row + 1, :length]
        forwards, _ = read((cell_of(layer.forwards),), steps)
        backwards, _ = read((cell_of(layer.backwards),), steps.flip(1))
        expected = torch.cat([forwards, backwards.flip(1)], dim=-1)[0]
        torch.testing.assert_close(states[row, :length], expected, rtol=1e-5, atol=1e-6)


def test_normalised_layers_with_a_way_past_are_these_equations():
    encoder, batch = encoder_of(layer_norm=True, residual=True), batch_of()
    steps = torch.relu(encoder.project(encoder.embed(batch)))
    for layer in encoder.stack.layers:
        steps = layer.norm(read((cell_of(layer.forwards),), steps)[0] + steps)
    torch.testing.assert_close(encoder(batch), steps, rtol=1e-5, atol=1e-6)


def test_a_way_past_is_left_out_where_widths_differ():
    direct = encoder_of(project=False, residual=True, hidden=5)
    assert [layer.residual for layer in direct.stack.layers] == [False, True]


def test_the_default_is_the_encoder_of_models_saved_before():
    shape = encoder_of().state_dict()
    weights = ["project.weight", "project.bias"]
    weights += [f"lstm.{name}_l{n}" for n in (0, 1) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    assert sorted(shape) == sorted(["embeddings.item.weight", *weights])
    assert all(weight.requires_grad for weight in encoder_of().parameters())


def test_the_default_computes_what_nn_lstm_does():
    encoder, batch = encoder_of(), batch_of()
    lstm = nn.LSTM(6, 6, 2, batch_first=True)
    lstm.load_state_dict(encoder.lstm.state_dict())
    expected = lstm(torch.relu(encoder.project(encoder.embed(batch))))[0]
    assert torch.equal(encoder(batch), expected)


@pytest.mark.parametrize("options", [option for option in OPTIONS if not option["bidirectional"]], ids=str)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_chunks_with_carried_state_give_the_states_of_the_whole(options, size):
    encoder, batch = encoder_of(**options), batch_of(steps=7)
    state, seen = None, []
    for begin in range(0, 7, size):
        states, state = encoder.carry(chunk(batch, begin, min(begin + size, 7)), state)
        seen.append(states)
    torch.testing.assert_close(torch.cat(seen, dim=1), encoder(batch), rtol=1e-5, atol=1e-6)


def test_a_carried_state_carries_no_gradient():
    encoder = encoder_of()
    states, state = encoder.carry(batch_of())
    assert states.requires_grad
    assert not any(part.requires_grad for part in state)


def test_both_ends_carry_no_state():
    with pytest.raises(ModelError, match="both ends carries no state"):
        encoder_of(bidirectional=True).carry(batch_of())


def test_fields_are_read_in_the_order_of_the_config_not_of_the_batch():
    encoder = encoder_of(categorical=(("item", 9), ("shop", 9)), numeric=0)
    ids = {"item": torch.tensor([[2, 3]]), "shop": torch.tensor([[4, 5]])}
    one, other = (
        Batch(dict(order), {}, torch.zeros(1, 2, 0), torch.tensor([2])) for order in (ids.items(), [*ids.items()][::-1])
    )
    assert torch.equal(encoder(one), encoder(other))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (Batch({}, {}, torch.zeros(1, 1, 2), torch.tensor([1])), "lacks the field `item`"),
        (Batch({"item": torch.ones(1, 1).long()}, {}, torch.zeros(1, 1, 3), torch.tensor([1])), "3 numeric features"),
    ],
)
def test_a_batch_for_another_encoder_is_refused(batch, message):
    with pytest.raises(ModelError, match=message):
        encoder_of()(batch)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 0}, "`0` layers are not 1 to 4"),
        ({"layers": 5}, "`5` layers are not 1 to 4"),
        ({"hidden": 0}, "units of 1 or more"),
        ({"dropout": 1.0}, "dropout from 0 to below 1"),
        ({"bags": (("item", 3),)}, "stands twice"),
        ({"categorical": (), "numeric": 0}, "nothing to read"),
    ],
)
def test_what_makes_no_encoder_is_refused(changes, message):
    with pytest.raises(ModelError, match=message):
        encoder_of(**changes)
