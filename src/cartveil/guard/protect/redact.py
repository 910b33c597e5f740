"""Free text without the people in it: what a finder marks, and what the record itself knows, becomes a label."""

import re
from collections.abc import Iterable, Sequence

import pyarrow as pa

from cartveil.errors import ColumnError
from cartveil.events.kinds import Kind
from cartveil.events.spans import Finder, Span
from cartveil.guard.protect.columns import Values, as_text, shaped_like

#: Shorter known values, such as a name of one character, would blot out ordinary words.
_LEAST_KNOWN = 2

_LEAST_WORD = 3

_HAN = re.compile(r"[\u3400-\u9fff]")


def redact(column: Values, finder: Finder, *, known: Sequence[tuple[Kind, Values]] = ()) -> Values:
    """Replace personal values in texts by labels such as `[phone]`.

    Args:
        column: Text.
        finder: Text to spans, such as `events.patterns.find_patterns`; spans may overlap.
        known: Columns of the same rows with what is known of the person: names, addresses, numbers. Their exact
            occurrences, in any letter case, and the single words of names, are replaced as well.

    Returns:
        Text; NULL stays NULL.

    Raises:
        ColumnError: A known column has another length.

    Guarantees:
        - No character of a span is left, and every character outside stays.
    """
    texts = as_text(column).to_pylist()
    if any(len(values) != len(texts) for _, values in known):
        raise ColumnError("known columns and texts have different lengths")
    kinds = [kind for kind, _ in known]
    people = zip(*[as_text(values).to_pylist() for _, values in known], strict=True) if known else [()] * len(texts)
    done: dict[tuple[str | None, ...], str] = {}
    redacted: list[str | None] = []
    for text, person in zip(texts, people, strict=True):
        if text is None:
            redacted.append(None)
            continue
        record = (text, *person)
        if record not in done:
            done[record] = _replaced(text, [*finder(text), *_known_spans(text, kinds, person)])
        redacted.append(done[record])
    return shaped_like(pa.array(redacted, pa.large_string() if _is_large(column) else pa.string()), column)


def without_overlap(spans: Iterable[Span]) -> list[Span]:
    """Return spans from left to right that cover all that the given ones cover; the longest names the kind."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.end <= span.start:
            continue
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            longest = last if last.end - last.start >= span.end - span.start else span
            merged[-1] = Span(last.start, max(last.end, span.end), longest.kind, longest.confidence)
            continue
        merged.append(span)
    return merged


def _replaced(text: str, spans: list[Span]) -> str:
    parts, at = [], 0
    for span in without_overlap(spans):
        parts += [text[at : span.start], f"[{span.kind}]"]
        at = span.end
    return "".join([*parts, text[at:]])


def _known_spans(text: str, kinds: Sequence[Kind], person: tuple[str | None, ...]) -> list[Span]:
    folded, spans = text.casefold(), []
    for kind, value in zip(kinds, person, strict=True):
        for wanted, whole_word in _wanted(kind, value):
            # Most texts hold none of it; a search without expression is the fast way to find that out.
            if wanted.casefold() in folded:
                spans += [Span(*match.span(), kind) for match in _expression(wanted, whole_word).finditer(text)]
    return spans


def _wanted(kind: Kind, value: str | None) -> list[tuple[str, bool]]:
    """Return what to look for, and whether it must stand as a word of its own."""
    value = (value or "").strip()
    if len(value) < _LEAST_KNOWN:
        return []
    wanted = [(value, not _HAN.search(value))]
    if kind is Kind.PERSON_NAME and not _HAN.search(value):
        wanted += [(word, True) for word in re.split(r"[\s,.]+", value) if len(word) >= _LEAST_WORD]
    return wanted


def _expression(wanted: str, whole_word: bool) -> re.Pattern[str]:
    escaped = re.escape(wanted)
    return re.compile(rf"(?<!\w){escaped}(?!\w)" if whole_word else escaped, re.IGNORECASE)


def _is_large(column: Values) -> bool:
    return bool(as_text(column).type == pa.large_string())
