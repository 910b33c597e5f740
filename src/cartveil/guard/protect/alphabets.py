"""Text as digits of an alphabet and back, over a whole column: what stands before and after FF1.

Blanks, hyphens, brackets and other marks between the symbols keep their place, so that `138-1234 5678` stays written
as it was. A letter or digit that is not of the alphabet is an error: to leave it would show part of a value.
"""

import string
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import SchemaError
from cartveil.guard.protect.columns import Numbers
from cartveil.guard.protect.modes.blocks import as_block, texts_of
from cartveil.guard.protect.modes.numerals import Digits, digit_type

#: Bytes of ASCII text, or code points.
Letters = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]

NAMED = {
    "digits": string.digits,
    "hex": string.digits + "abcdef",
    "upper hex": string.digits + "ABCDEF",
    "letters": string.ascii_letters,
    "lower letters": string.ascii_lowercase,
    "upper letters": string.ascii_uppercase,
    "alphanumeric": string.digits + string.ascii_letters,
    "lower alphanumeric": string.digits + string.ascii_lowercase,
    "upper alphanumeric": string.digits + string.ascii_uppercase,
    "chinese digits": "〇一二三四五六七八九",
    "chinese digits with 零": "零一二三四五六七八九",
}

#: What keeps its place where the alphabet does not hold it.
SEPARATORS = string.punctuation + " \t\u00a0\u2002\u2003\u2009\u3000" + "·•‐‑‒–—―、。，：；／（）－＋．＿"

_SEPARATOR, _FOREIGN = -1, -2

#: Code points of a table, unless the alphabet holds a higher one: all separators are below.
_BASIC = 0x10000


@dataclass(frozen=True)
class Alphabet:
    """Symbols, each a digit: the first is zero.

    Args:
        symbols: 2 to 65,536 different ones.
    """

    symbols: str

    @property
    def radix(self) -> int:
        """Return the number of symbols."""
        return len(self.symbols)

    @cached_property
    def points(self) -> npt.NDArray[np.uint32]:
        """Return each digit's code point."""
        return np.array([ord(symbol) for symbol in self.symbols], np.uint32)

    @cached_property
    def codes(self) -> npt.NDArray[np.int32]:
        """Return each code point's digit, or what it is instead; the last one stands for all that are higher."""
        codes = np.full(max(_BASIC, int(self.points.max()) + 1) + 1, _FOREIGN, np.int32)
        codes[[ord(mark) for mark in SEPARATORS]] = _SEPARATOR
        codes[self.points] = np.arange(self.radix)
        return codes

    @cached_property
    def is_ascii(self) -> bool:
        """Return whether each symbol is one byte."""
        return self.symbols.isascii()

    @cached_property
    def first(self) -> np.uint8 | None:
        """Return the first of symbols that follow one another in ASCII, such as digits; None for others."""
        follow = bool((np.diff(self.points.astype(np.int64)) == 1).all())
        return np.uint8(self.points[0]) if self.is_ascii and follow else None

    @cached_property
    def reading(self) -> bytes:
        """Return each byte's digit, 255 for a separator and 254 for anything else."""
        return self.codes[:256].astype(np.uint8).tobytes()  # -1 becomes 255, -2 becomes 254

    @cached_property
    def writing(self) -> bytes:
        """Return each digit's byte."""
        return self.symbols.encode("ascii").ljust(256, b"\0")


@lru_cache(maxsize=16)
def alphabet_of(word: str) -> Alphabet:
    """Return the alphabet of a name of `NAMED`, or of the symbols themselves.

    Raises:
        SchemaError: Fewer than two symbols, more than 65,536, or one of them twice.
    """
    symbols = NAMED.get(word, word)
    names = ", ".join(f"`{name}`" for name in NAMED)
    if not 2 <= len(symbols) <= 65_536 or len(set(symbols)) < len(symbols):
        hint = f"give 2 to 65,536 different symbols, or one of {names}"
        raise SchemaError(f"`{word[:40]}` is no alphabet", hint=hint)
    if any("\ud800" <= symbol <= "\udfff" for symbol in symbols):
        raise SchemaError("an alphabet holds half of a character", hint=f"give whole characters, or one of {names}")
    return Alphabet(symbols)


