"""The field over tags against every tagging written out, which is slow and obvious."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.tags import (
    TagModel,
    TagsConfig,
    begin_inside,
    best_tags,
    log_total,
    score_of,
)


def problem(size, steps, tags, *, seed=0):
    torch.manual_seed(seed)
    lengths = torch.randint(1, steps + 1, (size,))
    mask = torch.arange(steps)[None, :] < lengths[:, None]
    scores = torch.randn(size, steps, tags, dtype=torch.float64)
    return scores, torch.randn(size, tags + 2, tags, dtype=torch.float64), mask


def every_tagging(scores, moves, length):
    """Return each tagging of one sequence and its score."""
    for tags in itertools.product(range(scores.shape[1]), repeat=length):
        total = moves[-2, tags[0]] + moves[-1, tags[-1]] + sum(scores[t, tag] for t, tag in enumerate(tags))
        total = total + sum(moves[before, after] for before, after in itertools.pairwise(tags))
        yield tags, total


shapes = {
    "size": st.integers(1, 3),
    "steps": st.integers(1, 4),
    "tags": st.integers(1, 3),
    "seed": st.integers(0, 2**16),
}


@settings(max_examples=25, deadline=None)
@given(**shapes)
def test_the_total_is_over_every_tagging(size, steps, tags, seed):
    scores, moves, mask = problem(size, steps, tags, seed=seed)
    totals = log_total(scores, moves, mask)
    for row in range(size):
        written = [score for _, score in every_tagging(scores[row], moves[row], int(mask[row].sum()))]
        torch.testing.assert_close(totals[row], torch.stack(written).logsumexp(0))


@settings(max_examples=25, deadline=None)
@given(**shapes)
def test_the_best_tagging_is_the_best_of_every_tagging(size, steps, tags, seed):
    scores, moves, mask = problem(size, steps, tags, seed=seed)
    found = best_tags(scores, moves, mask)
    for row in range(size):
        length = int(mask[row].sum())
        best, _ = max(every_tagging(scores[row], moves[row], length), key=lambda each: each[1])
        assert tuple(found[row, :length].tolist()) == best
        assert not found[row, length:].any()


@settings(max_examples=25, deadline=None)
@given(**shapes)
def test_the_score_of_a_tagging_is_the_sum_along_it(size, steps, tags, seed):
    scores, moves, mask = problem(size, steps, tags, seed=seed)
    chosen = torch.randint(0, tags, (size, steps))
    found = score_of(chosen.masked_fill(~mask, 99), scores, moves, mask)
    for row in range(size):
        length = int(mask[row].sum())
        written = dict(every_tagging(scores[row], moves[row], length))
        torch.testing.assert_close(found[row], written[tuple(chosen[row, :length].tolist())])


def model_of(tags=3, **changes):
    torch.manual_seed(0)
    encoder = EncoderConfig(categorical=(("sign", 7),), embedding=4, hidden=6, dropout=0.0, bidirectional=True)
    model = TagModel(TagsConfig(encoder, tags, **changes))
    torch.nn.init.normal_(model.moves.weight)
    return model


def batch_of(*, lengths=(4, 2, 1)):
    torch.manual_seed(1)
    steps = max(lengths)
    return Batch(
        {"sign": torch.randint(1, 7, (len(lengths), steps))},
        {},
        torch.zeros(len(lengths), steps, 0),
        torch.tensor(lengths),
    )


def test_likelihoods_of_all_taggings_add_up_to_one():
    model, batch = model_of().eval(), batch_of(lengths=(3,))
    taggings = torch.tensor(list(itertools.product(range(3), repeat=3)))
    losses = torch.cat([model.losses(batch, tags[None]) for tags in taggings])
    assert (-losses).exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert taggings[losses.argmin()].tolist() == model.tags(batch)[0].tolist()


def test_marginals_are_sums_of_likelihoods():
    model, batch = model_of().eval(), batch_of(lengths=(3,))
    expected = torch.zeros(3, 3)
    for tags in itertools.product(range(3), repeat=3):
        likely = (-model.losses(batch, torch.tensor([tags]))).exp().item()
        for step, tag in enumerate(tags):
            expected[step, tag] += likely
    with torch.no_grad():
        found = model.marginals(batch)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert not model.marginals(batch_of())[1, 2:].any()


def test_what_is_forbidden_is_never_answered_and_has_no_likelihood():
    model, batch = model_of(forbidden=((0, 1), (1, 2)), never_first=(2,)).eval(), batch_of(lengths=(6, 6, 6, 3))
    torch.nn.init.normal_(model.head.weight, std=5.0)
    for tags, length in zip(model.tags(batch).tolist(), batch.lengths.tolist(), strict=True):
        assert not {(0, 1), (1, 2)} & set(itertools.pairwise(tags[:length]))
        assert tags[0] != 2
    assert model.losses(batch, torch.tensor([[0, 1, 1, 1, 1, 1]] * 4)).min() > 1000


def test_what_stands_after_a_sequence_changes_no_loss():
    model, batch, tags = model_of().eval(), batch_of(), torch.randint(0, 3, (3, 4))
    other = Batch({"sign": batch.categorical["sign"].masked_fill(~batch.mask, 6)}, {}, batch.numeric, batch.lengths)
    torch.testing.assert_close(model.losses(batch, tags), model.losses(other, tags.masked_fill(~batch.mask, 2)))


def test_it_learns_what_only_both_ends_show():
    model = model_of(tags=2)
    torch.manual_seed(0)
    signs = torch.randint(1, 7, (64, 6))
    batch = Batch({"sign": signs}, {}, torch.zeros(64, 6, 0), torch.full((64,), 6))
    tags = ((signs > 3) & (signs[:, -1:] > 3)).long()  # known only to who has seen the end
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(100):
        optimizer.zero_grad()
        model.losses(batch, tags).mean().backward()
        optimizer.step()
    assert (model.tags(batch) == tags).float().mean() > 0.95


def test_the_scheme_of_beginnings_and_insides():
    labels = ("O", "B-name", "I-name", "B-city", "I-city")
    pairs, first = begin_inside(labels)
    assert first == (2, 4)
    allowed = {(labels[a], labels[b]) for a, b in itertools.product(range(5), repeat=2) if (a, b) not in pairs}
    assert {before for before, after in allowed if after == "I-name"} == {"B-name", "I-name"}
    assert {before for before, after in allowed if after == "B-city"} == set(labels)


@pytest.mark.parametrize("changes", [{"tags": 0}, {"forbidden": ((0, 3),)}, {"never_first": (-1,)}])
def test_rules_about_tags_that_are_not_there_are_refused(changes):
    with pytest.raises(ModelError, match="tags are numbers from 0"):
        model_of(**changes)
