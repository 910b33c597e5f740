"""A text of any length, redacted as it comes in: in memory stands one window of it, whatever the whole is long.

A window is cut where no value stands, at the end of a line where there is one. What stands just before and behind is
read with it, so that a number is known by the word before it, wherever the windows fall.

>>> from cartveil.events.patterns import find_patterns
>>> "".join(redact_stream(["ring 138", "1234", "5678, thanks"], find_patterns))
'ring [phone], thanks'
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from cartveil.events.kinds import Kind
from cartveil.events.spans import Finder, Span
from cartveil.guard.protect.redact import Record, replaced, without_overlap
from cartveil.guard.protect.stand_ins import LABELS, Style

#: Characters read at once, and of those the ones that are read again with the next window, on either side of its edge.
WINDOW, BESIDE = 1 << 15, 1 << 10


def redact_stream(
    parts: Iterable[str],
    finder: Finder,
    *,
    style: Style = LABELS,
    subject: str = "",
    counts: Counter[Kind] | None = None,
) -> Iterator[str]:
    """Yield a text with its personal values replaced.

    Args:
        parts: The text, cut anywhere.
        finder: Text to spans.
        style: By labels, masks or surrogates.
        subject: Whose text it is.
        counts: Where to count what was replaced.

    Guarantees:
        - Where values are shorter than `BESIDE`, and told by what stands within `BESIDE` of them, the result is that
          of the whole text at once, however the parts are cut.
        - At most a window and one part are held.
    """
    source, held, at, ended = _small(parts), "", 0, False  # held[:at] has been yielded
    while not ended:
        while len(held) - at < WINDOW + BESIDE and not ended:
            part = next(source, None)
            held, ended = held + (part or ""), part is None
        spans = without_overlap(finder(held)) if at < len(held) else []
        cut = len(held) if ended else _cut(held, at, spans)
        here = [_within(span, at, cut) for span in spans if span.end > at and span.start < cut]
        if counts is not None:
            counts.update(span.kind for span in here)
        yield from replaced([Record(held[at:cut], (), subject)], [here], style=style)
        start = max(0, cut - BESIDE)
        held, at = held[start:], cut - start


def _small(parts: Iterable[str]) -> Iterator[str]:
    return (part[at : at + WINDOW] for part in parts for at in range(0, len(part), WINDOW))


def _cut(text: str, at: int, spans: list[Span]) -> int:
    """Return where a window ends: behind the last line break that leaves enough of it, and within no span."""
    latest = len(text) - BESIDE
    cut = text.rfind("\n", at + WINDOW // 2, latest) + 1 or latest
    for span in spans:
        if at < span.start < cut < span.end:
            return span.start
    return cut


def _within(span: Span, at: int, cut: int) -> Span:
    # A value longer than a window is replaced piece by piece.
    return Span(max(span.start, at) - at, min(span.end, cut) - at, span.kind, span.confidence)
