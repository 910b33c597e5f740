"""What would have to be different: the smallest change of a refused request that a policy would permit.

The search is breadth first over single changes and then pairs, always in the same order: first what the one who asks
can do (open a case, state a purpose), last who asks. It asks the policy itself, so it can never promise what the
policy would not keep. Breaking the glass is no ordinary change and is never proposed.
"""

from collections.abc import Callable, Iterable, Iterator
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
        if self.what in ("team", "region"):
            attributes = {**dict(question.attributes), self.what: str(self.to)}
            return replace(question, attributes=tuple(sorted(attributes.items())))
        return question.under(**{self.what: self.to})


def smallest_change(
    question: Question, permits: Callable[[Question], bool], *, teams: Iterable[str] = ()
) -> tuple[str, Question] | None:
    """Return the fewest changes that would permit a request, in words and made; None where two are not enough.

    Args:
        question: What was refused.
        permits: The policy's answer to a changed question.
        teams: Teams that the policy speaks of.
    """
    changes = list(_changes(question, teams))
    for change in changes:
        changed = change.apply(question)
        if permits(changed):
            return change.words, changed
    for one, other in combinations(changes, 2):
        changed = other.apply(one.apply(question))
        if one.what != other.what and permits(changed):
            return f"{one.words} and {other.words}", changed
    return None


def _changes(question: Question, teams: Iterable[str]) -> Iterator[_Change]:
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
    yield from _colleagues(question, teams)
    if not now.own_record:
        yield _Change("own_record", True, _own_record(question))
    for role in ROLES:
        if role != question.role:
            yield _Change("role", role, f"ask someone with role `{role}`")


def _colleagues(question: Question, teams: Iterable[str]) -> Iterator[_Change]:
    """Yield the same request by somebody of the same role, elsewhere or in another team."""
    mine, region = dict(question.attributes), question.circumstances.region
    if region and mine.get("region", region) != region:
        yield _Change("region", region, "ask a colleague of the consumer's region")
    for team in teams:
        if mine.get("team") != team:
            yield _Change("team", team, f"ask someone of team `{team}`")


def _consent(question: Question) -> str:
    return "leave out who did not consent" if question.action is Action.EXPORT else "have the consumer's consent"


def _own_record(question: Question) -> str:
    return "ask for your own record" if question.role == "consumer" else "let the consumer ask for their own record"
