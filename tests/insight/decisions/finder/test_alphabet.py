import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.decisions.finder.alphabet import (
    CLASSES,
    GAP,
    Alphabet,
    bigrams,
    classes_of,
    codes_of,
    folded,
    learn_alphabet,
    plain,
)

anything = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates too


@given(anything)
def test_the_plain_form_is_as_long_as_the_text(text):
    assert len(plain(text)) == len(text) == len(codes_of(text))


@given(anything)
def test_folding_by_table_is_the_plain_form_in_lower_case(text):
    slow = [character.lower() if len(character.lower()) == 1 else character for character in plain(text)]
    assert folded(codes_of(text)).tolist() == [ord(character) for character in slow]


def test_look_alike_digits_and_wide_letters_are_read_as_plain_ones():
    assert plain("１③٤Ａ") == "134A"


def test_every_kind_of_character_has_its_class():
    found = [CLASSES[number] for number in classes_of(codes_of("张あAa1 ,€\u200b"))]
    assert found == ["han", "kana", "upper", "lower", "digit", "space", "punctuation", "symbol", "hidden"]


def test_a_rare_character_shares_a_row_and_a_frequent_one_has_its_own():
    alphabet = learn_alphabet(["aab"], fewest=2, spare=4)
    rows = alphabet.rows(codes_of("ab"))
    assert rows[0] == 5
    assert 1 <= rows[1] <= 4
    assert alphabet.size == 6


@given(anything)
def test_rows_stay_within_the_embedding(text):
    rows = Alphabet("abc", spare=8).rows(folded(codes_of(text)))
    assert ((rows >= 1) & (rows < 12)).all()


@given(st.text(max_size=20))
def test_a_pair_depends_on_its_two_characters_alone(text):
    codes = folded(codes_of(text + "xy"))
    alone = bigrams(np.concatenate([[np.uint32(GAP)], codes[-2:]]).astype(np.uint32), 64)
    assert bigrams(codes, 64)[-1] == alone[-1]
    assert ((bigrams(codes, 64) >= 1) & (bigrams(codes, 64) < 64)).all()


def test_all_digits_make_the_same_pair():
    assert bigrams(codes_of("12"), 999)[1] == bigrams(codes_of("98"), 999)[1]
