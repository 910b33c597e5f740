"""Find personal values in free text by their written form, in both languages.

Names and addresses have no form; the trained finder of the insight wing adds those. What this one says is exact:
the places it gives are places in the text as it was handed in.

    >>> find_patterns("请打13812345678，谢谢")
    [Span(start=2, end=13, kind=<Kind.PHONE: 'phone'>, confidence=0.98)]
"""

import re
from string import ascii_letters, ascii_uppercase

from cartveil.events.kinds import Kind
from cartveil.events.patterns.codes import ANYWHERE, codes_from
from cartveil.events.patterns.normal import alike_read, is_usual, normal_of, spelt_out
from cartveil.events.patterns.numbers import shapes_from
from cartveil.events.patterns.shapes import Shape, closes
from cartveil.events.patterns.signs import SIGNED, WORDED
from cartveil.events.patterns.words import SAID, Said, word_before
from cartveil.events.spans import Span

_DIGITS = re.compile(r"[0-9]+")
#: Two digits close together: less is no value.
_NEAR = re.compile(r"[0-9][ -/A-Za-z_（）·•、，。年月°]{0,4}[0-9]")
_SIGNS = re.compile(r"[@#:_艾(（\[【-]")
_WORDED = re.compile(
    r"[密口微薇威徽Vv加➕PpWwBbDTtSs](?:(?<=密)码|(?<=口)令|(?<=[微薇威徽Vv])信|(?<=[加➕])[我个 VvWw微薇]|"
    r"(?<=[Vv])[Xx:： ]|(?<=[Pp])(?:ass|ASS|wd|WD)|(?<=[Ww])(?:e[Cci]|[Xx])|"
    r"(?<=[BbD])(?:irth|orn|OB)|(?<=[TtSs])(?:eleg|kyp|nap))"
)

#: A shape this sure carries a check that chance does not meet: no word before it talks it away.
_PROVEN = 1.0
#: How far a code may begin before its first digit.
_REACH = 40
#: Between two groups of digits of one number.
_ON = frozenset(" -.·•_/\\()（）、，,|~～*年月°")
_GOES_ON = re.compile(rf"[{re.escape(''.join(sorted(_ON)))}]{{1,3}}[0-9]")
#: A number of fewer digits is none without a word before it, and of very few not even with one.
_ENOUGH, _FEWEST = 7, 3
_TELEPHONES = (Kind.PHONE, Kind.LANDLINE)
_LETTERS, _CAPITALS, _HYPHENS = frozenset(ascii_letters), frozenset(ascii_uppercase), frozenset("-_.")
_TWO_CAPITALS = re.compile(r"(?:[^0-9A-Za-z]|^)[A-Z]{2} $")


def find_patterns(text: str) -> list[Span]:
    """Find phones, e-mail addresses, identity numbers, cards, accounts and what else has a form.

    Args:
        text: Any text. Full-width and circled digits, Chinese numerals and letters that look like digits count as
            digits, and what stands unseen between them is overlooked.

    Returns:
        Spans in the order of the text.

    Guarantees:
        - Spans do not overlap, and are places in the text as it was handed in.
        - Time grows with the length of the text, not with its square.
    """
    normal = None if is_usual(text) else normal_of(text)
    folded = text if normal is None else normal.text
    if not folded.isascii():
        folded = spelt_out(folded)
    near = _NEAR.search(folded)
    signs = _SIGNS.search(folded) or "www." in folded or " dot " in folded or "AKIA" in folded or "eyJ" in folded
    if not (near or signs or _WORDED.search(folded)):
        return []
    found = _Found(alike_read(folded) if near else folded)
    if signs:
        found.search(SIGNED)
    found.search(WORDED)
    if near:
        found.search(ANYWHERE)
        found.read_numbers()
    spans = sorted(found.spans, key=_start)
    if normal is None or not normal.cuts:
        return spans
    return [Span(*normal.back(span.start, span.end), span.kind, span.confidence) for span in spans]


def _start(span: Span) -> int:
    return span.start


