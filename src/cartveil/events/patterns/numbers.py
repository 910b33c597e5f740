"""Numbers by their digits: phones, cards, identity numbers, addresses of networks, whatever stands between the digits.

Shapes are tried where a group of digits begins, those first that leave the least to chance.
"""

import re
from typing import Any

from cartveil.events.kinds import Kind
from cartveil.events.patterns import check_digits as check
from cartveil.events.patterns.shapes import END, GAP, Shape, Test, checked, compact, is_payment_card

_GROUPS = re.compile(r"[0-9]+")
_NEXT_POINT = re.compile(r" [0-9]{1,2}[、.)）](?![0-9])")
_BRACKETS = "(（"

#: How people divide a mobile number; other divisions are lists of numbers.
_DIVISIONS = frozenset(
    {(11,), (3, 4, 4), (3, 8), (7, 4), (4, 4, 3), (3, 3, 5), (4, 7), (5, 6), (6, 5), (4, 3, 4), (3, 5, 3), (3, 2, 2, 4)}
    | {(3, 2, 3, 3), (3, 2, 2, 2, 2), (3, 3, 3, 2), (1, 10), (5, 3, 3), (3, 4, 2, 2), (2, 3, 3, 3), (1,) * 11}
)
_WHOLE = (11,)
_PLAIN_DIVISIONS = frozenset({(3, 4, 4), (3, 8), (7, 4)})
_CARD_PARTS = 6
_BARCODE = 13

_EXTENSION = r"(?:(?:-|转|ext\.? ?|x| ?分机)[0-9]{1,6})?"
#: Area codes of mainland China: 010, 02x, and three digits from 03 on.
_AREA = r"(?:10|2[0-57-9]|[3-9][0-9]{2})"


def _groups(text: str) -> tuple[int, ...]:
    return tuple(map(len, _GROUPS.findall(text)))


def _neighbours(match: re.Match[str]) -> tuple[bool, bool]:
    """Return whether digits stand right before and after a match, with one sign between, as in a longer number."""
    text, start, end = match.string, match.start(), match.end()
    before = start > 1 and text[start - 1] in "-. /_" and text[start - 2].isdigit()
    after = end + 1 < len(text) and text[end] in "-. /_" and text[end + 1].isdigit()
    if after and _NEXT_POINT.match(text, end):
        after = False  # the number of the next point of a list
    return before, after


def _is_fraction(match: re.Match[str]) -> bool:
    """Return whether this continues or has decimals, such as `0.13812345678` or `13812345678.50`."""
    text, start, end = match.string, match.start(), match.end()
    if text[start - 1 : start] != "." and text[end : end + 1] != ".":
        return False
    before = start > 1 and text[start - 1] == "." and text[start - 2].isdigit()
    if before and (start == 2 or not text[start - 3].isdigit()) and text[start - 2] != "0":
        before = False  # the first of a numbered list
    return before or bool(re.match(r"\.[0-9]{1,2}(?![0-9.])", text[end : end + 5]))


def _is_mobile(match: re.Match[str]) -> bool:
    own = match["own"]
    groups = _WHOLE if own.isdigit() else _groups(own)
    if groups not in _DIVISIONS or _is_fraction(match):
        return False
    if groups is _WHOLE:
        return True
    if groups in _PLAIN_DIVISIONS and "," not in own:
        before, after = _neighbours(match)
        return not (before and after)
    return not any(_neighbours(match))


def _is_card(match: re.Match[str]) -> bool:
    digits = match[0]
    if not digits.isdigit():
        groups = _groups(digits)
        if len(groups) > _CARD_PARTS and set(groups) != {1}:
            return False
        digits = compact(digits)
    return is_payment_card(digits)


def _is_old_id(match: re.Match[str]) -> bool:
    text = match[0]
    return text[:2] in check.PROVINCE_PREFIXES and check.is_date("19" + text[6:12])


def _is_network(match: re.Match[str]) -> bool:
    parts = match[0].partition("/")[0].split(".")
    if any(len(part) > 1 and part[0] == "0" for part in parts) or max(map(int, parts)) > 255:  # of a byte
        return False
    before = match.string[max(0, match.start() - 12) : match.start()].lower().rstrip(" :：")
    return not before.endswith(("version", "版本", "版本号", "ver", "release", "firmware", "固件", "rev"))


