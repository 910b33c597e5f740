"""Free text without the people in it: what a finder marks, and what the record itself knows, is replaced.

By labels (`[phone]`), by masks (`138****5678`), or by surrogates: made-up values of the same culture and shape, the
same one for the same value in all texts of a consumer, so that a text still reads, and can still be counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from cartveil.errors import ColumnError
from cartveil.events.kinds import Kind
from cartveil.events.spans import Finder, Span, find_all
from cartveil.guard.protect.columns import Values, as_text, shaped_like
from cartveil.guard.protect.known import known_spans
from cartveil.guard.protect.stand_ins import LABELS, Found, Style, stand_ins

#: Texts that are read together: enough to fill a network's batches, few enough to hold.
_TOGETHER = 4096


@dataclass(frozen=True)
class Record:
    """A text and what is known beside it.

    Args:
        text: Free text.
        person: Values of the same row, one per known kind; None where it has none.
        subject: Whose text it is: surrogates are the same within a subject's texts. May stay empty, for one scope.
    """

    text: str
    person: tuple[str | None, ...] = ()
    subject: str = ""


def redact(
    column: Values,
    finder: Finder,
    *,
    known: Sequence[tuple[Kind, Values]] = (),
    style: Style = LABELS,
    subjects: Values | None = None,
) -> Values:
    """Replace personal values in texts.

    Args:
        column: Text.
        finder: Text to spans, such as `events.patterns.find_patterns`; spans may overlap. One that has `many` is
            given many texts at once.
        known: Columns of the same rows with what is known of the person: names, addresses, numbers. Their exact
            occurrences, in any letter case, and the single words of names, are replaced as well.
        style: By labels, masks or surrogates.
        subjects: (rows,) whose each text is, for surrogates; without it all texts are one scope.

    Returns:
        Text; NULL stays NULL.

    Raises:
        ColumnError: A column of known values or of subjects has another length.

    Guarantees:
        - No character of a span is left as it was, and every character outside stays.
        - Under one key the same value of one subject gets the same surrogate, in every text.
    """
    texts = as_text(column).to_pylist()
    beside = [values for _, values in known] + ([] if subjects is None else [subjects])
    if any(len(values) != len(texts) for values in beside):
        raise ColumnError("known columns and texts have different lengths")
    columns = [as_text(values).to_pylist() for values in beside]
    rows = zip(*columns, strict=True) if columns else [()] * len(texts)
    places, records = [], []
    for place, (text, row) in enumerate(zip(texts, rows, strict=True)):
        if text is not None:
            places.append(place)
            person, subject = (row, "") if subjects is None else (row[:-1], row[-1] or "")
            records.append(Record(text, person, subject))
    made: list[str | None] = [None] * len(texts)
    done = redact_records(records, finder, kinds=[kind for kind, _ in known], style=style)
    for place, text in zip(places, done, strict=True):
        made[place] = text
    return shaped_like(pa.array(made, pa.large_string() if _is_large(column) else pa.string()), column)


def redact_records(
    records: Sequence[Record],
    finder: Finder,
    *,
    kinds: Sequence[Kind] = (),
    style: Style = LABELS,
    counts: Counter[Kind] | None = None,
) -> Iterator[str]:
    """Yield the text of each record with its personal values replaced; see `redact`.

    Args:
        records: Texts with what is known beside them.
        finder: Text to spans.
        kinds: What the values of `Record.person` are.
        style: By labels, masks or surrogates.
        counts: Where to count what was replaced.
    """
    for start in range(0, len(records), _TOGETHER):
        some = records[start : start + _TOGETHER]
        distinct = list(dict.fromkeys(some))
        texts = list(dict.fromkeys(record.text for record in distinct))
        found = dict(zip(texts, find_all(finder, texts), strict=True))
        spans = [
            without_overlap([*found[record.text], *known_spans(record.text, kinds, record.person)])
            for record in distinct
        ]
        done = dict(zip(distinct, replaced(distinct, spans, kinds=kinds, style=style), strict=True))
        marked = dict(zip(distinct, spans, strict=True))
        for record in some:
            if counts is not None:
                counts.update(span.kind for span in marked[record])
            yield done[record]


def replaced(
    records: Sequence[Record], spans: Sequence[Sequence[Span]], *, kinds: Sequence[Kind] = (), style: Style = LABELS
) -> Iterator[str]:
    """Yield texts with their spans replaced.

    Args:
        records: The texts.
        spans: Of each text, from left to right, without overlap.
        kinds: What the values of `Record.person` are.
        style: By labels, masks or surrogates.
    """
    names = [place for place, kind in enumerate(kinds) if kind is Kind.PERSON_NAME]
    found = []
    for record, some in zip(records, spans, strict=True):
        people = tuple(name for place in names if (name := record.person[place]))
        found += [Found(record.text[span.start : span.end], span.kind, record.subject, people) for span in some]
    made = iter(stand_ins(found, style))
    for record, some in zip(records, spans, strict=True):
        parts, at = [], 0
        for span in some:
            parts += [record.text[at : span.start], next(made)]
            at = span.end
        yield "".join([*parts, record.text[at:]])


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


def _is_large(column: Values) -> bool:
    return bool(as_text(column).type == pa.large_string())
