"""What would have to be different: the smallest change of a refused request that a policy would permit.

The search is breadth first over single changes and then pairs, always in the same order: first what the one who asks
can do (open a case, state a purpose), last who asks. It asks the policy itself, so it can never promise what the
policy would not keep.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from cartveil.guard.policy.request import PURPOSES, ROLES, Action, Question

#: A time of day at which every shift works, for asking whether the hour is what stands in the way.
_NOON = 12


@dataclass(frozen=True)
class _Change:
    """One thing that could be different: which, and how to say it."""

    what: str
    to: object
    words: str

    def apply(self, question: Question) -> Question:
        if self.what == "purpose":
            return replace(question, purpose=str(self.to))
        if self.what == "role":
            return replace(question, role=str(self.to))
        return question.under(**{self.what: self.to})


def smallest_change(question: Question, permits: Callable[[Question], bool]) -> str | None:
    """Return the fewest changes that would permit a request, in words; None where two are not enough.

    Args:
        question: What was refused.
        permits: The policy's answer to a changed question.
    """
    changes = list(_changes(question))
    for change in changes:
        if permits(change.apply(question)):
            return change.words
    for one, other in combinations(changes, 2):
        if one.what != other.what and permits(other.apply(one.apply(question))):
            return f"{one.words} and {other.words}"
    return None


def _changes(question: Question) -> Iterator[_Change]:
    now = question.circumstances
    if not now.case_open:
        yield _Change("case_open", True, "open a case for this consumer")
    if not now.consent:
        yield _Change("consent", True, _consent(question))
    if now.hour != _NOON:
        yield _Change("hour", _NOON, "ask between 9 and 18")
    for purpose in PURPOSES:
        if purpose != question.purpose:
            yield _Change("purpose", purpose, f"state purpose `{purpose}`")
    if not now.own_record:
        yield _Change("own_record", True, _own_record(question))
    for role in ROLES:
        if role != question.role:
            yield _Change("role", role, f"ask someone with role `{role}`")


def _consent(question: Question) -> str:
    return "leave out who did not consent" if question.action is Action.EXPORT else "have the consumer's consent"


def _own_record(question: Question) -> str:
    return "ask for your own record" if question.role == "consumer" else "let the consumer ask for their own record"
