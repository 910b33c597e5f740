"""The one question of the guard: may this be done, and what of it may be seen.

>>> policy = Policy.load()
>>> anna = Principal("anna", "support")
>>> asked = Request(anna, "read", "customers", (("name", Kind.PERSON_NAME),), "support")
>>> policy.decide(asked).views["name"]
<View.MASKED: 'masked'>
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cedarpy

from cartveil.errors import SchemaError
from cartveil.events.kinds import Kind, View
from cartveil.guard.policy.change import smallest_change
from cartveil.guard.policy.request import Action, Decision, Principal, Question, Request
from cartveil.guard.policy.rules import Rules, load_rules, parse_rules

#: The views in order, with the action that permits each.
_VIEWS = {
    View.CLEAR: "see_clear",
    View.MASKED: "see_masked",
    View.GENERALISED: "see_generalised",
    View.PSEUDONYM: "see_pseudonym",
}

_REMEMBERED = 8192

#: Said where even two changes would not be enough.
NO_SMALL_CHANGE = "no two changes of this request would permit it; ask whoever keeps the policy"


@dataclass(frozen=True)
class _Answer:
    """Cedar's answer to one question about one resource."""

    allowed: bool
    rules: tuple[str, ...] = ()
    erred: bool = False
    understood: bool = True  # whether the schema knows what was asked


class Policy:
    """Decide, by Cedar rules, over requests.

    Guarantees:
        - What no rule permits is refused; so is everything where a rule errs.
        - Equal requests get equal decisions; nothing but the request counts.
        - The rules fit their schema, or there is no policy.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._remembered: Callable[[Question], Decision] = lru_cache(maxsize=_REMEMBERED)(self._decide)
        self._probe()

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Policy":
        """Load a policy; see `load_rules`."""
        return cls(load_rules(None if path is None else Path(path)))

    @classmethod
    def parse(cls, policies: str, schema: str, *, name: str = "policy") -> "Policy":
        """Load a policy from text."""
        return cls(parse_rules(policies, schema, name=name))

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the names of all rules."""
        return self._rules.names

    def decide(self, request: Request) -> Decision:
        """Answer one request.

        Args:
            request: Who asks for what, why, and under which circumstances.

        Returns:
            Whether it is permitted and which view of each field; a refusal says why, and what would permit it.
        """
        return self._remembered(request.question())

    def _decide(self, question: Question) -> Decision:
        decision = self._answer(question)
        if decision.allowed:
            return decision
        hint = smallest_change(question, lambda other: self._answer(other).allowed)
        return replace(decision, hint=hint or NO_SMALL_CHANGE)

    def _answer(self, question: Question) -> Decision:
        match question.action:
            case Action.READ:
                return self._read(question)
            case Action.REVEAL:
                return self._reveal(question)
            case Action.PUT | Action.EXPORT | Action.ERASE | Action.AUDIT:
                (answer,) = self._ask(question, [(str(question.action), _table(question))])
                return _decision(question, answer.allowed, {}, [answer])

    def _read(self, question: Question) -> Decision:
        asked = [(action, _field(question, name)) for name, _ in question.fields for action in _VIEWS.values()]
        answers = self._ask(question, asked)
        views: dict[str, View] = {}
        made: list[_Answer] = []
        for place, (name, _) in enumerate(question.fields):
            of_field = dict(zip(_VIEWS, answers[place * len(_VIEWS) :], strict=False))
            views[name] = next((view for view, answer in of_field.items() if answer.allowed), View.NONE)
            made += [of_field[views[name]]] if views[name] in of_field else of_field.values()
        return _decision(question, any(view is not View.NONE for view in views.values()), views, made)

    def _reveal(self, question: Question) -> Decision:
        answers = self._ask(question, [("reveal", _field(question, name)) for name, _ in question.fields])
        allowed = bool(answers) and all(answer.allowed for answer in answers)
        views = {name: View.CLEAR if allowed else View.NONE for name, _ in question.fields}
        return _decision(question, allowed, views, answers)

    def _ask(self, question: Question, asked: Sequence[tuple[str, dict[str, str]]]) -> list[_Answer]:
        """Ask Cedar about several actions and resources at once; an error is a refusal."""
        circumstances = question.circumstances
        context = json.dumps({"purpose": question.purpose, **vars(circumstances)})
        principal = {"type": "User", "id": question.name}
        requests = [
            {
                "principal": principal,
                "action": {"type": "Action", "id": action},
                "resource": resource,
                "context": context,
            }
            for action, resource in asked
        ]
        try:
            entities = self._rules.entities.with_added_json_str(_entities(question), self._rules.schema)
        except ValueError:
            return [_Answer(allowed=False, erred=True, understood=False)] * len(requests)
        results = cedarpy.is_authorized_batch(requests, self._rules.policies, entities, self._rules.schema)
        answers = [_reading(result) for result in results]
        if any(answer.erred for answer in answers):
            # A rule that erred may be the one that forbids: nothing of the request is permitted then.
            return [replace(answer, allowed=False, erred=True) for answer in answers]
        return answers

    def _probe(self) -> None:
        """Refuse a schema that lacks an action or a circumstance: every answer would be an error."""
        anybody = Principal("probe", "support")
        for action in Action:
            question = Request(anybody, action, "probe", (("probe", Kind.OTHER),), "support").question()
            actions = list(_VIEWS.values()) if action is Action.READ else [str(action)]
            about_field = action in (Action.READ, Action.REVEAL)
            resource = _field(question, "probe") if about_field else _table(question)
            if not all(answer.understood for answer in self._ask(question, [(name, resource) for name in actions])):
                raise SchemaError(f"schema does not let anyone ask for `{action}`", path="policy")


