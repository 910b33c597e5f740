import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.sequences.hashes import hashes_of, shares_of

names = st.lists(st.text(max_size=30), max_size=20)


@given(names)
def test_a_hash_depends_on_the_name_and_not_on_its_neighbours(words):
    together = hashes_of(pa.array(words, pa.string()))
    alone = [hashes_of(pa.array([word], pa.string()))[0] for word in words]
    assert together.tolist() == alone


@given(st.sets(st.text(max_size=30), max_size=20))
def test_different_names_have_different_hashes(words):
    assert len(set(hashes_of(pa.array(list(words), pa.string())).tolist())) == len(words)


@given(names, st.integers(0, 5))
def test_a_slice_hashes_as_the_whole(words, begin):
    column = pa.array(words, pa.string())
    assert hashes_of(column.slice(begin)).tolist() == hashes_of(column)[begin:].tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", 16294208416658607535),
        ("a", 4490210150949542640),
        ("exactly8", 18183262297023833426),
        ("nine char", 2903990318841860443),
    ],
)
def test_hashes_are_the_same_for_ever(name, value):
    assert hashes_of(pa.array([name]))[0] == value


def test_names_that_differ_little_are_spread_evenly():
    hashes = hashes_of(pa.array([f"{number:08d}" for number in range(20_000)]))
    counts = np.bincount((hashes >> np.uint64(59)).astype(int), minlength=32)
    assert abs(counts / 625 - 1).max() < 0.2  # five standard deviations of 32 even parts


def test_another_seed_gives_other_shares():
    hashes = hashes_of(pa.array([f"{number}" for number in range(2000)]))
    first, second = (shares_of(hashes, seed=seed) for seed in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert abs(first.mean() - 0.5) < 0.05
    assert 0 <= first.min() < first.max() <= 1
