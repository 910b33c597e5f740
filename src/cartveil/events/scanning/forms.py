"""Which values have a written form: the patterns of free text, run over a whole column in few calls.

Values are joined with a seam between them that no pattern crosses, so that the cost per call is paid once for
hundreds of values.

>>> import pyarrow as pa
>>> forms = forms_of(pa.array(["13812345678", "ask 13812345678", "red"]))
>>> forms.whole[Kind.PHONE], forms.inside, forms.personal
(1, 1, 2)
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

import pyarrow as pa

from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.events.spans import Span

#: Letters that belong to no pattern, with room enough that none reaches over.
_SEAM = "\n;;;\n"
_BLOCK = 1 << 14
#: Kinds of which a single one inside a text is somebody's.
PERSONAL = frozenset({Kind.PHONE, Kind.EMAIL, Kind.ID_NUMBER, Kind.PAYMENT_CARD, Kind.BANK_ACCOUNT})


@dataclass(frozen=True)
class Forms:
    """How many values have a form.

    Args:
        seen: Values looked at.
        whole: Kind -> values that are, as a whole, of this kind.
        inside: Values with a form somewhere inside other words.
        personal: Values with a phone, an e-mail address or a checked number, as a whole or inside.
    """

    seen: int
    whole: Counter[Kind] = field(default_factory=Counter)
    inside: int = 0
    personal: int = 0


def forms_of(texts: pa.Array) -> Forms:
    """Count the values that have a written form.

    Args:
        texts: (values,) text without NULL and without spaces around it.

    Guarantees:
        - The same figures as from one call of `find_patterns` per value.
    """
    whole: Counter[Kind] = Counter()
    inside = personal = 0
    for text, spans in _found(texts.to_pylist()):
        personal += any(span.kind in PERSONAL and span.confidence >= 0.9 for span in spans)
        if len(spans) == 1 and spans[0].end - spans[0].start == len(text):
            whole[spans[0].kind] += 1
        else:
            inside += 1
    return Forms(len(texts), whole, inside, personal)


def _found(texts: Iterable[str]) -> Iterator[tuple[str, list[Span]]]:
    """Give every text in which something was found, with places counted from its own start."""
    for block in _blocks(texts):
        starts = list(accumulate((len(text) + len(_SEAM) for text in block[:-1]), initial=0))
        spans: dict[int, list[Span]] = {}
        for span in find_patterns(_SEAM.join(block)):
            place = bisect_right(starts, span.start) - 1
            start, end = span.start - starts[place], span.end - starts[place]
            spans.setdefault(place, []).append(Span(start, end, span.kind, span.confidence))
        for place, found in spans.items():
            yield block[place], found


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block
