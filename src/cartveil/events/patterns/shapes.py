"""What a shape is, and the pieces that shapes are written with.

Every expression is bounded and begins with what it looks for: a letter or a digit, never a condition. So a text that
holds nothing is passed over at the speed of a search for one character, and a line of a megabyte costs milliseconds,
whatever it holds.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cartveil.events.kinds import Kind
from cartveil.events.patterns import check_digits as check

Test = Callable[[re.Match[str]], bool]

#: Prefixes that payment networks and providers give out for tests; no real card has them.
TEST_CARD_PREFIXES = ("411111", "424242", "555555", "625094", "378282")

#: What people write between the digits of one number.
GAP = r"[ \-.·•_/\\()（）、，,|~～*]{0,3}"
END = r"(?![0-9A-Za-z])"

#: No address of any sort begins with these.
_NO_FIRST = "._%+-"
_OPEN = "(（"
_GONE = re.compile(r"[^0-9A-Za-z]")


@dataclass(frozen=True)
class Shape:
    """One form of one kind, and what a match must still pass.

    A group named `value` marks the part that is the value, where the expression also needs what stands around it.

    Args:
        kind: What it is.
        expression: Where it may stand.
        passes: Whether a match is one; it may look at what stands around it in `match.string`.
        confidence: How sure a match is.
        starts: The digits it can begin with, for shapes of digits.
        first: How many digits its first group can have, for shapes of digits.
        lead: Characters that belong to the value where they stand before the match.
        reach: How many of them at most.
        led: Whether there must be one.
        signs: A text without any of them need not be searched.
    """

    kind: Kind
    expression: re.Pattern[str]
    passes: Test | None = None
    confidence: float = 0.9
    starts: str = "0123456789"
    first: Collection[int] = range(1, 20)
    lead: str = ""
    reach: int = 2
    led: bool = False
    signs: tuple[str, ...] = ()

    def is_signed(self, text: str) -> bool:
        """Return whether one of the signs stands in a text."""
        # A loop: for texts of a line a generator costs more than the search.
        for sign in self.signs:  # noqa: SIM110
            if sign in text:
                return True
        return False

    def span(self, match: re.Match[str]) -> tuple[int, int] | None:
        """Return where the value of a match stands, or None where it fails its test."""
        if self.passes is not None and not self.passes(match):
            return None
        start, end = match.span(self.expression.groupindex.get("value", 0))
        if not self.lead:
            return start, end
        text, first = match.string, start
        while first and start - first < self.reach and (sign := text[first - 1]) in self.lead:
            if sign in _OPEN and not closes(text, first - 1, end):
                break
            first -= 1
        while self.led and first < start and text[first] in _NO_FIRST:
            first += 1
        return None if self.led and first == start else (first, end)


def closes(text: str, at: int, end: int) -> bool:
    """Return whether this is an open bracket, the only one here, and one that closes before `end`."""
    sign = text[at]
    if sign not in _OPEN:
        return False
    return text[at + 1] != sign and text.find(")" if sign == "(" else "）", at, end) >= 0


def compact(text: str) -> str:
    """Return the letters and digits of the text, in capitals."""
    return _GONE.sub("", text).upper()


def is_payment_card(digits: str) -> bool:
    """Return whether digits have a known issuer's prefix, its length, and their Luhn digit."""
    for prefix, lengths in _ISSUERS:
        if prefix.match(digits):
            return len(digits) in lengths and check.has_luhn(digits)
    return False


_ISSUERS = tuple(
    (re.compile(prefix), lengths)
    for prefix, lengths in (
        ("4", (16, 19)),  # Visa; its numbers of 13 digits are gone, and barcodes have as many
        ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        ("3[47]", (15,)),  # American Express
        ("62", (16, 17, 18, 19)),  # UnionPay
        ("6011|64[4-9]|65", (16, 19)),  # Discover
        ("35(?:2[89]|[3-8])", (16, 19)),  # JCB
        ("30[0-5]|3[689]", (14, 16, 19)),  # Diners Club
        ("9558", (19,)),  # an older range of ICBC
        ("220[0-4]", (16, 19)),  # Mir
    )
)


def checked(test: Callable[[str], bool]) -> Test:
    """Return a test of the letters and digits of a match."""
    return lambda match: test(compact(match[0]))
