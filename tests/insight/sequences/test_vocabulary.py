import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.sequences import Vocabulary, learn_vocabulary
from cartveil.insight.sequences.vocabulary import most_frequent, public_vocabulary


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


def test_words_below_the_least_count_are_unknown():
    vocabulary = learn_vocabulary(_column("b", "b", "c", "c", "a"), at_most=9, at_least=2)
    assert vocabulary.words == ("b", "c")


def test_a_word_that_was_counted_nowhere_has_no_id():
    assert most_frequent(pa.array(["a", "b"]), np.array([0, 1]), at_most=9, at_least=0).words == ("b",)


def test_a_public_vocabulary_keeps_its_order():
    assert public_vocabulary(iter(["z", "a"])).words == ("z", "a")


@pytest.mark.parametrize(("words", "message"), [((), "needs a word"), (("a", "b", "a"), "stands there twice")])
def test_a_public_vocabulary_names_every_word_once(words, message):
    with pytest.raises(InputError, match=message) as caught:
        public_vocabulary(words)
    assert not any(f"`{word}`" in str(caught.value) for word in words)


def test_the_digest_tells_words_and_their_order_apart():
    digests = {Vocabulary(words).digest() for words in ((), ("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""))}
    assert len(digests) == 5
