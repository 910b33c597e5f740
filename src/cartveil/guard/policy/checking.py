"""Which rules of a policy stand in it for nothing: loaded without complaint, they mislead whoever reads them."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cedarpy

from cartveil.guard.policy.answers import VIEWS
from cartveil.guard.policy.entities import Field
from cartveil.guard.policy.faults import Fault
from cartveil.guard.policy.policy import Policy
from cartveil.guard.policy.request import ROLES, Action
from cartveil.guard.policy.slices import Rule, Slice
from cartveil.guard.policy.statements import place_of
from cartveil.guard.policy.worlds import World, slices_of, worlds


@dataclass
class _Life:
    """What became of a rule over all worlds."""

    applies: bool = False
    counts: bool = False  # it permits where no rule forbids, or forbids
    alone: bool = False  # nobody else says the same there
    alike: set[str] = field(default_factory=set)  # who says the same
    against: set[str] = field(default_factory=set)  # who forbids


def find_idle_rules(policy: Policy, policies: str) -> list[Fault]:
    """Return the rules that change nothing: that never apply, are always forbidden, or say what others say.

    Each is found by asking in every world that the policy can tell apart. A forbid that no permit opposes is a safety
    net and no fault.

    Args:
        policy: A policy.
        policies: The text that it was made from, for the places.
    """
    lives = {rule.name: _Life() for rule in policy.documents}
    for role in ROLES:
        for action in Action:
            walked = list(worlds(role, action, slices_of(policy.answers, role, action)))
            for name in VIEWS.values() if action is Action.READ else [str(action)]:
                rules = policy.answers.whole(role, name)
                for applying in _applying(policy, rules, name, worlds=walked):
                    _note(lives, rules, applying)
    messages = ((rule, _message(rule, lives[rule.name])) for rule in policy.documents)
    return [Fault(place_of(policies, rule.start), rule.name, message) for rule, message in messages if message]


def _applying(policy: Policy, rules: Slice, action: str, *, worlds: Sequence[World]) -> Iterator[frozenset[str]]:
    """Yield the rules that apply together, whether they permit or forbid, for each case that they can tell apart."""
    if not rules.rules:
        return
    permitting = cedarpy.PolicySet.from_str("\n".join(map(_as_permit, rules.rules)))
    known: set[Hashable] = set()
    for world in worlds:
        fields: Sequence[Field] = world.question.fields or [None]
        sights = dict(zip(rules.sights(world.question, fields), fields, strict=True))
        new = {sight: each for sight, each in sights.items() if sight not in known}
        known |= new.keys()
        asked = [(action, each) for each in new.values()]
        if asked:
            answers = policy.answers.court.ask(permitting, world.question, asked)
            yield from (frozenset(answer.rules) for answer in answers)


def _as_permit(rule: Rule) -> str:
    """Return a rule as if it permitted: Cedar names every permit that applies, but a forbid only where it wins."""
    if rule.permits:
        return rule.text
    document: Mapping[str, object] = {**rule.document, "effect": "permit"}
    policies = {"staticPolicies": {"rule": document}, "templates": {}, "templateLinks": []}
    return str(cedarpy.policies_from_json_str(json.dumps(policies)))


def _note(lives: Mapping[str, _Life], rules: Slice, applying: frozenset[str]) -> None:
    permits = {rule.name for rule in rules.rules if rule.permits} & applying
    forbids = applying - permits
    for name in forbids:
        lives[name].applies = lives[name].counts = lives[name].alone = True
    for name in permits:
        life = lives[name]
        life.applies = True
        life.counts |= not forbids
        life.alone |= not forbids and permits == {name}
        life.against |= forbids
        life.alike |= set() if forbids else permits - {name}


def _message(rule: Rule, life: _Life) -> str | None:
    if not life.applies:
        return "can never apply: no request meets all of its conditions"
    if rule.permits and not life.counts:
        return f"can never permit: {_listed(life.against)} forbids it everywhere"
    if rule.permits and not life.alone:
        return f"changes nothing: wherever it permits, so does {_listed(life.alike)}"
    return None


def _listed(names: set[str]) -> str:
    return " or ".join(f"`{name}`" for name in sorted(names))
