"""A place in a text where something personal stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cartveil.events.kinds import Kind


@dataclass(frozen=True, order=True)
class Span:
    """Characters `start` (included) to `end` (excluded) of a text hold a value of this kind."""

    start: int
    end: int
    kind: Kind
    confidence: float = 1.0


#: What finds personal information in one text. The guard takes one; who makes it is no business of the guard.
Finder = Callable[[str], list[Span]]


def find_all(finder: Finder, texts: Sequence[str]) -> list[list[Span]]:
    """Return the spans of each text; a finder that has `many` is given all at once, since a network reads them so."""
    many = getattr(finder, "many", None)
    return [finder(text) for text in texts] if many is None else many(texts)
