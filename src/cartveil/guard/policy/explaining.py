"""Why a field is seen as it is: the rule that made it so, and the smallest change after which more would be seen."""

from dataclasses import dataclass, replace

from cartveil.events.kinds import View
from cartveil.guard.policy.answers import VIEWS
from cartveil.guard.policy.policy import Policy
from cartveil.guard.policy.request import LEAST_REASON, Action, Question, Request

_ORDER = tuple(View)


@dataclass(frozen=True)
class Explanation:
    """Why one field is seen as it is.

    Args:
        field: Its name; empty where a table as a whole was asked about.
        outcome: A view, or `allowed` or `refused`.
        rules: The rules that made it so; none where no rule speaks of it, which is a refusal.
        change: The smallest change after which more would be seen, in words; None where none is small.
        more: What would be seen then; None where nothing more can be.
    """

    field: str
    outcome: str
    rules: tuple[str, ...]
    change: str | None = None
    more: str | None = None


def explain(policy: Policy, request: Request) -> list[Explanation]:
    """Explain a policy's answer, field by field.

    Args:
        policy: Whose answer.
        request: What is asked; of a reveal each field is explained by itself, though it is granted as a whole.
    """
    question = request.question()
    if question.action in (Action.READ, Action.REVEAL):
        singly = [replace(question, fields=(field,)) for field in question.fields]
        return [_of_field(policy, each) for each in singly]
    return [_of_table(policy, question)]


def _of_table(policy: Policy, question: Question) -> Explanation:
    decision = policy.answer(question)
    outcome = "allowed" if decision.allowed else "refused"
    found = None if decision.allowed else policy.smallest_change(question)
    change, more = (None, None) if found is None else (found[0], "allowed")
    return Explanation("", outcome, decision.rules, change, more)


def _of_field(policy: Policy, question: Question) -> Explanation:
    ((name, _),) = question.fields
    view = policy.answer(question).views[name]
    rules = _rules(policy, question, view)
    if view is View.CLEAR:
        return Explanation(name, str(view), rules)

    def better(other: Question) -> bool:
        return _ORDER.index(policy.answer(other).views[name]) < _ORDER.index(view)

    found = policy.smallest_change(question, better)
    broken = question.under(break_glass=True, reason="r" * LEAST_REASON)
    if found is None and better(broken):
        found = ("break the glass, with a reason", broken)
    if found is None:
        return Explanation(name, str(view), rules)
    return Explanation(name, str(view), rules, found[0], str(policy.answer(found[1]).views[name]))


def _rules(policy: Policy, question: Question, view: View) -> tuple[str, ...]:
    """Return the rules that permit the view, or those that forbid where nothing is seen."""
    actions = ["reveal"] if question.action is Action.REVEAL else list(VIEWS.values())
    if question.action is Action.READ and view is not View.NONE:
        actions = [VIEWS[view]]
    answers = [policy.answers.ask(question, action, question.fields)[0] for action in actions]
    return tuple(sorted({rule for answer in answers for rule in answer.rules}))