class _Found:
    """What was found so far in one text; who comes first has the letters."""

    def __init__(self, text: str) -> None:
        self.spans: list[Span] = []
        self._text = text
        self._taken: bytearray | None = None

    def search(self, shapes: tuple[Shape, ...]) -> None:
        """Search the whole text for each shape."""
        if shapes is WORDED and not _WORDED.search(self._text):
            return
        for shape in shapes:
            if shape.signs and not shape.is_signed(self._text):
                continue
            for match in shape.expression.finditer(self._text):
                if (span := shape.span(match)) is not None:
                    self._add(*span, shape.kind, shape.confidence)

    def read_numbers(self) -> None:
        """Read each number and code, with the word before it."""
        text, done, taken = self._text, 0, self._taken
        for match in _DIGITS.finditer(text):
            start, end = match.span()
            if start < done or (taken is not None and taken.find(1, start, end) >= 0):
                continue
            value = _read(text, start, end)
            # Values come from left to right, so that only what was found before can be in the way.
            if value and value[0] >= done and (taken is None or taken.find(1, value[0], value[1]) < 0):
                self.spans.append(Span(*value))
                done = value[1]

    def _add(self, start: int, end: int, kind: Kind, confidence: float) -> None:
        if self._taken is None:
            self._taken = bytearray(len(self._text))
        if self._taken.find(1, start, end) < 0:
            self._taken[start:end] = b"\x01" * (end - start)
            self.spans.append(Span(start, end, kind, confidence))


_Value = tuple[int, int, Kind, float]


def _read(text: str, start: int, end: int) -> _Value | None:
    """Return the value that a group of digits begins, or that a word of letters and digits around it is."""
    if _stands_alone(text, start, end):
        word = word_before(text, start) if end - start >= _FEWEST or text[end : end + 1] == " " else ""
        return _settled(text, start, SAID[word], None) if word else None
    if end - start == 1 and start > 1 and text[start - 1] in _ON and text[start - 2].isdigit():
        return None  # in a row of single digits only the first begins a number
    glued = start > 0 and text[start - 1] in _LETTERS
    left = _word_start(text, start) if start else 0
    word, said_at = word_before(text, left) if left else "", left
    if glued and not word:
        word, said_at = word_before(text, start), start  # `tel13812345678`
    value = _first(codes_from(text[left]), text, left) if left < start else None
    if value is None and (word or not glued):
        value = _first(shapes_from(text[start], end - start), text, start)
    if value is None and left == start and text[end : end + 1] in _LETTERS:
        value = _first(codes_from(text[left]), text, left)
    return _settled(text, said_at, SAID[word], value) if word else value


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether a few digits are part of nothing longer, so that only the word before makes them a value."""
    if end - start >= _ENOUGH:
        return False
    before = text[start - 1 : start]
    if before in _LETTERS or before in _HYPHENS or (before == " " and text[start - 2 : start - 1] in _CAPITALS):
        return False
    after = text[end : end + 1]
    if after in _LETTERS:
        return not text[start : start + 8].isalnum()
    return after not in _ON or _GOES_ON.match(text, end) is None


def _settled(text: str, at: int, said: Said, value: _Value | None) -> _Value | None:
    """Return what the word before and the form make of a value: a proven form, what the word says, another form."""
    if value is not None:
        if said.kind is Kind.PHONE and value[2] in _TELEPHONES:
            return *value[:3], max(value[3], said.confidence)
        if value[3] >= _PROVEN or (value[3] >= said.confidence and not said.outranks):
            return value
    match = said.value.match(text, at)
    if match is None:
        return value
    return at - closes(text, at - 1, match.end()), match.end(), said.kind, said.confidence


def _first(shapes: tuple[Shape, ...], text: str, at: int) -> _Value | None:
    for shape in shapes:
        match = shape.expression.match(text, at)
        if match and (span := shape.span(match)) is not None:
            return *span, shape.kind, shape.confidence
    return None


def _word_start(text: str, start: int) -> int:
    """Return where the word of letters, digits and signs begins that has its first digits here.

    Two capitals and a space belong to it: `CA 94105`, `QQ 12 34 56 C`.
    """
    sign = text[start - 1]
    if sign == " ":
        return start - 3 if _TWO_CAPITALS.match(text, max(0, start - 4), start) else start
    at, least = start, max(0, start - _REACH)
    while at > least:
        sign = text[at - 1]
        if not (sign.isascii() and sign.isalnum()) and not (
            sign in "-_." and at - 1 > least and text[at - 2].isascii() and text[at - 2].isalnum()
        ):
            break
        at -= 1
    return at