def _is_american(match: re.Match[str]) -> bool:
    digits = compact(match[0])[-10:]
    return digits[1:3] != "11" and digits[1] != "9" and digits[4:6] != "11" and not any(_neighbours(match))


def _is_landline(match: re.Match[str]) -> bool:
    return not any(_neighbours(match)) and not _is_fraction(match)


def _is_international(match: re.Match[str]) -> bool:
    start = match.start()
    plus = start > 0 and match.string[start - 1] == "+"
    digits = sum(_groups(match[0].partition("x")[0]))
    return (plus and 7 <= digits <= 15) or (match[0].startswith("00") and 11 <= digits <= 17)


def _is_place(match: re.Match[str]) -> bool:
    first, second = float(match["first"]), float(match["second"])
    return (first <= 90 and second <= 180) or (first <= 180 and second <= 90)


def _is_after_door(match: re.Match[str]) -> bool:
    """Return whether the first digits are those of a door: `7栋60113800138000张伟`, with a mobile number after it."""
    text, start, end = match.string, match.start(), match.end()
    if (end - start == _BARCODE and match[0].startswith(("69", "15", "16", "17", "18", "19"))) or start == 0:
        return False  # a barcode, or milliseconds
    before, after = text[start - 1], text[end : end + 1]
    return (before == "-" or (not before.isascii() and before not in "号码为是：:第")) and not (
        after.isascii() and after.isalnum()
    )


def _is_zip(match: re.Match[str]) -> bool:
    return not any(_neighbours(match))


def _shape(kind: Kind, expression: str, passes: Test | None = None, *, end: str = END, **more: Any) -> Shape:
    return Shape(kind, re.compile(expression + end, re.ASCII), passes, **more)


# `13812345678wx` says that the number is also a name of a messenger.
_PHONE_END = r"(?![0-9])(?!(?!(?:[wv]x|[WV]X|qq|QQ|tel|[vV]|wechat|or|and|pls|please)(?![A-Za-z]))[A-Za-z])"


