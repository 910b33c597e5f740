from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.decisions.finder.reading import pieces


@given(st.text("a。，\n ", max_size=200), st.integers(3, 40))
def test_pieces_joined_are_the_text_and_none_is_too_long(text, limit):
    found = pieces(text, limit)
    assert "".join(text[begin:end] for begin, end in found) == text
    assert all(0 < end - begin <= limit for begin, end in found)


def test_a_text_is_cut_where_a_sentence_ends_rather_than_a_clause():
    assert pieces("一二三四。五六，七八九十", 10) == [(0, 5), (5, 12)]


def test_a_line_without_any_punctuation_is_cut_all_the_same():
    assert pieces("x" * 25, 10) == [(0, 10), (10, 20), (20, 25)]


@given(st.integers(0, 18), st.integers(1, 6))
def test_no_cut_falls_into_what_must_stay_whole(begin, length):
    cuts = [end for _, end in pieces("x" * 25, 10, uncut=[(begin, begin + length)])]
    assert not any(begin < cut < begin + length for cut in cuts)
