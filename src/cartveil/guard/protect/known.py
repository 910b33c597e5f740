"""What a record itself knows of its person, looked for in the record's own texts."""

import re
from collections.abc import Sequence

from cartveil.events.kinds import Kind
from cartveil.events.spans import Span

#: Shorter known values, such as a name of one character, would blot out ordinary words.
_LEAST_KNOWN = 2

_LEAST_WORD = 3

_HAN = re.compile(r"[\u3400-\u9fff]")


def known_spans(text: str, kinds: Sequence[Kind], person: Sequence[str | None]) -> list[Span]:
    """Return where known values stand in a text, in any letter case; of names in an alphabet also single words.

    Args:
        text: Of the record.
        kinds: What each value is.
        person: The record's values; None where it has none.
    """
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
