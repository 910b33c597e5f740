"""Which rules can have a say in a question, and what of the question those rules can see at all.

A policy of a thousand rules is slow to ask as a whole, and most of its rules speak of somebody else. So rules are laid
out by role, action and purpose; and two questions that differ only in what no rule of a slice looks at have one
answer. Both are exact: a rule whose scope or plain condition does not hold has no say, and a rule cannot tell apart
what it does not name. A rule that could err is left out by its scope alone, since Cedar never looks further there.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import cedarpy

from cartveil.guard.policy.entities import Field
from cartveil.guard.policy.expressions import (
    CAN_ERR,
    SEES_ALL,
    Expression,
    bodies,
    claimed,
    compared,
    conjuncts,
    needs,
    places,
    problems,
    purposes,
    texts,
)
from cartveil.guard.policy.request import Circumstances, Question

_CIRCUMSTANCES = tuple(name for name in Circumstances.__dataclass_fields__ if name != "hour")

#: An action that belongs to a group of actions, in the text of a schema.
_GROUPED_ACTION = re.compile(r'\baction\b[\w\s,"]*\bin\b')


@dataclass(frozen=True)
class Rule:
    """One rule.

    Args:
        name: Its `@id`.
        permits: Whether it permits; otherwise it forbids.
        text: As it was written.
        start: The place of its first character in the policy's text.
        document: Cedar's JSON form of it.
    """

    name: str
    permits: bool
    text: str
    start: int
    document: Mapping[str, Any]

    @cached_property
    def words(self) -> frozenset[str]:
        """Return every text that stands in the rule: names of attributes and types, ids, literals."""
        return frozenset(texts([self.document[part] for part in ("principal", "action", "resource", "conditions")]))

    @cached_property
    def problems(self) -> frozenset[str]:
        """Return what keeps the rule from being left out or generalised."""
        return frozenset(problem for body in bodies(self.document) for problem in problems(body))

    @cached_property
    def purposes(self) -> frozenset[str] | None:
        """Return the purposes for which alone the rule can apply; None where it can for any."""
        return self._wanted(purposes)

    @cached_property
    def roles(self) -> frozenset[str] | None:
        """Return the roles for which alone the rule can apply; None where it can for any."""
        found = self._wanted(partial(places, of="principal"))
        if found is None or {kind for kind, _ in found} != {"Role"}:
            return None
        return frozenset(name for _, name in found)

    @cached_property
    def claims(self) -> frozenset[str]:
        """Return the circumstances that have to be true before the rule can apply."""
        return frozenset(name for name in map(claimed, self._needed) if name is not None)

    @cached_property
    def places(self) -> frozenset[str] | None:
        """Return the kinds, groups, tables and fields in one of which a resource has to be; None where any will do."""
        # Rules are laid out by table anyway, so what else is named tells more.
        narrow = sorted(self._places, key=lambda where: ("Table" in {kind for kind, _ in where}, len(where)))
        return frozenset(name for _, name in narrow[0]) if narrow else None

    @cached_property
    def tables(self) -> frozenset[str] | None:
        """Return the tables in one of which a resource has to be; None where any will do."""
        only = (each for each in self._places if {kind for kind, _ in each} == {"Table"})
        return next((frozenset(name for _, name in each) for each in only), None)

    @cached_property
    def _places(self) -> list[frozenset[tuple[str, str]]]:
        scope = self.document["resource"]
        entity = scope.get("entity") if scope["op"] in ("in", "==") else None
        scoped = [frozenset([(entity["type"], entity["id"])])] if entity else []
        return scoped + [where for where in (needs(each, places) for each in self._needed) if where is not None]

    def _wanted(self, leaf: Callable[[Expression], frozenset[Any] | None]) -> frozenset[Any] | None:
        found = (needs(each, leaf) for each in self._needed)
        return next((each for each in found if each is not None), None)

    @property
    def _needed(self) -> list[Expression]:
        return [] if self.problems else list(conjuncts(self.document))


@dataclass(frozen=True)
class Slice:
    """The rules that can have a say when a role asks for an action and a purpose.

    Args:
        policies: Parsed; None where no rule can apply.
        rules: The same, one by one.
        words: Every text that stands in them.
        permits: Kinds, groups and tables that those of them speak of which permit; None where one speaks of all.
        forbids: The same of those which forbid.
        problems: Those of the rules.
        circumstances: Those that they name, but for the hour.
        hours: What the hour is compared with, in order; None where it is used in another way.
        purposes: What the purpose is compared with; None where it is used in another way.
    """

    policies: cedarpy.PolicySet | None
    rules: tuple[Rule, ...]
    words: frozenset[str]
    permits: frozenset[str] | None
    forbids: frozenset[str] | None
    problems: frozenset[str]
    circumstances: tuple[str, ...]
    hours: tuple[int, ...] | None
    purposes: frozenset[str] | None

    @property
    def can_err(self) -> bool:
        """Return whether a rule could fail to be evaluated."""
        return CAN_ERR in self.problems

    def may_permit(self, question: Question, field: Field) -> bool:
        """Return whether a rule that permits can apply to a field."""
        return _is_in(self.permits, question.table, field)

    def may_forbid(self, question: Question, field: Field) -> bool:
        """Return whether a rule that forbids can apply to a field."""
        return _is_in(self.forbids, question.table, field)

    def sights(self, question: Question, fields: Sequence[Field]) -> list[Hashable]:
        """Return what these rules can see of a question about each field; where it is equal, so is the answer."""
        if SEES_ALL in self.problems:
            return [(question, field) for field in fields]
        now, words, table = vars(question.circumstances), self.words, question.table
        common = (
            question.name if question.name in words else None,
            tuple([pair for pair in question.attributes if pair[0] in words]),
            question.purpose if self.purposes is None or question.purpose in self.purposes else None,
            tuple([now[name] for name in self.circumstances]),
            now["hour"] if self.hours is None else _between(now["hour"], self.hours),
            table if table in words else None,
        )
        return [(common, *self._sight(table, field)) for field in fields]

    def _sight(self, table: str, field: Field) -> tuple[str | None, ...]:
        if field is None:
            return ()
        name, kind = field
        what, group = f"{table}.{name}", kind.sensitivity
        words = self.words
        return what if what in words else None, kind if kind in words else None, group if group in words else None


def rules_for(rules: Sequence[Rule], role: str, action: str, *, grouped_actions: bool) -> tuple[Rule, ...]:
    """Return the rules that fit a role and one of Cedar's actions.

    Args:
        rules: All rules of the policy.
        role: A user has this role and no other.
        action: As Cedar calls it.
        grouped_actions: Whether the schema knows groups of actions; then `action in` can mean any.
    """
    fitting = (rule for rule in rules if _fits(rule.document, role, action, grouped=grouped_actions))
    return tuple(rule for rule in fitting if rule.roles is None or role in rule.roles)


def slice_of(rules: Sequence[Rule]) -> Slice:
    """Return these rules as a slice."""
    words = frozenset().union(*(rule.words for rule in rules))
    conditions = [body for rule in rules for body in bodies(rule.document)]
    (hours, hours_only), (purposes, purposes_only) = compared(conditions, "hour"), compared(conditions, "purpose")
    return Slice(
        # The text of a rule is parsed faster than its JSON form.
        cedarpy.PolicySet.from_str("\n".join(rule.text for rule in rules)) if rules else None,
        tuple(rules),
        words,
        permits=_together([rule.places for rule in rules if rule.permits]),
        forbids=_together([rule.places for rule in rules if not rule.permits]),
        problems=frozenset().union(*(rule.problems for rule in rules)),
        circumstances=tuple(name for name in _CIRCUMSTANCES if name in words),
        hours=tuple(sorted(hours)) if hours_only else None,
        purposes=frozenset(purposes) if purposes_only else None,
    )


def groups_actions(schema: str) -> bool:
    """Return whether the text of a schema makes an action part of a group."""
    return _GROUPED_ACTION.search(re.sub(r"//[^\n]*", "", schema)) is not None


def _together(places: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    return None if None in places else frozenset().union(*(each for each in places if each is not None))


def _is_in(places: frozenset[str] | None, table: str, field: Field) -> bool:
    if places is None:
        return True
    if not places or field is None:
        return table in places
    name, kind = field
    return kind in places or kind.sensitivity in places or table in places or f"{table}.{name}" in places


def _between(hour: int, hours: Sequence[int]) -> tuple[int, int]:
    """Return where an hour stands among those that it is compared with; no comparison tells more."""
    return bisect_left(hours, hour), bisect_right(hours, hour)


def _fits(document: Mapping[str, Any], role: str, action: str, *, grouped: bool) -> bool:
    principal, act = document["principal"], document["action"]
    if principal["op"] == "in":
        entity = principal.get("entity") or {}
        if entity.get("type") == "Role" and entity.get("id") != role:
            return False
    named = act.get("entities") or [act[part] for part in ("entity",) if part in act]
    if act["op"] == "==":
        return any(entity["id"] == action for entity in named)
    return act["op"] != "in" or grouped or any(entity["id"] == action for entity in named)
