"""Find personal values in free text by their written form, in both languages.

Names and addresses have no form; the trained finder of the insight wing adds those. What this one says is exact:
the places it gives are places in the text as it was handed in.

    >>> find_patterns("请打13812345678，谢谢")
    [Span(start=2, end=13, kind=<Kind.PHONE: 'phone'>, confidence=0.98)]
"""

import re
from collections.abc import Iterator

from cartveil.events.patterns.shapes import SHAPES, Shape, plain
from cartveil.events.spans import Span

# Every shape needs one of these somewhere; most delivery notes have none and are done in a microsecond.
_ANY = re.compile(
    r"[0-9@]|://|密码|口令|-----BEGIN|passw|passcode|pwd|eyJ|微信|支付宝|昵称|wechat|alipay|paypal|venmo", re.IGNORECASE
)


def find_patterns(text: str) -> list[Span]:
    """Find phones, e-mail addresses, identity numbers, cards, accounts and what else has a form.

    Args:
        text: Any text; full-width digits count as digits.

    Returns:
        Spans in the order of the text.

    Guarantees:
        - Spans do not overlap; where two shapes want the same letters, the earlier one of `SHAPES` has them.
        - Time grows with the length of the text, not with its square.
    """
    if not _ANY.search(folded := plain(text)):
        return []
    digits = sum(map(folded.count, "0123456789"))
    taken = bytearray(len(folded))
    spans = []
    for shape in SHAPES:
        if digits < shape.digits or shape.sign not in folded:
            continue
        for start, end in _matches(shape, folded):
            if not any(taken[start:end]):
                taken[start:end] = b"\x01" * (end - start)
                spans.append(Span(start, end, shape.kind, shape.confidence))
    return sorted(spans)


def _matches(shape: Shape, text: str) -> Iterator[tuple[int, int]]:
    group = "value" if "value" in shape.expression.groupindex else 0
    for match in shape.expression.finditer(text):
        start, end = match.span(group)
        if shape.passes is None or shape.passes(match[group]):
            yield start, end