def _reading(result: cedarpy.AuthzResult) -> _Answer:
    diagnostics = result.diagnostics
    understood = result.decision is not cedarpy.Decision.NoDecision
    erred = bool(diagnostics.errors) or not understood
    rules = tuple(sorted(set(diagnostics.id_annotations_by_reason.values())))
    return _Answer(bool(result.allowed) and not erred, rules, erred, understood)


def _decision(question: Question, allowed: bool, views: Mapping[str, View], answers: Sequence[_Answer]) -> Decision:
    rules = tuple(sorted({rule for answer in answers if answer.allowed is allowed for rule in answer.rules}))
    refusal = None if allowed else _refusal(question, rules, erred=any(answer.erred for answer in answers))
    return Decision(allowed, views, rules, refusal)


def _refusal(question: Question, rules: tuple[str, ...], *, erred: bool) -> str:
    purpose = f" for purpose `{question.purpose}`" if question.purpose else ""
    what = f"`{question.action}` of `{question.table}`" if question.table else f"`{question.action}`"
    asked = f"{what} by role `{question.role}`{purpose}"
    if erred:
        return f"{asked} is refused because the policy could not be evaluated"
    if rules:
        return f"{asked} is forbidden by rule `{rules[0]}`"
    return f"no rule permits {asked}"


def _field(question: Question, name: str) -> dict[str, str]:
    return {"type": "Field", "id": f"{question.table}.{name}"}


def _table(question: Question) -> dict[str, str]:
    return {"type": "Table", "id": question.table}


def _entities(question: Question) -> str:
    """Return who asks and what is asked for, as Cedar reads entities."""
    user = {
        "uid": {"type": "User", "id": question.name},
        "attrs": dict(question.attributes),
        "parents": [{"type": "Role", "id": question.role}],
    }
    table = {"uid": _table(question), "attrs": {}, "parents": []}
    fields = [
        {"uid": _field(question, name), "attrs": {}, "parents": [{"type": "Kind", "id": str(kind)}, _table(question)]}
        for name, kind in question.fields
    ]
    return json.dumps([user, table, *fields])
