"""The one question of the guard: may this be done, and what of it may be seen.

>>> policy = Policy.load()
>>> anna = Principal("anna", "support")
>>> asked = Request(anna, "read", "customers", (("name", Kind.PERSON_NAME),), "support")
>>> policy.decide(asked).views["name"]
<View.MASKED: 'masked'>
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from cartveil.errors import SchemaError
from cartveil.events.kinds import Kind, View
from cartveil.guard.policy.answers import VIEWS, Answer, Answers, refused
from cartveil.guard.policy.change import smallest_change
from cartveil.guard.policy.expressions import bodies, compared
from cartveil.guard.policy.request import Action, Decision, Principal, Question, Request
from cartveil.guard.policy.rules import Rules, load_rules, parse_rules
from cartveil.guard.policy.slices import Rule

_REMEMBERED = 8192

#: Said where even two changes would not be enough.
NO_SMALL_CHANGE = "no two ordinary changes of this request would permit it; ask whoever keeps the policy"


class Policy:
    """Decide, by Cedar rules, over requests.

    Guarantees:
        - What no rule permits is refused; so is everything where a rule errs.
        - Equal requests get equal decisions; nothing but the request counts.
        - The rules fit their schema, or there is no policy.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._answers = Answers(rules)
        conditions = [body for rule in rules.each for body in bodies(rule.document)]
        self._teams = tuple(sorted(word for word in compared(conditions, "team")[0] if isinstance(word, str)))
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
        return tuple(sorted(rule.name for rule in self._rules.each))

    @property
    def documents(self) -> tuple[Rule, ...]:
        """Return all rules in the order of the policy's text."""
        return self._rules.each

    @property
    def answers(self) -> Answers:
        """Return the rules in slices, for whoever compares or explains policies."""
        return self._answers

    def decide(self, request: Request) -> Decision:
        """Answer one request.

        Args:
            request: Who asks for what, why, and under which circumstances.

        Returns:
            Whether it is permitted and which view of each field; a refusal says why, and what would permit it.
        """
        return self._remembered(request.question())

    def smallest_change(
        self, question: Question, permits: Callable[[Question], bool] | None = None
    ) -> tuple[str, Question] | None:
        """Return the fewest ordinary changes that would permit a request, in words and made; see `change`.

        Args:
            question: What was asked.
            permits: Whether a changed question is good enough; that it is permitted, if None.
        """
        enough = permits or (lambda other: self.answer(other).allowed)
        return smallest_change(question, enough, teams=self._teams)

    def _decide(self, question: Question) -> Decision:
        decision = self.answer(question)
        return decision if decision.allowed else replace(decision, explain=partial(self._hint, question))

    def _hint(self, question: Question) -> str:
        found = self.smallest_change(question)
        return NO_SMALL_CHANGE if found is None else found[0]

    def answer(self, question: Question) -> Decision:
        """Answer a question without remembering it."""
        match question.action:
            case Action.READ:
                return self._read(question)
            case Action.REVEAL:
                return self._reveal(question)
            case _:  # everything else is asked of a table as a whole
                (answer,) = self._answers.ask(question, str(question.action), [None])
                return _decision(question, answer.allowed, {}, [answer])

    def _read(self, question: Question) -> Decision:
        hidden = dict.fromkeys(_names(question), View.NONE)
        answers = self._unless_safe(question)
        views, made = (hidden, answers) if answers else self._strongest(question)
        if any(answer.erred for answer in made):
            # The rule that erred may be the one that forbids another view.
            return _decision(question, False, hidden, refused(made))
        if answers:
            views, made = self._strongest(question)
        return _decision(question, bool(made), views, made or self._forbidding(question))

    def _forbidding(self, question: Question) -> list[Answer]:
        """Return the answers that say why nothing is shown."""
        # A rule that forbids what another one would permit says most; only where there is none is everything asked.
        hopeful = [answer for action in VIEWS.values() for answer in self._hopeful(question, action)]
        return hopeful if any(answer.rules for answer in hopeful) else self._every_view(question)

    def _hopeful(self, question: Question, action: str) -> list[Answer]:
        rules = self._answers.slice(question, action)
        fields = [field for field in question.fields if rules.may_permit(question, field)]
        return self._answers.ask(question, action, fields) if fields else []

    def _strongest(self, question: Question) -> tuple[dict[str, View], list[Answer]]:
        """Return the strongest view of each field, and the answers that permit one, or err."""
        views = dict.fromkeys(_names(question), View.NONE)
        made: list[Answer] = []
        for view, action in VIEWS.items():
            # A weaker view of a field that is shown would change nothing, nor would one that no rule permits.
            rules = self._answers.slice(question, action)
            hidden = [field for field in question.fields if views[field[0]] is View.NONE]
            hopeful = [field for field in hidden if rules.may_permit(question, field)]
            answers = self._answers.ask(question, action, hopeful) if hopeful else []
            made += [answer for answer in answers if answer.allowed or answer.erred]
            views |= {name: view for (name, _), answer in zip(hopeful, answers, strict=True) if answer.allowed}
        return views, made

    def _unless_safe(self, question: Question) -> list[Answer]:
        """Return the answers about every view where a rule could err; none where none can."""
        risky = any(self._answers.slice(question, action).can_err for action in VIEWS.values())
        return self._every_view(question) if risky else []

    def _every_view(self, question: Question) -> list[Answer]:
        return [each for action in VIEWS.values() for each in self._answers.ask(question, action, question.fields)]

    def _reveal(self, question: Question) -> Decision:
        answers = self._answers.ask(question, "reveal", question.fields)
        allowed = bool(answers) and all(answer.allowed for answer in answers)
        views = dict.fromkeys(_names(question), View.CLEAR if allowed else View.NONE)
        return _decision(question, allowed, views, answers)

    def _probe(self) -> None:
        """Refuse a schema that lacks an action or a circumstance: every answer would be an error."""
        anybody = Principal("probe", "support", {"team": "probe", "region": "probe"})
        for action in Action:
            field = ("probe", Kind.OTHER)
            question = Request(anybody, action, "probe", (field,), "support", {"region": "probe"}).question()
            actions = list(VIEWS.values()) if action is Action.READ else [str(action)]
            about = field if action in (Action.READ, Action.REVEAL) else None
            answers = self._answers.court.ask(self._rules.policies, question, [(name, about) for name in actions])
            if not all(answer.understood for answer in answers):
                hint = "start from the shipped `retail.cedarschema`, which has every word that Cartveil asks with"
                raise SchemaError(f"schema does not let anyone ask for `{action}`", path="policy", hint=hint)


def _names(question: Question) -> list[str]:
    return [name for name, _ in question.fields]


def _decision(question: Question, allowed: bool, views: Mapping[str, View], answers: Sequence[Answer]) -> Decision:
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
