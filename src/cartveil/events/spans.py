"""A place in a text where something personal stands."""

from collections.abc import Callable
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
