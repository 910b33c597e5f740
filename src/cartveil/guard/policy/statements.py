"""A policy's text cut into its statements, and the place of what Cedar could not read.

Cedar says what was unexpected, not where; a person who wrote three hundred rules needs the line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import cedarpy

#: Texts, comments and single characters of Cedar, in the order in which they are tried.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|\s+|[A-Za-z_]\w*|\d+|==|!=|<=|>=|&&|\|\||::|.', re.DOTALL)
_UNEXPECTED = re.compile(r"unexpected token `(.*)`", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True)
class Statement:
    """One policy of a text, from its first annotation to its semicolon."""

    text: str
    start: int


def statements(policies: str) -> list[Statement]:
    """Return the policies of a text in order; what follows the last semicolon is one more if it is not blank."""
    found: list[Statement] = []
    start: int | None = None
    end = 0
    for place, word in _tokens(policies):
        if start is None:
            start = place
        end = place + len(word)
        if word == ";":
            found.append(Statement(policies[start:end], start))
            start = None
    return found if start is None else [*found, Statement(policies[start:end], start)]


def place_of(policies: str, offset: int) -> Place:
    """Return line and column of a character."""
    before = policies[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def misread(policies: str) -> tuple[Place, str] | None:
    """Return where the first statement that Cedar cannot read goes wrong, and what Cedar says; None if all are read."""
    for statement in statements(policies):
        problem = _problem(statement.text)
        if problem:
            return place_of(policies, statement.start + _offset(statement.text, problem)), problem
    return None


def _offset(text: str, problem: str) -> int:
    """Return where in a statement Cedar stumbles.

    It complains of the first token that it cannot take. Put another such token in the place of one of its kind: if
    Cedar then complains of the other, that place comes no later than the one we look for.
    """
    unexpected = _UNEXPECTED.search(problem)
    if unexpected is None:
        return len(text) if "end of input" in problem else 0
    other = "]" if unexpected[1] != "]" else ")"
    alike = [place for place, token in _tokens(text) if token == unexpected[1]]
    for place in reversed(alike):
        changed = f"{text[:place]}{other}{text[place + len(unexpected[1]) :]}"
        if _problem(changed) == f"unexpected token `{other}`":
            return place
    return 0


def _problem(text: str) -> str | None:
    try:
        cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        return str(error).strip()
    return None


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Yield place and text of each token that is neither blank nor a comment."""
    for match in _TOKEN.finditer(text):
        token = match[0]
        if not token.isspace() and not token.startswith("//"):
            yield match.start(), token