@dataclass(frozen=True)
class Spelling:
    """Text of many rows, taken apart into digits and what stands between them.

    Args:
        alphabet: Of the digits.
        letters: (characters,) bytes, or code points where one is not ASCII.
        starts: (rows + 1,) where each row begins in `letters`.
        held: (characters,) whether this is a digit; None where all are.
        digits: (digits,) of all rows after one another.
        firsts: (rows + 1,) where each row begins in `digits`.
        foreign: (rows,) numbers of rows with a character that is neither digit nor separator.
    """

    alphabet: Alphabet
    letters: Letters
    starts: Numbers
    held: npt.NDArray[np.bool_] | None
    digits: Digits
    firsts: Numbers
    foreign: Numbers

    def groups(self) -> list[tuple[Numbers, int]]:
        """Return the rows of each number of digits, and this number."""
        counts = np.diff(self.firsts)
        if len(counts) and (counts == counts[0]).all():
            return [(np.arange(len(counts)), int(counts[0]))]
        order = np.argsort(counts, kind="stable")
        edges = np.flatnonzero(np.diff(counts[order], prepend=-1, append=-1))
        return [(order[start:end], int(counts[order[start]])) for start, end in pairwise(edges)]

    def rows(self, rows: Numbers, length: int) -> Digits:
        """Return the (rows, length) digits of rows that have so many."""
        if len(rows) == len(self.firsts) - 1:
            return self.digits.reshape(len(rows), length)
        made: Digits = self.digits[self.firsts[rows][:, None] + np.arange(length)]
        return made

    def put(self, whole: Digits, rows: Numbers, digits: Digits) -> None:
        """Write (rows, length) digits to their place among (digits,) of all rows."""
        if len(rows) == len(self.firsts) - 1:
            whole[:] = digits.reshape(-1)
        else:
            whole[self.firsts[rows][:, None] + np.arange(digits.shape[1])] = digits

    @cached_property
    def has_plus(self) -> npt.NDArray[np.bool_]:
        """Return for (rows,) whether a plus sign stands before the first digit."""
        is_plus = (self.letters == ord("+")) | (self.letters == ord("＋"))
        if self.held is None or not is_plus.any():
            return np.zeros(len(self.starts) - 1, np.bool_)
        before = np.concatenate([[0], np.cumsum(is_plus)])  # (characters + 1,)
        first = np.append(np.flatnonzero(self.held), len(self.letters))[self.firsts[:-1]]
        return np.asarray(before[first] > before[self.starts[:-1]])

    def written(self, digits: Digits) -> pa.Array:
        """Return the text with these digits, (digits,) of all rows, in the place of its own."""
        letters: Letters
        if self.letters.dtype == np.uint8 and self.alphabet.first is not None:
            letters = digits + self.alphabet.first
        elif self.letters.dtype == np.uint8:
            letters = as_block(digits.tobytes().translate(self.alphabet.writing))
        else:
            letters = self.alphabet.points[digits]
        if self.held is not None:
            whole = self.letters.copy()
            whole[self.held] = letters
            letters = whole
        if letters.dtype == np.uint8:
            return _text(letters.tobytes(), self.starts)
        widths = 1 + (letters >= 0x80).astype(np.int64) + (letters >= 0x800) + (letters >= 0x10000)
        ends = np.concatenate([[0], np.cumsum(widths)])
        return _text(letters.astype("<u4").tobytes().decode("utf-32-le").encode(), ends[self.starts])


def spell(values: pa.Array, alphabet: Alphabet) -> Spelling:
    """Take text apart.

    Args:
        values: Text without NULLs.
        alphabet: Of the digits.
    """
    texts = texts_of(values)
    start = int(texts.starts[0]) if len(values) else 0
    starts = np.concatenate([texts.starts, (texts.starts + texts.lengths)[-1:]]) - start
    if not len(values):
        starts = np.zeros(1, np.int64)
    data = texts.data[start : start + int(starts[-1])].tobytes()
    if alphabet.is_ascii and data.isascii():
        bytewise = as_block(data)
        if alphabet.first is not None:
            digits = bytewise - alphabet.first
            if (digits < alphabet.radix).all():  # nothing but digits, by far the most frequent case
                return _parts(alphabet, bytewise, starts, digits)
        return _parts(alphabet, bytewise, starts, as_block(data.translate(alphabet.reading)))
    letters = np.frombuffer(data.decode().encode("utf-32-le"), "<u4")
    lengths = pc.utf8_length(values).to_numpy(zero_copy_only=False)
    codes = alphabet.codes[np.minimum(letters, len(alphabet.codes) - 1)]
    return _parts(alphabet, letters, np.concatenate([[0], np.cumsum(lengths)]), codes)


def _parts(alphabet: Alphabet, letters: Letters, starts: Numbers, codes: npt.NDArray[np.integer]) -> Spelling:
    if not len(codes) or (codes.max() < alphabet.radix and codes.min() >= 0):
        digits, none = codes.astype(digit_type(alphabet.radix), copy=False), np.zeros(0, np.int64)
        return Spelling(alphabet, letters, starts, None, digits, starts, none)
    held = (codes >= 0) & (codes < alphabet.radix)
    outside = codes == (_FOREIGN if codes.dtype == np.int32 else np.uint8(256 + _FOREIGN))
    foreign = np.unique(np.searchsorted(starts, np.flatnonzero(outside), side="right") - 1)
    firsts = np.concatenate([[0], np.cumsum(held)])[starts]
    return Spelling(alphabet, letters, starts, held, codes[held].astype(digit_type(alphabet.radix)), firsts, foreign)


def _text(data: bytes, offsets: Numbers) -> pa.Array:
    wide = len(data) > 2**31 - 1
    kept = offsets.astype(np.int64 if wide else np.int32)
    kind = pa.large_string() if wide else pa.string()
    return pa.Array.from_buffers(kind, len(offsets) - 1, [None, pa.py_buffer(kept), pa.py_buffer(data)])
