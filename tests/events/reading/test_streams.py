import codecs
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.reading import streams
from cartveil.events.reading.streams import Piece, encoded, read_pieces

LINE = "收件人张三，电话13812345678\n"


def pieces(content: bytes) -> list[Piece]:
    return list(read_pieces(io.BytesIO(content)))


def text_of(content: bytes) -> str:
    return "".join(piece.text for piece in pieces(content))


def test_lines_of_two_encodings_are_read_in_both() -> None:
    content = (LINE.encode() + LINE.encode("gb18030")) * 3
    assert text_of(content) == LINE * 6
    assert {piece.encoding for piece in pieces(content)} == {"utf-8", "gb18030"}


def test_ascii_goes_with_the_line_before_it() -> None:
    content = LINE.encode("gb18030") + b"ring twice\n" + LINE.encode("gb18030")
    assert [piece.encoding for piece in pieces(content)] == ["gb18030"]


def test_latin_letters_are_not_taken_for_chinese() -> None:
    assert "na" in text_of("naïve café\n".encode("latin-1"))
    assert {piece.encoding for piece in pieces("naïve café\n".encode("latin-1"))} == {"utf-8"}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
def test_a_byte_order_mark_tells_the_encoding_and_goes_out_again(encoding: str) -> None:
    content = ("\ufeff" + LINE * 5).encode(encoding)
    assert text_of(content) == "\ufeff" + LINE * 5
    assert b"".join(map(encoded, pieces(content))) == content


def test_half_a_letter_at_the_end_is_no_reason_to_stop() -> None:
    assert text_of(codecs.BOM_UTF16_LE + "ab".encode("utf-16-le") + b"c") == "\ufeffab\ufffd"


lines = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.text(max_size=10).map(lambda text: text.encode("utf-8", "replace")),
        st.sampled_from([LINE.encode(), LINE.encode("gb18030"), b"\n", b"\r\n", b"\x00", "😀".encode()]),
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(lines, st.integers(1, 64))
def test_what_is_not_changed_goes_out_byte_for_byte(parts: list[bytes], block: int) -> None:
    content = b"".join(parts)
    if any(content.startswith(mark) for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "_BLOCK", block)
        patch.setattr(streams, "_LONGEST", 4 * block)
        assert b"".join(map(encoded, pieces(content))) == content


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("letter", ["张三，", "张", "a "])
def test_a_line_without_end_is_read_in_parts(monkeypatch: pytest.MonkeyPatch, encoding: str, letter: str) -> None:
    monkeypatch.setattr(streams, "_BLOCK", 1 << 10)
    monkeypatch.setattr(streams, "_LONGEST", 1 << 14)
    text = letter * 20_000
    read = pieces(text.encode(encoding))
    assert "".join(piece.text for piece in read) == text
    assert max(len(piece.text) for piece in read) <= 1 << 15
