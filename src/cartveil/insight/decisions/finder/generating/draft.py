"""A text in the making: pieces, each with a label or none, that become an example.

>>> written([("找", None), ("张伟", "person")]).spans
(Labelled(start=1, end=3, label='person'),)
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random

from cartveil.insight.decisions.finder.examples import Example, Labelled

#: Some characters and what they are to be found as.
Piece = tuple[str, str | None]

#: Draws what stands in one slot of a template.
Slot = Callable[[Random], list[Piece]]

_SLOT = re.compile(r"\{(\w+)\}")


def written(pieces: Sequence[Piece]) -> Example:
    """Return the text of the pieces with their labels; empty pieces leave no trace."""
    spans, at = [], 0
    for text, label in pieces:
        if label and text:
            spans.append(Labelled(at, at + len(text), label))
        at += len(text)
    return Example("".join(text for text, _ in pieces), tuple(spans))


def filled(template: str, slots: Mapping[str, Slot], random: Random) -> list[Piece]:
    """Return the pieces of a template such as `找{person}`, each slot drawn anew."""
    pieces: list[Piece] = []
    for number, part in enumerate(_parts(template)):
        if number % 2:
            pieces += slots[part](random)
        elif part:
            pieces.append((part, None))
    return pieces


def skewed(random: Random, choices: Sequence[str], power: float = 2.0) -> str:
    """Draw one; those that stand first are drawn more often, as in life."""
    return choices[int(len(choices) * random.random() ** power)]


@cache
def _parts(template: str) -> tuple[str, ...]:
    return tuple(_SLOT.split(template))
