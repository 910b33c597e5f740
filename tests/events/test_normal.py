import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.patterns import plain
from cartveil.events.patterns.normal import normal_of, unmasked

UNSEEN = "\u200b\u200d\u2060\ufeff\u00ad\u202e\x00\x07"
LETTERS = st.text(
    st.characters(codec="utf-32") | st.sampled_from("\ud800\udfff" + UNSEEN + "１①𝟏１\u20e3\ufe0f"), max_size=60
)


@given(st.text(max_size=200))
def test_folding_keeps_every_place(text):
    assert len(plain(text)) == len(text)


@given(LETTERS)
def test_every_character_of_the_normal_text_comes_from_its_place(text):
    normal = normal_of(text)
    for place, sign in enumerate(normal.text):
        start, end = normal.back(place, place + 1)
        assert 0 <= start < end <= len(text)
        assert text[start] in (sign, "\t") or not text[start].isascii()


@given(LETTERS)
def test_places_keep_their_order(text):
    normal = normal_of(text)
    starts = [normal.back(place, place + 1)[0] for place in range(len(normal.text))]
    assert starts == sorted(set(starts))


@given(st.text("138", min_size=1, max_size=12), st.text(UNSEEN, max_size=9), st.text("甲乙 ab", max_size=4))
def test_what_nobody_sees_is_left_out(digits, unseen, words):
    hidden = unseen.join(digits)
    normal = normal_of(words + hidden + words)
    assert normal.text == words + digits + words
    assert normal.back(len(words), len(words) + len(digits)) == (len(words), len(words) + len(hidden))


def test_marks_on_the_last_digit_belong_to_it():
    normal = normal_of("打1\ufe0f\u20e33\ufe0f\u20e3吧")
    assert normal.text == "打13吧"
    assert normal.back(1, 3) == (1, 7)


@pytest.mark.parametrize(
    "row", ["０１２３４５６７８９", "⓪①②③④⑤⑥⑦⑧⑨", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "٠١٢٣٤٥٦٧٨٩", "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉", "🄁🄂🄃"]
)
def test_digits_of_other_writings_are_digits(row):
    read = normal_of(row).text
    assert [int(digit) for digit in read] == [int(unicodedata.digit(sign)) for sign in row]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("幺三八零零一三八零零零", "13800138000"),
        ("壹叁捌零零壹叁捌零零零", "13800138000"),
        ("一三八，零零一三，八零零零", "138，0013，8000"),
        ("138零零一三八零零零", "13800138000"),
        ("138001380零零", "13800138000"),
        ("1380013800零吧", "13800138000吧"),
        ("李四一三八零零一三八零零零", "李四13800138000"),
        ("一三八零零一三八零零零一楼", "13800138000一楼"),
        ("扣扣一二三四五六七", "扣扣1234567"),
        ("l38OOl38OOO", "13800138000"),
        ("138 OO13 8OOO", "138 0013 8000"),
    ],
)
def test_written_numbers_are_read(text, read):
    assert unmasked(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "李四13812345678",
        "13812345678四川省",
        "一二三楼",
        "买一送一",
        "二零二三年",
        "一九九八年",
        "Oil lOO",
        "Illinois",
        "1200一件",
        "五十六个",
    ],
)
def test_words_with_numerals_are_left_as_they_are(text):
    assert unmasked(text) == text
