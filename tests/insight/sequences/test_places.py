import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.sequences.places import at_first, chains, count_before, sum_to

KEYS = st.lists(st.integers(0, 4), max_size=40).map(lambda keys: np.array(keys, dtype=np.int64))


def test_visits_that_share_a_device_or_a_network_hang_together():
    devices, networks = np.array([0, 1, 1, 2, 0]), np.array([5, 5, 6, 7, 8])
    assert chains(devices, networks).tolist() == [0, 0, 0, 1, 0]


def test_what_joins_two_chains_belongs_to_the_older_from_then_on():
    devices, networks = np.array([0, 1, 1, 0, 2]), np.array([5, 6, 7, 6, 7])
    assert chains(devices, networks).tolist() == [0, 1, 1, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(4, 7)), max_size=30), st.integers(0, 30))
def test_a_chain_does_not_depend_on_later_visits(visits, until):
    devices, networks = (np.array([pair[side] for pair in visits], dtype=np.int64) for side in (0, 1))
    assert chains(devices, networks)[:until].tolist() == chains(devices[:until], networks[:until]).tolist()


@given(KEYS, st.integers(0, 99))
def test_counts_are_of_rows_before_with_the_key_asked_for(keys, seed):
    asked = np.random.default_rng(seed).integers(-1, 5, len(keys))
    slow = [int((keys[:row] == key).sum()) if key >= 0 else 0 for row, key in enumerate(asked)]
    assert count_before(keys, asked).tolist() == slow


@given(KEYS)
def test_sums_and_first_values_are_those_of_a_loop(keys):
    values = np.arange(len(keys), dtype=np.float64) + 1
    slow = [values[: row + 1][keys[: row + 1] == key].sum() for row, key in enumerate(keys)]
    assert np.allclose(sum_to(keys, values), slow)
    assert at_first(keys, values).tolist() == [values[np.flatnonzero(keys == key)[0]] for key in keys]
