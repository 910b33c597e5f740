"""The hint after a refusal: true, smallest, always the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from asking import POLICY, decide, questions
from cartveil.guard.policy import Policy, Principal, Request
from cartveil.guard.policy.change import smallest_change
from cartveil.guard.policy.policy import NO_SMALL_CHANGE


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        (("support", "read", "support", "phone"), "open a case for this consumer"),
        (("support", "read", "marketing", "phone"), "open a case for this consumer and state purpose `support`"),
        (("support", "read", "marketing", "amount"), "state purpose `support`"),
        (("data_science", "export", "recommendation", ""), "leave out who did not consent"),
        (("admin", "read", "support", "amount"), "ask someone with role `support`"),
        (("support", "read", "support", "minor_flag"), NO_SMALL_CHANGE),
    ],
)
def test_hint_in_words(asked: tuple[str, str, str, str], hint: str) -> None:
    role, action, purpose, fields = asked
    assert decide(role, action, purpose, fields=fields).hint == hint


@settings(max_examples=40, deadline=None)
@given(questions)
def test_hint_is_smallest(request: Request) -> None:
    decision = POLICY.decide(request)
    tried: list[int] = []
    question = request.question()

    def differences(other) -> int:
        now, then = question.circumstances, other.circumstances
        changed = sum(getattr(now, name) != getattr(then, name) for name in vars(now))
        changed += question.attributes != other.attributes
        return changed + (question.role != other.role) + (question.purpose != other.purpose)

    def permits(other) -> bool:
        tried.append(differences(other))
        return POLICY.answer(other).allowed

    if decision.allowed:
        return
    found = smallest_change(question, permits)
    assert (NO_SMALL_CHANGE if found is None else found[0]) == decision.hint
    assert tried == sorted(tried), "fewer changes are tried first"


def test_hint_repeats_whatever_was_asked_before() -> None:
    asked = Request(Principal("anna", "support"), "read", "customers", (), "support")
    assert Policy.load().decide(asked) == Policy.load().decide(replace(asked))
