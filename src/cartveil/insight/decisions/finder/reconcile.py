"""One answer from two finders: what has a check digit is certain, what is learned knows names, and none hides another.

In this order, each taking what the ones before it left:

1. rules that are sure (confidence of 0.8 and more), but for a postcode and the like within a learned address, which is
   a part of that address;
2. other rules that hold a learned span and more, such as a web address with a name in it;
3. learned spans, cut where something of the above stands;
4. the other rules.

Within a step the more confident comes first, then the longer, then the one further left.

>>> ruled, learned = [Span(5, 16, Kind.PHONE, 0.98)], [Span(5, 20, Kind.PERSON_NAME, 0.6)]
>>> for span in reconcile("call 13812345678 Ann", ruled, learned):
...     print(span.start, span.end, span.kind)
5 16 phone
17 20 person_name
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from cartveil.events.kinds import Kind
from cartveil.events.spans import Span

#: From here on a rule is sure enough to cut what was learned.
SURE = 0.8

#: What an address may hold as a part of itself.
_WITHIN_ADDRESS = frozenset({Kind.POSTCODE, Kind.COORDINATES, Kind.REGION, Kind.OTHER})

#: What is left of a learned span after a cut loses these at its ends, and is dropped where it is shorter than `_LEAST`.
_EDGES = " \t\r\n,，、;；:：|/·-—_()（）[]【】\u3000"
_LEAST = 2


def reconcile(text: str, ruled: Sequence[Span], learned: Sequence[Span]) -> list[Span]:
    """Return what both finders found as spans that do not overlap.

    Args:
        text: What was searched.
        ruled: From rules, of any order.
        learned: From a tagger, of any order.

    Returns:
        Spans from left to right.

    Guarantees:
        - Spans lie in the text, hold a character, and do not overlap.
        - Every character of a ruled span is covered, and nothing that neither finder covers.
        - Rules that do not overlap come back as they are where nothing learned touches them.
    """
    if not learned and _in_order(text, ruled):
        return list(ruled)
    taken = _Taken()
    names = [span for span in learned if _lies_in(text, span)]
    for rank in _ranks([span for span in ruled if _lies_in(text, span)], names):
        for span in sorted(rank, key=lambda span: (-span.confidence, span.start - span.end, span.start)):
            taken.add(span, text=text, trim=rank is names)
    return taken.spans


def _lies_in(text: str, span: Span) -> bool:
    return 0 <= span.start < span.end <= len(text)


def _in_order(text: str, spans: Sequence[Span]) -> bool:
    end = 0
    for span in spans:
        if not end <= span.start < span.end <= len(text):
            return False
        end = span.end
    return True


def _ranks(rules: list[Span], names: list[Span]) -> list[list[Span]]:
    inner = _Widths(names)
    addresses = _Widths(span for span in names if span.kind is Kind.ADDRESS)
    sure: list[Span] = []
    holding: list[Span] = []
    rest: list[Span] = []
    for span in rules:
        if span.kind in _WITHIN_ADDRESS and addresses.hold(span):
            rest.append(span)
        elif span.confidence >= SURE:
            sure.append(span)
        else:
            (holding if inner.lie_in(span) else rest).append(span)
    return [sure, holding, names, rest]


class _Widths:
    """Disjoint spans by their beginning, to ask which lies within which."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans)
        self._starts = [span.start for span in self._spans]

    def lie_in(self, outer: Span) -> bool:
        """Return whether the first of these at or after the span's beginning ends with it at the latest."""
        place = bisect_left(self._starts, outer.start)
        return place < len(self._spans) and self._spans[place].end <= outer.end

    def hold(self, inner: Span) -> bool:
        """Return whether the last of these that begins no later than the span reaches to its end."""
        place = bisect_right(self._starts, inner.start) - 1
        return place >= 0 and self._spans[place].end >= inner.end


class _Taken:
    """Who has which characters so far."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._starts: list[int] = []

    def add(self, span: Span, *, text: str, trim: bool) -> None:
        for start, end in self._free(span):
            if trim and (start, end) != (span.start, span.end):
                start, end = _trimmed(text, start, end)
            if start < end:
                place = bisect_left(self._starts, start)
                self._starts.insert(place, start)
                self.spans.insert(place, Span(start, end, span.kind, span.confidence))

    def _free(self, span: Span) -> list[tuple[int, int]]:
        """Return the stretches of a span that nobody has."""
        place = max(0, bisect_right(self._starts, span.start) - 1)
        free, at = [], span.start
        while place < len(self.spans) and self._starts[place] < span.end:
            other = self.spans[place]
            if other.start > at:
                free.append((at, other.start))
            at = max(at, other.end)
            place += 1
        return [*free, (at, span.end)] if at < span.end else free


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _EDGES:
        start += 1
    while start < end and text[end - 1] in _EDGES:
        end -= 1
    return (start, end) if end - start >= _LEAST else (start, start)
