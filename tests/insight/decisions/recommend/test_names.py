import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.decisions.recommend.names import name_vectors, relatives

NAMES = ["RED MUG", "BLUE MUG", "GARDEN RAKE", "", "红色马克杯", "蓝色马克杯"]


def test_what_shares_words_is_alike_and_what_shares_none_is_not():
    names = name_vectors(NAMES, [""] * len(NAMES))
    alike = names.dense(range(6)) @ names.dense(range(6)).T
    assert alike[0, 1] > 0.2
    assert alike[0, 2] < 0.1
    assert alike[4, 5] > 0.2


def test_every_vector_has_length_one_but_that_of_an_empty_name():
    lengths = name_vectors(NAMES, [""] * len(NAMES)).dense(range(6)).norm(dim=1)
    assert lengths.tolist() == pytest.approx([1, 1, 1, 0, 1, 1])


def test_a_category_alone_makes_things_alike():
    names = name_vectors(["", "", ""], ["kitchen", "Kitchen", "garden"])
    alike = names.dense([0]) @ names.dense([1, 2]).T
    assert alike[0].tolist() == pytest.approx([1, 0])


def test_rare_words_count_more_than_common_ones():
    names = name_vectors(["SET OWL", "SET CUP", "OWL LAMP", *(f"SET {word}" for word in "abcdefghi")], [""] * 12)
    owl, cup = names.dense([0])[0], names.dense([1, 2])
    assert owl @ cup[1] > owl @ cup[0]


def test_relatives_agree_with_all_pairs_compared():
    generator = np.random.default_rng(0)
    words = ["red", "blue", "mug", "rake", "lamp", "tea"]
    names = name_vectors([" ".join(generator.choice(words, 3)) for _ in range(40)], [""] * 40)
    rows, alike = relatives(names, range(30, 40), range(30), at_most=4)
    whole = names.dense(range(30, 40)) @ names.dense(range(30)).T
    assert torch.allclose(alike, whole.topk(4).values.clamp(0, 1))
    assert torch.allclose(whole.gather(1, rows), alike)


def test_without_anything_to_compare_with_there_are_no_relatives():
    rows, alike = relatives(name_vectors(NAMES, [""] * 6), [0, 1], [], at_most=4)
    assert rows.shape == alike.shape == (2, 0)


def test_like_gives_the_likeness_to_the_nearest_of_some_names():
    names = name_vectors(NAMES, [""] * len(NAMES))
    found, which = names.like(["RED MUG", "a rake for the garden"])
    assert found[0] == pytest.approx(1, abs=1e-6)
    assert found[2] > 0.3
    assert found[3] == 0
    assert which[:3].tolist() == [0, 0, 1]


@given(st.lists(st.text(max_size=20), max_size=8))
def test_any_text_has_a_vector(texts):
    names = name_vectors(texts, [""] * len(texts))
    assert len(names) == len(texts)
    lengths = names.dense(range(len(texts))).norm(dim=1)
    assert all(abs(float(each) - 1) < 1e-4 or float(each) == 0 for each in lengths)
