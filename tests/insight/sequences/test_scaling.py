import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cartveil.errors import InputError
from cartveil.insight.sequences.scaling import LIMIT, Scale, learn_scale, quantiles

floats = st.floats(width=32, allow_nan=True, allow_infinity=False)
numbers = arrays(np.float32, st.integers(0, 60), elements=floats)


@given(numbers, st.lists(st.floats(0, 1), min_size=1, max_size=4), st.integers(1, 20))
def test_quantiles_are_those_of_the_sorted_values(values, shares, size):
    def blocks():
        return (values[begin : begin + size] for begin in range(0, len(values), size))

    known = np.sort(values[~np.isnan(values)]).astype(np.float64)
    ranks = [max(int(np.ceil(share * len(known))) - 1, 0) for share in shares]
    assert quantiles(blocks, tuple(shares)) == tuple(known[rank] if len(known) else 0 for rank in ranks)


@given(numbers, floats.filter(np.isfinite))
def test_one_outlier_does_not_move_a_scale_of_many(values, outlier):
    usual = np.linspace(1, 2, 1001, dtype=np.float32)
    scale = learn_scale(lambda: [usual, np.array([outlier], np.float32)])
    assert abs(scale.centre - 1.5) < 0.002
    assert abs(scale.width - 0.5) < 0.004


@given(numbers, st.floats(-100, 100), st.floats(0.01, 100))
def test_scaled_values_are_bounded_and_missing_ones_are_the_median(values, centre, width):
    scaled = Scale(centre, width).of(values)
    assert scaled.dtype == np.float32
    assert np.all(np.abs(scaled) <= LIMIT)
    assert np.all(scaled[np.isnan(values)] == 0)


def test_the_quartiles_are_one_apart_and_the_median_is_zero():
    values = np.arange(101, dtype=np.float32)
    assert learn_scale(lambda: [values]) == Scale(50, 50)
    assert Scale(50, 50).of(values)[[25, 50, 75]].tolist() == [-0.5, 0, 0.5]


def test_where_most_values_are_one_the_others_set_the_width():
    values = np.concatenate([np.zeros(90), np.arange(10)]).astype(np.float32)
    assert learn_scale(lambda: [values]) == Scale(0, 8)


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0]])
def test_values_that_do_not_differ_keep_their_size(values):
    scale = learn_scale(lambda: [np.array(values, np.float32)])
    assert scale.width == 1
    assert scale.centre == (3.0 if 3.0 in values else 0)


@pytest.mark.parametrize(("centre", "width"), [(0, 0), (0, -1), (np.nan, 1), (0, np.inf)])
def test_a_scale_without_a_width_is_refused(centre, width):
    with pytest.raises(InputError, match="width above 0"):
        Scale(centre, width)
