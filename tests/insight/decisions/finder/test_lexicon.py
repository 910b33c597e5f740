import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.decisions.finder.alphabet import GAP, codes_of, folded
from cartveil.insight.decisions.finder.lexicon import MOST, lexicon_of, shipped_lexicon

WORDS = {"one": ["甲", "甲乙", "乙丙丁"], "two": ["丙", "丁甲乙丙"]}


def slow_marks(text):
    """Return the marks by looking at every stretch of the text."""
    marks = np.zeros((len(text), 3), dtype=np.uint64)
    for bit, words in enumerate(WORDS.values()):
        for word in words:
            for begin in range(len(text)):
                if text.startswith(word, begin):
                    flag = np.uint64(1 << bit)
                    marks[begin, 0] |= flag
                    marks[begin + len(word) - 1, 2] |= flag
                    marks[begin + 1 : begin + len(word) - 1, 1] |= flag
    return marks


@given(st.text("甲乙丙丁戊", max_size=30))
def test_every_word_is_found_wherever_it_stands(text):
    assert (lexicon_of(WORDS).marks(codes_of(text)) == slow_marks(text)).all()


def marked(lexicon, text):
    """Return the stretches that are words of the only sort."""
    marks = lexicon.marks(folded(codes_of(text)))
    return [place for place in range(len(text)) if marks[place, 0]]


def test_english_words_are_found_whole_only_and_in_any_case():
    lexicon = lexicon_of({"place": ["york", "new york"]})
    assert marked(lexicon, "in YORK, Yorkshire") == [3]
    assert marked(lexicon, "New York") == [0, 4]


def test_no_word_reaches_over_the_gap_between_two_texts():
    codes = np.concatenate([codes_of("甲"), [np.uint32(GAP)], codes_of("乙")]).astype(np.uint32)
    assert lexicon_of({"one": ["甲乙"]}).marks(codes).sum() == 0


def test_the_shipped_words_know_names_divisions_and_what_streets_end_in():
    lexicon = shipped_lexicon()
    marks = lexicon.marks(codes_of("王海南省路"))
    bit = {sort: np.uint64(1 << number) for number, sort in enumerate(lexicon.sorts)}
    assert marks[0, 0] & bit["surname"]
    assert marks[1, 0] & bit["province"]
    assert marks[3, 2] & bit["province"]
    assert marks[4, 0] & bit["road"]
    assert len(lexicon.sorts) <= MOST


def test_a_long_line_takes_no_longer_by_character():
    codes = codes_of("王小明住在北京市朝阳区" * 20_000)
    assert shipped_lexicon().marks(codes).shape == (220_000, 3)
