"""Every way of asking that a policy can tell apart: what comparing and checking policies walk through.

A policy names some purposes, teams, tables and hours; all others are alike to it. So there are finitely many worlds,
and each stands for all requests that no rule distinguishes from it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from cartveil.events.kinds import Kind
from cartveil.guard.policy.answers import VIEWS, Answers
from cartveil.guard.policy.entities import Field
from cartveil.guard.policy.expressions import bodies, compared, mentions
from cartveil.guard.policy.request import PURPOSES, Action, Circumstances, Question
from cartveil.guard.policy.slices import Slice

#: Stand for whatever no rule names.
ANOTHER_TEAM, ANOTHER_TABLE, HERE, ELSEWHERE = "another team", "any table", "here", "elsewhere"

_FLAGS = ("case_open", "consent", "own_record", "break_glass")

#: Region of the one who asks and of the consumer, in words.
_REGIONS = {
    "asked from no region": ("", HERE),
    "consumer's region unknown": (HERE, ""),
    "own region": (HERE, HERE),
    "another region": (HERE, ELSEWHERE),
}


@dataclass(frozen=True)
class World:
    """One way of asking.

    Args:
        question: It, with every field.
        words: What is particular about it: `purpose`, `table`, circumstances; each as a person says it.
    """

    question: Question
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shape:
    """What is asked about: each table's name with its fields."""

    tables: Mapping[str, tuple[tuple[str, Kind], ...]]

    @classmethod
    def of_kinds(cls, slices: Sequence[Slice]) -> "Shape":
        """Return a table that has each kind once, and one like it for each table that rules name."""
        fields = tuple((str(kind), kind) for kind in Kind)
        return cls(dict.fromkeys((ANOTHER_TABLE, *_tables(slices)), fields))


def worlds(role: str, action: Action, slices: Sequence[Slice], shape: Shape | None = None) -> Iterator[World]:
    """Yield every way in which a role can ask for an action that some rule tells apart.

    Args:
        role: Who asks.
        action: What for.
        slices: The rules that can apply, of one policy or of two that are compared.
        shape: Tables and fields; every kind once if None.
    """
    axes = _axes(slices)
    whole = shape or Shape.of_kinds(slices)
    about_fields = action in (Action.READ, Action.REVEAL)
    for table, fields in whole.tables.items():
        for values in product(*axes.values()):
            words = dict(zip(axes, values, strict=True))
            question = _question(role, action, words)
            asked = fields if about_fields else ()
            yield World(_about(question, table, asked), (("table", table), *words.items()))


def slices_of(answers: Answers, role: str, action: Action) -> list[Slice]:
    """Return the rules that can have a say when a role asks for an action."""
    names = VIEWS.values() if action is Action.READ else [str(action)]
    return [answers.whole(role, name) for name in names]


def _about(question: Question, table: str, fields: Sequence[Field]) -> Question:
    return Question(**{**vars(question), "table": table, "fields": tuple(fields)})


def _axes(slices: Sequence[Slice]) -> dict[str, list[str]]:
    """Return what can differ, and each of its values in words."""
    seen = frozenset().union(*(each.words for each in slices))
    axes = {"purpose": _purposes(slices)}
    axes |= {flag: ["no", "yes"] if flag in seen else ["no"] for flag in _FLAGS}
    axes["hour"] = _hours(slices)
    conditions = [body for each in slices for rule in each.rules for body in bodies(rule.document)]
    teams = sorted(str(team) for team in compared(conditions, "team")[0])
    axes["team"] = ["no team", *teams, ANOTHER_TEAM] if mentions(conditions, "team") else ["no team"]
    axes["region"] = list(_REGIONS) if mentions(conditions, "region") else list(_REGIONS)[:1]
    return axes


def _purposes(slices: Sequence[Slice]) -> list[str]:
    if any(each.purposes is None for each in slices):
        return ["", *PURPOSES]
    named = frozenset().union(*(each.purposes or () for each in slices))
    known = [purpose for purpose in PURPOSES if purpose in named]
    return [*known, next((purpose for purpose in PURPOSES if purpose not in named), "")]


def _hours(slices: Sequence[Slice]) -> list[str]:
    """Return spans of hours that no rule tells apart, such as `7-20`."""
    if any(each.hours is None for each in slices):
        return [str(hour) for hour in range(24)]
    edges = sorted({edge for each in slices for hour in each.hours or () for edge in (hour, hour + 1) if 0 < edge < 24})
    starts = [0, *edges]
    ends = [edge - 1 for edge in (*edges, 24)]
    return [str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True)]


def _tables(slices: Sequence[Slice]) -> list[str]:
    named = {
        entity["id"] for each in slices for rule in each.rules for entity in _entities(rule.document) if "id" in entity
    }
    return sorted(named)


def _entities(value: object) -> Iterator[Mapping[str, str]]:
    """Yield every table that stands in a rule."""
    if isinstance(value, Mapping):
        if value.get("type") == "Table":
            yield value
        for part in value.values():
            yield from _entities(part)
    elif isinstance(value, list):
        for part in value:
            yield from _entities(part)


def _question(role: str, action: Action, words: Mapping[str, str]) -> Question:
    mine, theirs = _REGIONS[words["region"]]
    team = "" if words["team"] == "no team" else words["team"]
    attributes = {name: value for name, value in (("region", mine), ("team", team)) if value}
    flags = {flag: words[flag] == "yes" for flag in _FLAGS}
    now = Circumstances(
        hour=int(words["hour"].partition("-")[0]),
        reason="a reason" if flags["break_glass"] else "",
        region=theirs,
        **flags,
    )
    return Question("somebody", role, tuple(sorted(attributes.items())), action, "", (), words["purpose"], now)
