"""Texts as rules read them: numbers that were hidden by their writing are plain digits again, and places can go back.

Three ways of hiding are undone. Characters that nobody sees (zero-width joiners, keycap marks, control characters) are
left out, and an offset map leads back. Digits and letters of other writings (full-width, circled, Arabic, mathematical)
become ASCII, one for one. Chinese numerals, and letters that look like digits, are read as digits only where they
stand in a row that is long enough for a number: `一三八` in a sentence is left as it is.

>>> normal = normal_of("打１３8\u200b-0013")
>>> normal.text, normal.back(1, 9)
('打138-0013', (1, 10))
>>> spelt_out("电话幺三八零零一三八零零零")
'电话13800138000'
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Full-width ASCII, odd spaces and dashes: what `plain` folds, one for one.
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPACES = "\u3000\u00a0\u2002\u2003\u2009\t"
_DASHES = "‐‑‒–—−"
_PLAIN = _WIDE | dict.fromkeys(map(ord, _SPACES), ord(" ")) | dict.fromkeys(map(ord, _DASHES), ord("-"))
_NOT_PLAIN = re.compile(f"[{''.join(map(chr, _PLAIN))}]")

#: Characters that join themselves to the one before; what hides a number ends with them.
_ATTACHED = "\u0300-\u036f\u20e3\ufe00-\ufe0f"
_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    f"\ufeff{_ATTACHED}"
)

_ZERO_WIDTH = "\u200b"
#: Tags and variation marks beyond the basic plane, unseen too.
_TAGS = ("\U000e0000", "\U000e01ef")

#: Capitals of other alphabets that look like the digits 0 and 1, and like the check character X.
_ALIKE = {"О": "O", "Ο": "O", "о": "o", "ο": "o", "І": "I", "Ӏ": "I", "Ι": "I", "і": "i", "Х": "X", "Χ": "X", "х": "x"}
_ALIKE |= {"Ⅹ": "X", "ⅹ": "x", "×": "x", "⁃": "-"}


def plain(text: str) -> str:
    """Return the text with full-width letters, digits, spaces and dashes as ASCII, of the same length."""
    # Most texts have no such letter; a search costs a tenth of a translation.
    return text.translate(_PLAIN) if not text.isascii() and _NOT_PLAIN.search(text) else text


@dataclass(frozen=True)
class Normal:
    """A text as rules read it.

    Args:
        text: With what is unseen left out and the rest folded one for one.
        cuts: Where in `text` something was left out, sorted; a place comes once per character.
        tails: How many attached characters follow what ends there, by end in `text`.
    """

    text: str
    cuts: Sequence[int] = ()
    tails: Mapping[int, int] = field(default_factory=dict)

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original the characters `start` to `end` stand."""
        if not self.cuts:
            return start, end
        last = end - 1 + bisect_right(self.cuts, end - 1) + 1
        # Marks on the last character, such as the keycap of an emoji digit, belong to it.
        return start + bisect_right(self.cuts, start), last + self.tails.get(end, 0)


def is_usual(text: str) -> bool:
    """Return whether a text has nothing that would have to be left out or folded."""
    return not _UNUSUAL.search(text)


def normal_of(text: str) -> Normal:
    """Return the text as rules read it."""
    if is_usual(text):
        return Normal(text)
    folded = _FOLDED.sub(_folded, text)
    if _HIGH.search(text):
        folded = _HIGH.sub(_folded, folded)
    cuts: list[int] = []
    tails: dict[int, int] = {}
    for match in _UNSEEN_RUN.finditer(folded):
        place = match.start() - len(cuts)
        marks = _MARKS.match(match[0])
        if marks:
            tails[place] = marks.end()
        cuts += [place] * (match.end() - match.start())
    return Normal(_UNSEEN_RUN.sub("", folded), cuts, tails)


def unmasked(text: str) -> str:
    """Return a normal text with what is written for digits as digits where it writes a number; of the same length."""
    return alike_read(spelt_out(text))


def spelt_out(text: str) -> str:
    """Return the text with Chinese numerals as digits where they write a number; of the same length."""
    return _SPELT.sub(_numeral, text) if _SPELT.search(text) else text


def alike_read(text: str) -> str:
    """Return the text with letters that look like digits as digits where they stand in a number; of the same length."""
    return _DOUBTFUL.sub(_as_digits, text) if _HALF.search(text) else text


def _numeral(match: re.Match[str]) -> str:
    """Return a row of Chinese and other digits as digits, as far as it writes a number.

    A mobile number within it is taken out of the characters around it, which may be a name (`李四` before `一三八...`)
    or a floor; else the whole row counts where all of it is Chinese.
    """
    row = match[0]
    if len(row) > _MOBILE and row[1:].isascii() and row[1:].isdigit():
        return row  # a name before a whole number
    read = row.translate(_NUMERALS)
    found = _LEADING.search(match.string, max(0, match.start() - 2 * _MOBILE), match.start())
    lead = _NO_DIGIT.sub("", found[0]) if found else ""
    digits = lead + _NO_DIGIT.sub("", read)
    own = len(digits) - len(lead)
    if _is_id(digits):
        return read
    for mobile in _MOBILES:
        found = mobile.search(digits)
        if found and found.end() > len(digits) - own:
            first = own - (len(digits) - found.start())
            return _in_part(row, read, first=max(0, first), last=own - (len(digits) - found.end()))
    return read if not lead and not _ASCII_DIGIT.search(row) else row


