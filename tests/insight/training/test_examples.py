import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cartveil.errors import ModelError
from cartveil.insight.training.examples import Examples

OWNERS = st.integers(1, 40).flatmap(lambda rows: arrays(np.int64, rows, elements=st.integers(-5, 5)))


def examples_of(owners: np.ndarray, lengths: np.ndarray | None = None) -> Examples:
    return Examples(owners, lambda rows: rows, lengths)


@given(OWNERS)
def test_all_consumers_together_own_every_row_once(owners):
    examples = examples_of(owners)
    rows = examples.rows_of(np.arange(examples.consumers))
    assert sorted(rows) == list(range(len(owners)))


@given(OWNERS, st.data())
def test_a_drawn_consumer_brings_all_own_rows_and_no_other(owners, data):
    examples = examples_of(owners)
    names = np.unique(owners)
    drawn = data.draw(st.sets(st.integers(0, len(names) - 1)))
    chosen = np.array(sorted(drawn), np.int64)
    assert set(examples.rows_of(chosen)) == set(np.flatnonzero(np.isin(owners, names[chosen])))


@given(OWNERS)
def test_the_shares_of_a_consumer_add_up_to_one(owners):
    shares = examples_of(owners).shares_of(np.arange(len(owners)))
    for name in np.unique(owners):
        assert shares[owners == name].sum() == pytest.approx(1, abs=1e-12)


@given(OWNERS, st.integers(1, 9))
def test_parts_are_all_rows_in_groups_of_like_length(owners, size):
    lengths = np.abs(owners) + 1
    parts = list(examples_of(owners, lengths).parts(np.arange(len(owners)), size=size))
    assert sorted(np.concatenate(parts)) == list(range(len(owners)))
    assert all(len(part) <= size for part in parts)
    ordered = lengths[np.concatenate(parts)]
    assert (np.diff(ordered) >= 0).all()


def test_nobody_drawn_has_no_rows():
    assert len(examples_of(np.array([3, 3, 5])).rows_of(np.zeros(0, np.int64))) == 0


def test_no_row_is_a_clear_error():
    with pytest.raises(ModelError, match="nothing to train on"):
        examples_of(np.zeros(0, np.int64))


def test_every_row_needs_a_length():
    with pytest.raises(ModelError, match="every row needs a length"):
        examples_of(np.arange(3), np.arange(2))
