import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.sequences import learn_vocabulary


def _column(*values):
    return pa.chunked_array([pa.array(values, pa.string())])


def test_the_most_frequent_words_come_first_and_ties_go_by_the_word():
    vocabulary = learn_vocabulary(_column("b", "c", "a", "c", None), at_most=10)
    assert vocabulary.words == ("c", "a", "b")


def test_rarer_words_than_fit_are_unknown():
    vocabulary = learn_vocabulary(_column("b", "c", "c"), at_most=1)
    assert vocabulary.ids(_column("c", "b", None, "d")).tolist() == [2, 1, 0, 1]


@given(st.lists(st.text(max_size=3), max_size=30))
def test_every_learnt_word_comes_back_from_its_id(words):
    column = pa.chunked_array([pa.array(words, pa.string())])
    vocabulary = learn_vocabulary(column, at_most=100)
    assert [vocabulary.word(number) for number in vocabulary.ids(column)] == words