#: In order: where two shapes can begin at one digit, the one that stands first here has it.
NUMBERS: tuple[Shape, ...] = (
    _shape(
        Kind.COORDINATES,
        r"(?P<first>[0-9]{1,3}\.[0-9]{4,12})°?[NSEWnsew]?[,，/; ] ?[-NSEW]?"
        r"(?P<second>[0-9]{1,3}\.[0-9]{4,12})°?[NSEWnsew]?",
        _is_place,
        lead="-",
        first=(1, 2, 3),
    ),
    _shape(
        Kind.IP_ADDRESS,
        r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/(?:3[0-2]|[12]?[0-9]))?(?!\.[0-9])",
        _is_network,
        first=(1, 2, 3),
    ),
    _shape(
        Kind.ID_NUMBER,
        rf"[1-8](?:{GAP}[0-9]){{16}}{GAP}[0-9Xx]",
        checked(check.has_id_check_digit),
        confidence=1.0,
        starts="12345678",
        first=(1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 17, 18),
    ),
    _shape(
        Kind.PAYMENT_CARD,
        r"[0-9]{4}([ \-.·]{0,2})[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?",
        _is_card,
        confidence=0.98,
        starts="234569",
        first=(4, *range(13, 20)),
    ),
    _shape(
        Kind.PAYMENT_CARD,
        r"[0-9]{4}([ \-.]?)[0-9]{6}\1[0-9]{4,5}",
        _is_card,
        confidence=0.98,
        starts="3",
        first=(4,),
    ),
    _shape(
        Kind.PAYMENT_CARD,
        rf"[0-9](?:{GAP}[0-9]){{12,18}}",
        _is_card,
        confidence=0.95,
        starts="234569",
        first=range(1, 13),
    ),
    _shape(Kind.ID_NUMBER, r"[1-8][0-9]{14}", _is_old_id, confidence=0.6, starts="12345678", first=(15,)),
    _shape(
        Kind.PHONE,
        rf"(?:(?:00)?86[ \-)）.]{{0,3}}|0)?(?P<own>1{GAP}[3-9](?:{GAP}[0-9]){{9}})",
        _is_mobile,
        confidence=0.98,
        end=_PHONE_END,
        starts="018",
        first=(*range(1, 8), 11, 12, 13, 15),
        lead="+(（",
    ),
    _shape(
        Kind.PHONE,
        r"[0-9]{1,4}(?P<value>1[3-9][0-9]{9})",
        _is_after_door,
        confidence=0.7,
        first=range(12, 16),
    ),
    _shape(
        Kind.PHONE,
        r"(?:(?:00)?44[ -]?(?:\(0\)[ -]?)?7|07)[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
        _is_landline,
        confidence=0.95,
        starts="04",
        first=(2, 4, 5, 6, 8, 11, 12, 14),
        lead="+",
    ),
    _shape(
        Kind.PHONE,
        r"(?:1[ .-]?\(?)?[2-9][0-9]{2}(?:\) ?|[ .-])[2-9][0-9]{2}[ .-][0-9]{4}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?",
        _is_american,
        starts="123456789",
        lead="+(",
        first=(1, 3),
    ),
    _shape(
        Kind.LANDLINE,
        rf"(?:(?:00)?86[ -]{{0,2}}\(?0?|\(?0){_AREA}[)） .\-·—～~]{{1,2}}[2-8](?:[ -]?[0-9]){{6,7}}" + _EXTENSION,
        _is_landline,
        starts="08",
        lead="+(（",
        first=(2, 3, 4, 6),
    ),
    _shape(
        Kind.LANDLINE,
        rf"0{_AREA}[2-8][0-9]{{6,7}}" + _EXTENSION,
        _is_landline,
        confidence=0.7,
        starts="0",
        first=(10, 11, 12),
    ),
    _shape(
        Kind.PHONE,
        r"(?<=\+)[1-9][0-9]{0,3}(?:[ .()\-]{0,2}[0-9]){6,14}(?: ?(?:x|ext\.?) ?[0-9]{1,5})?",
        _is_international,
        starts="123456789",
        lead="+",
    ),
    _shape(Kind.PHONE, r"00[1-9][0-9]{0,3}(?:[ .()\-]{0,2}[0-9]){8,14}", _is_international, confidence=0.7, starts="0"),
    _shape(
        Kind.LANDLINE,
        r"0(?:[1-3][0-9]{1,4}(?:\) ?|[ -])[0-9]{3,4}[ -]?[0-9]{3,4}"
        r"|[1-9][0-9]{1,2}(?:\) ?|[ -])[0-9]{3,4}[ -](?:[0-9]{4}|[0-9]{2}[ -][0-9]{2}))",
        _is_landline,
        confidence=0.85,
        starts="0",
        lead="(",
        first=(3, 4, 5, 6),
    ),
    _shape(
        Kind.LANDLINE,
        r"[48]00(?:[ -][0-9]{3}[ -][0-9]{4}|[ -][0-9]{7}|[ -][0-9]{4}[ -][0-9]{3})",
        _is_zip,
        confidence=0.8,
        starts="48",
        first=(3,),
    ),
    _shape(Kind.PHONE, r"09[0-9]{2}[ -][0-9]{3}[ -]?[0-9]{3}", _is_zip, confidence=0.85, starts="0", first=(4,)),
    _shape(Kind.ID_NUMBER, r"(?!000|666)[0-9]{3}([- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}", _is_zip, first=(3,)),
    _shape(Kind.ORDER_ID, r"[0-9]{3}-[0-9]{7}-[0-9]{7}", _is_zip, confidence=0.85, first=(3,)),
    _shape(
        Kind.TRACKING_ID, r"9[2-5][0-9]{2}(?: ?[0-9]{4}){4} ?[0-9]{2}", confidence=0.85, starts="9", first=(4, 20, 22)
    ),
    _shape(Kind.POSTCODE, r"[0-9]{5}-[0-9]{4}", _is_zip, confidence=0.7, first=(5,)),
)

#: By first digit and the size of the first group, so that few are tried.
_LARGEST = 23
BY_START: dict[str, tuple[tuple[Shape, ...], ...]] = {
    digit: tuple(
        tuple(shape for shape in NUMBERS if digit in shape.starts and size in shape.first) for size in range(_LARGEST)
    )
    for digit in "0123456789"
}


def shapes_from(digit: str, size: int) -> tuple[Shape, ...]:
    """Return the shapes that can begin with this digit, in a group of so many digits."""
    return BY_START[digit][size] if size < _LARGEST else ()
