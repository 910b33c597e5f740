"""Long texts in pieces: a network reads a bounded stretch at a time, cut where a sentence or at least a clause ends.

>>> pieces("一二三。四五六七", 5)
[(0, 4), (4, 8)]
"""

import re
from collections.abc import Sequence

#: Where a text may be cut, the better places first.
_ENDS = (re.compile(r"[\n\r。！？!?]+"), re.compile(r"[;；]+|\.\s|\t"), re.compile(r"[,，、:：\s]+"))


def pieces(text: str, limit: int, *, uncut: Sequence[tuple[int, int]] = ()) -> list[tuple[int, int]]:
    """Return (start, end) of the pieces of a text, in order and without a gap; an empty text has none.

    Args:
        text: To cut.
        limit: Longest piece, in characters.
        uncut: Stretches that no cut may fall into, in order; they may make a piece longer than the limit.

    Guarantees:
        - The pieces joined are the text.
        - A text without any punctuation is cut all the same.
    """
    if len(text) <= limit:
        return [(0, len(text))] if text else []
    found, start = [], 0
    while len(text) - start > limit:
        end = _apart(_cut(text, start, start + limit), uncut)
        found.append((start, end))
        start = end
    return [*found, (start, len(text))] if start < len(text) else found


def _cut(text: str, start: int, stop: int) -> int:
    """Return the best place to end a piece that may reach `stop`."""
    for ends in _ENDS:
        last = 0
        for match in ends.finditer(text, start + (stop - start) // 3, stop):
            last = match.end()
        if last > start:
            return last
    return stop


def _apart(place: int, uncut: Sequence[tuple[int, int]]) -> int:
    return next((end for begin, end in uncut if begin < place < end), place)
