from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.training.chunks import Chunk, ChunkedUpdate, chunk_loss, chunks_of
from cartveil.insight.training.lessons import Lesson, mean_loss
from cartveil.insight.training.loop import fit
from cartveil.insight.training.updates import PlainUpdate
from training_shop import CONFIG, STEPS, lesson, sequences, small_model

LENGTHS = st.lists(st.integers(1, STEPS), min_size=1, max_size=6)


def ragged(lengths: list[int]) -> Lesson:
    return lesson(sequences(count=len(lengths)), torch.tensor(lengths))


def gradients(model: NextItem) -> list[torch.Tensor]:
    return [each.grad for each in model.parameters() if each.grad is not None]


def mean_over_chunks(model: NextItem, whole: Lesson, size: int) -> float:
    state, mean = None, 0.0
    for piece in chunks_of(whole, size):
        value, state = chunk_loss(model, Chunk(piece, state, float(whole.weights.sum())))
        mean += float(value.detach())
    return mean


@settings(max_examples=25, deadline=None)
@given(LENGTHS, st.integers(1, STEPS + 2))
def test_the_losses_of_all_chunks_add_up_to_that_of_the_whole(lengths, size):
    model, whole = small_model().eval(), ragged(lengths)
    assert mean_over_chunks(model, whole, size) == pytest.approx(float(mean_loss(model, whole).detach()), rel=1e-5)


def test_chunks_end_with_the_longest_sequence_and_none_is_padding_alone():
    pieces = list(chunks_of(ragged([3, 5]), 2))
    assert [piece.lengths.tolist() for piece in pieces] == [[2, 2], [1, 2], [0, 1]]
    assert [piece.targets.shape[1] for piece in pieces] == [2, 2, 2]


@pytest.mark.parametrize("layers", [1, 2])
def test_a_chunk_that_holds_everything_gives_the_plain_gradient(layers):
    whole = ragged([9, 4, 1])
    plain, chunked = (small_model(dropout=0.0, layers=layers).train() for _ in range(2))
    loss = PlainUpdate().gradients(plain, mean_loss, whole)
    assert ChunkedUpdate(STEPS).gradients(chunked, chunk_loss, whole) == pytest.approx(loss)
    pairs = zip(gradients(plain), gradients(chunked), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


def test_the_gradient_is_cut_at_the_border_and_nowhere_else():
    whole = ragged([STEPS] * 4)
    model = small_model(dropout=0.0)
    ChunkedUpdate(3).gradients(model, chunk_loss, whole)
    peer, state, total = small_model(dropout=0.0), None, 0
    states = []
    for piece in chunks_of(whole, 3):
        out, (hidden, cell) = peer.encoder.lstm(peer.encoder.embeddings["item"](piece.batch.categorical["item"]), state)
        states.append(out)
        state = (hidden.detach(), cell.detach())
    total = peer.losses_after(torch.cat(states, 1), whole.targets, whole.weights).sum() / whole.weights.sum()
    total.backward()
    pairs = zip(gradients(model), gradients(peer), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


def test_what_happened_in_the_first_chunk_still_moves_the_last():
    ids, model = sequences(count=1), small_model().eval()
    others = torch.cat([(ids[:, :1] - 1) % 10 + 2, ids[:, 1:]], 1)
    last = [replace(lesson(each), weights=torch.eye(STEPS)[-1:]) for each in (ids, others)]
    assert mean_over_chunks(model, last[0], 2) != mean_over_chunks(model, last[1], 2)


def test_long_sequences_are_learnt_from_by_the_one_loop():
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 10, (4, 1), generator=generator) + torch.arange(201)
    ids, model = ids % 10 + 2, small_model(dropout=0.0)
    before = float(mean_loss(model, lesson(ids)).detach())
    fit(
        model,
        chunk_loss,
        batches=lambda _: [lesson(ids)] * 8,
        steps=8,
        validate=None,
        config=replace(CONFIG, epochs=1, learning_rate=0.1),
        update=ChunkedUpdate(50),
    )
    assert float(mean_loss(model, lesson(ids)).detach()) < 0.7 * before


def test_memory_of_a_step_is_that_of_a_chunk():
    held = []

    def noting(model: NextItem, chunk: Chunk) -> tuple[torch.Tensor, object]:
        value, state = chunk_loss(model, chunk)
        held.append((chunk.lesson.targets.shape[1], None if chunk.state is None else chunk.state[0].requires_grad))
        return value, state

    ChunkedUpdate(2).gradients(small_model(), noting, ragged([STEPS]))
    assert held == [(2, None), (2, False), (2, False), (2, False), (1, False)]


def test_a_chunk_must_hold_a_step():
    with pytest.raises(ModelError, match="a chunk must hold a step"):
        ChunkedUpdate(0)


def test_a_loss_that_is_not_finite_is_a_clear_error():
    with pytest.raises(ModelError, match="not finite"):
        ChunkedUpdate(3).gradients(small_model(), lambda net, chunk: (torch.tensor(float("nan")), None), ragged([5]))


def test_a_checkpoint_goes_on_with_chunks_of_the_same_size_alone():
    ChunkedUpdate(3).restore(ChunkedUpdate(3).state())
    with pytest.raises(ModelError, match="chunks of another size"):
        ChunkedUpdate(4).restore(ChunkedUpdate(3).state())
