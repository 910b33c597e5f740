"""Cedar's answers to a policy's questions, each asked for once."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import cedarpy

from cartveil.events.kinds import View
from cartveil.guard.policy.entities import Descriptions, Field
from cartveil.guard.policy.request import ROLES, Action, Question
from cartveil.guard.policy.rules import Rules
from cartveil.guard.policy.slices import Rule, Slice, rules_for, slice_of

#: The views in order, with the action that permits each.
VIEWS = {
    View.CLEAR: "see_clear",
    View.MASKED: "see_masked",
    View.GENERALISED: "see_generalised",
    View.PSEUDONYM: "see_pseudonym",
}

#: Everything that a rule may speak of as an action.
ACTIONS = (*VIEWS.values(), *(str(action) for action in Action if action is not Action.READ))

#: Answers that are kept; beyond that all are forgotten and asked for anew.
_REMEMBERED = 65_536


@dataclass(frozen=True)
class Answer:
    """Cedar's answer to one question about one resource.

    Args:
        allowed: Whether it is permitted.
        rules: The rules that made it so, by `@id`.
        erred: Whether anything could not be evaluated; then it is not permitted.
        understood: Whether the schema knows what was asked.
    """

    allowed: bool
    rules: tuple[str, ...] = ()
    erred: bool = False
    understood: bool = True


_SILENCE = Answer(allowed=False)
_UNKNOWN = Answer(allowed=False, erred=True, understood=False)


@dataclass(frozen=True)
class Court:
    """Cedar with a vocabulary and descriptions: what any set of rules is asked through."""

    schema: cedarpy.Schema
    descriptions: Descriptions

    @classmethod
    def of(cls, rules: Rules) -> "Court":
        """Return the court of a policy."""
        words = frozenset().union(*(rule.words for rule in rules.each))
        return cls(rules.schema, Descriptions(rules.schema, words))

    def ask(self, policies: cedarpy.PolicySet, question: Question, asked: Sequence[tuple[str, Field]]) -> list[Answer]:
        """Ask rules about several actions and resources at once; what cannot be asked is an error.

        Args:
            policies: The rules that count.
            question: Who asks, what for, and when.
            asked: Each action, as Cedar calls it, with what it is about.
        """
        entities = self.descriptions.entities(question, [field for _, field in asked])
        if entities is None:
            return [_UNKNOWN] * len(asked)
        principal = self.descriptions.principal(question)
        context = json.dumps({"purpose": question.purpose, **question.circumstances.context()})
        requests = [
            {
                "principal": principal,
                "action": {"type": "Action", "id": action},
                "resource": self.descriptions.resource(question, field),
                "context": context,
            }
            for action, field in asked
        ]
        try:
            results = cedarpy.is_authorized_batch(requests, policies, entities, self.schema)
        except ValueError:
            return [_UNKNOWN] * len(asked)
        return [_reading(result) for result in results]


class Answers:
    """Ask Cedar, in slices, and remember.

    Guarantees:
        - An answer is the one that all rules together would give.
        - What erred is never permitted, and never remembered.
    """

    def __init__(self, rules: Rules) -> None:
        self.court = Court.of(rules)
        self._fitting = {
            (role, action): rules_for(rules.each, role, action, grouped_actions=rules.grouped_actions)
            for role in ROLES
            for action in ACTIONS
        }
        self._tables = frozenset().union(*(rule.tables or () for rule in rules.each))
        self._slices: dict[Hashable, Slice] = {}
        self._shared: dict[tuple[str, ...], Slice] = {}
        self._remembered: dict[Hashable, Answer] = {}

    def slice(self, question: Question, action: str) -> Slice:
        """Return the rules that can have a say when this role asks for this purpose under these circumstances."""
        now, purpose = question.circumstances, question.purpose
        table = question.table if question.table in self._tables else ""
        key = (question.role, action, purpose, table, now.case_open, now.consent, now.own_record, now.break_glass)
        found = self._slices.get(key)
        if found is None:
            true = {name for name, value in vars(now).items() if value is True}
            fitting = self._fitting[question.role, action]
            rules = (rule for rule in fitting if rule.purposes is None or purpose in rule.purposes)
            here = (rule for rule in rules if rule.tables is None or question.table in rule.tables)
            found = self._slices[key] = self._share(tuple(rule for rule in here if rule.claims <= true))
        return found

    def whole(self, role: str, action: str) -> Slice:
        """Return the rules that can have a say when a role asks for an action, whatever the purpose."""
        return self._share(self._fitting[role, action])

    def ask(self, question: Question, action: str, fields: Sequence[Field]) -> list[Answer]:
        """Answer one question about several fields; a field None is the table itself."""
        rules = self.slice(question, action)
        known, who = self._remembered, (question.role, action)
        sights: list[Hashable] = [(who, sight) for sight in rules.sights(question, fields)]
        missing = {sight: field for sight, field in zip(sights, fields, strict=True) if sight not in known}
        if not missing:
            return [known[sight] for sight in sights]
        new = self._ask_anew(rules, question, action, missing)
        answers = [new[sight] if sight in new else known[sight] for sight in sights]
        self._remember({sight: answer for sight, answer in new.items() if not answer.erred})
        return answers

    def _ask_anew(
        self, rules: Slice, question: Question, action: str, fields: Mapping[Hashable, Field]
    ) -> dict[Hashable, Answer]:
        spoken = {
            sight: field
            for sight, field in fields.items()
            if rules.may_permit(question, field) or rules.may_forbid(question, field)
        }
        answers = dict.fromkeys(fields, _SILENCE)
        if spoken and rules.policies is not None:
            asked = [(action, field) for field in spoken.values()]
            answers |= zip(spoken, self.court.ask(rules.policies, question, asked), strict=True)
        return answers

    def forget(self) -> None:
        """Forget every answer; each is asked for anew."""
        self._remembered = {}

    def _remember(self, new: Mapping[Hashable, Answer]) -> None:
        if len(self._remembered) + len(new) > _REMEMBERED:
            self._remembered = {}
        self._remembered.update(new)

    def _share(self, rules: tuple[Rule, ...]) -> Slice:
        names = tuple(rule.name for rule in rules)
        if names not in self._shared:
            self._shared[names] = slice_of(rules)
        return self._shared[names]


def refused(answers: Sequence[Answer]) -> list[Answer]:
    """Return answers as they count where one of them erred: that rule may be the one that forbids."""
    return [replace(answer, allowed=False, erred=True) for answer in answers]


def _reading(result: cedarpy.AuthzResult) -> Answer:
    diagnostics = result.diagnostics
    decision = result.decision
    understood = decision is not cedarpy.Decision.NoDecision
    erred = bool(diagnostics.errors) or not understood
    rules = tuple(sorted(set(diagnostics.id_annotations_by_reason.values())))
    return Answer(decision is cedarpy.Decision.Allow and not erred, rules, erred, understood)