def _in_part(row: str, read: str, *, first: int, last: int) -> str:
    """Return the row with its digits number `first` to `last` read, and the rest as it was."""
    places = [match.start() for match in _ASCII_DIGIT.finditer(read)]
    begin, end = places[first], places[last - 1] + 1
    return row[:begin] + read[begin:end] + row[end:]


def _is_id(digits: str) -> bool:
    return _ID.fullmatch(digits) is not None


def _folded(match: re.Match[str]) -> str:
    sign = match[0]
    return _ZERO_WIDTH if _TAGS[0] <= sign <= _TAGS[1] else _FOLD.get(sign, sign)


def _as_digits(match: re.Match[str]) -> str:
    """Return a row of digits and letters as digits, where a telephone or identity number comes out."""
    read = match[0].translate(_LOOKS)
    is_number = _MOBILE_OR_ID.fullmatch(_JOINED.sub("", read)) is not None
    return read if is_number and sum(map(str.isdigit, match[0])) >= _LEAST_DIGITS else match[0]


#: The zeros of other alphabets, full-width and mathematical ones last; the nine digits follow each.
_ZEROS = (
    "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0de6\u0e50\u0ed0\u0f20\u1040\u1090\u17e0\u1810"
    "\u1946\u19d0\u1a80\u1a90\u1b50\u1bb0\u1c40\u1c50\u2080\ua620\ua8d0\ua900\ua9d0\ua9f0\uaa50\uabf0\uff10\U000104a0\U00011066"
    "\U0001d7ce\U0001d7d8\U0001d7e2\U0001d7ec\U0001d7f6\U0001f101\U0001fbf0"
)
#: The ones of writings that count from 1: circled, in brackets, with a full stop, in black circles and the like.
_ONES = "①⑴⒈⓵❶➀➊㈠㊀"
_SINGLE = dict(zip("⓪⓿⁰¹²³⁴⁵⁶⁷⁸⁹", "000123456789", strict=True))


def _digit_forms() -> dict[str, str]:
    """Return every character that stands for one digit, with that digit."""
    zeros = {chr(ord(zero) + digit): str(digit) for zero in _ZEROS for digit in range(10)}
    return zeros | {chr(ord(one) + digit): str(digit + 1) for one in _ONES for digit in range(9)} | _SINGLE


_FOLD = (
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "！，；：？（）～"}
    | dict.fromkeys(_SPACES, " ")
    | dict.fromkeys(_DASHES, "-")
    | _ALIKE
    | _digit_forms()
)
_BEYOND = 0x10000
# Characters beyond the basic plane apart: in one set with the others they cost forty times as much.
_FOLDED = re.compile(f"[{''.join(re.escape(sign) for sign in _FOLD if ord(sign) < _BEYOND)}]")
_HIGH = re.compile("[\U00010000-\U0010ffff]")
#: Most texts have nothing else, and are done with one search.
_UNUSUAL = re.compile("[^\n\r -~\u4e00-\u9fff，。！？、：；“”‘’（）…《》【】～·—￥]")
_UNSEEN_RUN = re.compile(f"[{_UNSEEN}]+")
_MARKS = re.compile(f"[{_ATTACHED}]+")

_HAN_DIGITS = {
    "0": "零〇○洞",
    "1": "一壹幺么弌〡",
    "2": "二贰貳弐〢",
    "3": "三叁叄參弎〣",
    "4": "四肆〤",
    "5": "五伍〥",
    "6": "六陆陸〦",
    "7": "七柒拐〧",
    "8": "八捌〨",
    "9": "九玖〩",
}
_NUMERALS = {ord(sign): digit for digit, signs in _HAN_DIGITS.items() for sign in signs}
_HAN = "".join(map(chr, _NUMERALS))
_BETWEEN = r"[ \-.·•、，,_/~～*]{0,2}"

#: A Chinese digit with four more after it: `一三八，零零一三，八零零零`; or one that completes a mobile number.
_SPELT = re.compile(rf"[{_HAN}](?:(?:{_BETWEEN}[0-9{_HAN}]){{4,}}|(?<=[0-9]{{4}}[{_HAN}])[0-9{_HAN}]{{0,6}})")
_MOBILE = 11
_ID = re.compile(r"[1-8][0-9]{5}(?:19|20)[0-9]{9,10}")
_LEADING = re.compile(r"[0-9](?:[ -]?[0-9]){0,9}[ -]?$")
_NO_DIGIT = re.compile(r"[^0-9]+")
_ASCII_DIGIT = re.compile(r"[0-9]")
#: At the end first: a name stands before the number more often than a digit after it.
_MOBILES = (re.compile(r"1[3-9][0-9]{9}$"), re.compile(r"^(?:86)?1[3-9][0-9]{9}(?=[0-9]{0,3}$)"))

_LETTERS = "OoIl|i"
_LOOKS = str.maketrans(_LETTERS, "001111")
_LEAST_DIGITS = 4
_MOBILE_OR_ID = re.compile(r"(?:86)?1[3-9][0-9]{9}|[1-8][0-9]{16}[0-9Xx]")
_JOINED = re.compile(r"[ \-.]")
_HALF = re.compile(rf"[{_LETTERS}](?:[ \-.]?[0-9]|(?<=[0-9].))")
_DOUBTFUL = re.compile(
    rf"[0-9{_LETTERS}](?<![A-Za-z0-9][0-9{_LETTERS}])(?=[0-9 .\-]{{0,23}}[{_LETTERS}])"
    rf"(?:[ \-.]?[0-9{_LETTERS}]){{9,23}}(?![A-Za-z0-9])"
)
