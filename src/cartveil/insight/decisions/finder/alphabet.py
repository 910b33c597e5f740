"""How a network of characters sees a text: one row per character, so that every place found is exact in the original.

Nothing is inserted or removed. A full-width letter, a circled digit or a digit of another script is read as the plain
one; a character that training never saw shares one of a few rows, chosen by its code, with others.

>>> plain("ＡＢ１③")
'AB13'
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.models.encoder import PADDING

Codes = NDArray[np.uint32]

#: Stands between two texts that are read in one go; no text can hold it as a number of its own.
GAP = 0x110000

#: What kind of character it is; the position is the class's number, 0 for what stands between texts.
CLASSES = (
    "gap",
    "other",
    "space",
    "digit",
    "lower",
    "upper",
    "han",
    "kana",
    "letter",
    "punctuation",
    "symbol",
    "hidden",
)

_CATEGORIES = {"Z": "space", "L": "letter", "M": "hidden", "P": "punctuation", "S": "symbol", "C": "hidden"}
_KANA = (0x3040, 0x3100)
_HAN = ((0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x323B0))

# Odd, so that no bit of a code is lost.
_LEFT, _RIGHT, _MIX = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE35


def codes_of(text: str) -> Codes:
    """Return the code of each character, (n,); a lone surrogate is a character like others."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32)


def folded(codes: Codes) -> Codes:
    """Return the codes of the plain characters, in lower case, (n,)."""
    return _fold_table()[codes]


def classes_of(codes: Codes) -> NDArray[np.uint8]:
    """Return the number of each character's class, (n,); see `CLASSES`."""
    return _class_table()[codes]


def plain(text: str) -> str:
    """Return the text with every character in its plain form, as long as before.

    Guarantees:
        - Character by character: what stands at a place stands at the same place afterwards.
    """
    return "".join(map(_plain, text))


def bigrams(codes: Codes, rows: int) -> NDArray[np.int64]:
    """Return a row for each character and the one before it, 1 to below `rows`, (n,).

    Args:
        codes: Folded, texts apart by `GAP`; every digit counts as the same one.
        rows: Of the embedding; pairs that fall on the same row share it.
    """
    same = np.where(_digits()[codes], np.uint32(ord("0")), codes).astype(np.uint64)
    before = np.concatenate([[np.uint64(GAP)], same[:-1]])
    mixed = (before * np.uint64(_LEFT) + same * np.uint64(_RIGHT)) & np.uint64(0xFFFFFFFF)
    mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(_MIX)) & np.uint64(0xFFFFFFFF)
    return ((mixed >> np.uint64(3)) % np.uint64(rows - 1) + np.uint64(1)).astype(np.int64)


@dataclass(frozen=True)
class Alphabet:
    """Which characters have a row of their own.

    Args:
        characters: In plain form, one after the other.
        spare: Rows that all other characters share.
    """

    characters: str
    spare: int = 32

    @property
    def size(self) -> int:
        """Return how many rows there are, padding included."""
        return 1 + self.spare + len(self.characters)

    def rows(self, codes: Codes) -> NDArray[np.int64]:
        """Return the row of each folded character, (n,)."""
        return self._table[codes].astype(np.int64)

    def spare_rows(self, codes: Codes) -> NDArray[np.int64]:
        """Return the row that each character would share if it were unknown, (n,)."""
        return (codes.astype(np.int64) * 31 + (codes >> np.uint32(8))) % self.spare + 1

    @cached_property
    def _table(self) -> NDArray[np.int32]:
        table = self.spare_rows(np.arange(GAP + 1, dtype=np.uint32)).astype(np.int32)
        table[GAP] = PADDING
        table[codes_of(self.characters)] = np.arange(len(self.characters)) + 1 + self.spare
        return table


def learn_alphabet(texts: Iterable[str], *, fewest: int = 2, spare: int = 32) -> Alphabet:
    """Return the characters that occur often enough to learn from.

    Args:
        texts: To count in.
        fewest: Occurrences a character needs for a row of its own.
        spare: Rows that the others share.
    """
    counts: Counter[int] = Counter()
    for text in texts:
        counts.update(folded(codes_of(text)).tolist())
    kept = [code for code, count in counts.items() if count >= fewest and not 0xD800 <= code < 0xE000]
    return Alphabet("".join(map(chr, sorted(kept))), spare)


@cache
def _plain(character: str) -> str:
    if character < "\x80":
        return character
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    wide = unicodedata.normalize("NFKC", character)
    return wide if len(wide) == 1 else character


@cache
def _fold_table() -> Codes:
    table = np.arange(GAP + 1, dtype=np.uint32)
    for code in _assigned():
        character = _plain(chr(code))
        lower = character.lower()
        table[code] = ord(lower if len(lower) == 1 else character)
    return table


@cache
def _class_table() -> NDArray[np.uint8]:
    table = np.full(GAP + 1, CLASSES.index("other"), dtype=np.uint8)
    for code in _assigned():
        table[code] = CLASSES.index(_class(chr(code)))
    for begin, end in _HAN:
        table[begin:end] = CLASSES.index("han")
    table[GAP] = CLASSES.index("gap")
    return table


@cache
def _digits() -> NDArray[np.bool_]:
    return np.asarray(_class_table() == CLASSES.index("digit"))


def _assigned() -> Iterable[int]:
    """Yield the codes that have a plain form or a class to ask for; Chinese characters of the main block have none."""
    yield from range(0x3400)
    yield from range(0xA000, 0xAC00)
    yield from range(0xF900, 0x20000)
    yield from range(0x2F800, 0x2FA20)
    yield from range(0xE0000, 0xE0200)


def _class(character: str) -> str:
    category = unicodedata.category(character)
    if unicodedata.digit(character, None) is not None:
        return "digit"
    if character in "\t\n\r\v\f":
        return "space"
    if _KANA[0] <= ord(character) < _KANA[1]:
        return "kana"
    if category in ("Lu", "Ll"):
        return "upper" if category == "Lu" else "lower"
    return _CATEGORIES.get(category[0], "other")
