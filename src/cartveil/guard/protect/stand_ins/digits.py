"""Digits in every writing: read as a number, and written back in the writing that each of them had.

A number that somebody spelled `一三八` or `①③⑧` to get around a filter is a number all the same, and its surrogate is
spelled alike.

>>> read("幺三８-⓪０")
'13800'
>>> write("幺三８-⓪０", "24680")
'二四６-⑧０'
"""

import re
import unicodedata
from functools import lru_cache

_CHINESE = ("零一二三四五六七八九", "〇一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖", "零壹貳參肆伍陸柒捌玖")
_CIRCLED = ("⓪①②③④⑤⑥⑦⑧⑨", "⓿❶❷❸❹❺❻❼❽❾", "0⑴⑵⑶⑷⑸⑹⑺⑻⑼", "🄋➀➁➂➃➄➅➆➇➈", "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉")
#: Digit of a character -> the ten digits of its writing.
_WRITINGS = {sign: (str(place), row) for row in reversed((*_CHINESE, *_CIRCLED)) for place, sign in enumerate(row)}
#: Signs that stand for a digit in speech or in older writing; what comes in their place is written the usual way.
_ODD = {
    "1": "幺么弌〡",
    "2": "两弐〢",
    "0": "洞○",
    "3": "叁弎〣",
    "4": "〤",
    "5": "〥",
    "6": "〦",
    "7": "拐〧",
    "8": "〨",
    "9": "〩",
}
_WRITINGS |= {sign: (digit, _CHINESE[0]) for digit, signs in _ODD.items() for sign in signs}
_WRITINGS |= {"0": ("0", "0123456789")}


def read(text: str) -> str:
    """Return the digits of a text as ASCII; everything else is left out."""
    return "".join(digit for digit, _ in map(_writing, text) if digit)


def write(text: str, digits: str) -> str:
    """Return the text with other digits, each in the writing of the one in whose place it comes.

    Args:
        text: Any text with at most as many digits as are given.
        digits: ASCII; what is left over is left out.
    """
    given = iter(digits)
    return "".join(row[int(next(given))] if digit else sign for sign in text for digit, row in (_writing(sign),))


def revealed(text: str) -> str:
    """Return a number with letters that only look like digits (`l38O`) as digits; one with other letters stays."""
    seen = text.translate(_LOOKS)
    return (
        text if any(map(str.isalpha, re.sub(f"[{_HAN_DIGITS}]", "", seen))) or len(read(text)) < len(seen) / 3 else seen
    )


#: Letters of three alphabets that look like a zero or a one.
_LOOKS = {ord(sign): digit for digit, signs in (("0", "OoОоΟο"), ("1", "IilІіΙ|")) for sign in signs}
_HAN_DIGITS = "".join((*_CHINESE, *_ODD.values()))


def plain_digits(text: str, *, han: bool = True) -> str:
    """Return the text with its digits as ASCII, one for one, and full-width letters and marks as ASCII.

    Args:
        text: Any text.
        han: Read Chinese numerals as digits too, which they are in a number, and are not in a name.
    """
    return "".join(_plain(sign) if han or not _HAN.match(sign) else sign for sign in text)


_HAN = re.compile(r"[\u3400-\u9fff]")


@lru_cache(maxsize=4096)
def _writing(sign: str) -> tuple[str, str]:
    """Return the digit of a character and the ten of its writing, or two empty texts."""
    if sign in _WRITINGS:
        return _WRITINGS[sign]
    value = unicodedata.decimal(sign, None)
    if value is None:
        return "", ""
    # Decimal digits of every script stand in one row of Unicode, zero first.
    first = ord(sign) - value
    return str(value), "".join(map(chr, range(first, first + 10)))


@lru_cache(maxsize=4096)
def _plain(sign: str) -> str:
    if digit := _writing(sign)[0]:
        return digit
    folded = unicodedata.normalize("NFKC", sign)
    return folded if len(folded) == 1 and folded.isascii() else sign
