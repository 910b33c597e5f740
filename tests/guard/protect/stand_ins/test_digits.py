import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.guard.protect.stand_ins.digits import plain_digits, read, revealed, write


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "１３８００１３８０００",
        "一三八〇〇一三八〇〇〇",
        "①③⑧⓪⓪①③⑧⓪⓪⓪",
        "壹叁捌零零壹叁捌零零零",
        "𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎",
        "幺三八洞洞幺三八洞洞洞",
        "1️⃣380-0138 000",
    ],
)
def test_digits_are_read_in_every_writing(text: str) -> None:
    assert read(text) == "13800138000"


@given(st.text(alphabet="0５三①٣९a-张", max_size=20), st.data())
def test_what_is_written_is_read_again(text: str, data: st.DataObject) -> None:
    count = len(read(text))
    digits = data.draw(st.text(alphabet="0123456789", min_size=count, max_size=count))
    assert read(write(text, digits)) == digits


@given(st.text(max_size=30))
def test_plain_digits_keep_every_place(text: str) -> None:
    assert len(plain_digits(text)) == len(text)


def test_letters_that_look_like_digits_are_read_as_rules_read_them() -> None:
    assert read(revealed("l38OO138OO0")) == "13800138000"
    assert revealed("Ollie") == "Ollie"


def test_numerals_in_names_are_no_digits() -> None:
    assert plain_digits("张三１", han=False) == "张三1"
