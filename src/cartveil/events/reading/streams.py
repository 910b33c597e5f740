r"""Text from a stream of bytes, piece by piece: what was saved in two encodings is read in both, line by line.

Logs and exports that grew over years hold UTF-8 beside GB18030. Nothing is refused here and nothing is lost: bytes that
are neither are carried along, so that a text which goes out as it came in has the same bytes.

>>> import io
>>> list(read_pieces(io.BytesIO("张三\n".encode() + "李四\n".encode("gb18030"))))
[Piece(text='张三\n', encoding='utf-8'), Piece(text='李四\n', encoding='gb18030')]
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from cartveil.events.reading.encodings import MARKS, is_chinese

#: Bytes read at once, and of a line without end held at most.
_BLOCK, _LONGEST = 1 << 16, 1 << 20

#: Bytes below this one are a character of their own in UTF-8 and in GB18030: a blank, a comma, a full stop.
_ALONE = 0x30


class Piece(NamedTuple):
    """Some text, and the encoding that makes the same bytes of it again; see `encoded`."""

    text: str
    encoding: str


def encoded(piece: Piece) -> bytes:
    """Return the bytes of a piece: those that it was read from, where nothing in it was changed."""
    return piece.text.encode(piece.encoding, "surrogateescape" if piece.encoding == "utf-8" else "surrogatepass")


def read_pieces(stream: BinaryIO) -> Iterator[Piece]:
    """Yield the text of a stream.

    Args:
        stream: Open for reading bytes; it is read to its end, once.

    Yields:
        Pieces that end where a line does, unless the line is longer than a megabyte. By byte order mark, else line by
        line UTF-8, GB18030 where most foreign letters are then Chinese, or UTF-8 with the bytes carried along that
        are none.

    Guarantees:
        - What `encoded` makes of all pieces is the stream, byte for byte; but for half a letter at the end of UTF-16
          or UTF-32, and for what is none in UTF-32.
        - No more than a block and one line, or a megabyte of it, is held.
    """
    head = stream.read(_BLOCK)
    wide = next((encoding for mark, encoding in MARKS if head.startswith(mark) and encoding != "utf-8-sig"), None)
    if wide is not None:
        yield from _wide(stream, head, wide)
        return
    held, encoding = head, "utf-8"
    while held:
        block = stream.read(_BLOCK)
        cut = _cut(held) if block else len(held)
        for piece in _pieces(held[:cut], encoding):
            encoding = piece.encoding
            yield piece
        held = held[cut:] + block


def _wide(stream: BinaryIO, head: bytes, encoding: str) -> Iterator[Piece]:
    # The mark tells the byte order; it stays in the text as its first character, so that it goes out again.
    little = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF32_LE))
    name = f"{encoding}-{'le' if little else 'be'}"
    # Half a surrogate pair is carried along; what is beyond Unicode, or half a letter at the end, is not.
    decoder = codecs.getincrementaldecoder(name)("surrogatepass" if encoding == "utf-16" else "replace")
    while head:
        if text := decoder.decode(head):
            yield Piece(text, name)
        head = stream.read(_BLOCK)
    decoder.errors = "replace"
    if text := decoder.decode(b"", final=True):
        yield Piece(text, name)


def _cut(held: bytes) -> int:
    """Return how much can be decoded: whole lines, or of a line that is too long as much as ends between letters."""
    end = held.rfind(b"\n") + 1
    if end or len(held) < _LONGEST:
        return end
    for at in range(len(held) - 1, len(held) // 2, -1):
        if held[at] < _ALONE:
            return at + 1
    # Nothing but letters for half a megabyte: one of the last four bytes ends one, in the encoding that it is.
    ends = range(len(held), len(held) - 4, -1)
    fits = (at for encoding in ("utf-8", "gb18030") for at in ends if _decoded(held[:at], encoding))
    return next(fits, len(held))


def _pieces(block: bytes, before: str) -> Iterator[Piece]:
    """Decode whole lines; ASCII goes with the line before it."""
    if text := _decoded(block, "utf-8"):
        yield Piece(text, before if block.isascii() else "utf-8")
        return
    texts: list[str] = []
    for line in block.splitlines(keepends=True):
        text, encoding = _line(line, before)
        if encoding != before and texts:
            yield Piece("".join(texts), before)
            texts = []
        before = encoding
        texts.append(text)
    if texts:
        yield Piece("".join(texts), before)


def _line(line: bytes, before: str) -> tuple[str, str]:
    if line.isascii():
        return line.decode("ascii"), before
    if text := _decoded(line, "utf-8"):
        return text, "utf-8"
    text = _decoded(line, "gb18030")
    if text and is_chinese(text) and text.encode("gb18030") == line:
        return text, "gb18030"
    return line.decode("utf-8", "surrogateescape"), "utf-8"


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return ""
