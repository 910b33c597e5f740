"""The shipped rules against the oracle, which says the same in plain Python."""

import os

import pytest

from asking import POLICY, random_requests
from cartveil.events.kinds import View
from cartveil.guard.policy import Action, Policy, Request
from guard.policy.oracle import may_act, may_reveal, view_of

#: As many requests as the nightly profile asks; the everyday one makes do with a tenth.
REQUESTS = 100_000 if os.environ.get("CARTVEIL_NIGHTLY") else 10_000


def said(policy: Policy, request: Request) -> tuple[bool, dict[str, View]]:
    decision = policy.decide(request)
    return decision.allowed, dict(decision.views)


def expected(request: Request) -> tuple[bool, dict[str, View]]:
    if request.action == Action.READ:
        views = {name: view_of(request, kind) for name, kind in request.fields}
        return set(views.values()) != {View.NONE}, views
    if request.action == Action.REVEAL:
        allowed = all(may_reveal(request, kind) for _, kind in request.fields)
        return allowed, {name: View.CLEAR if allowed else View.NONE for name, _ in request.fields}
    return may_act(request), {}


@pytest.mark.parametrize("part", range(10))
def test_the_rules_say_what_the_oracle_says(part: int) -> None:
    for request in random_requests(REQUESTS // 10, seed=part):
        assert said(POLICY, request) == expected(request), request


def test_the_random_requests_are_permitted_and_refused_for_every_action() -> None:
    outcomes = {(str(request.action), said(POLICY, request)[0]) for request in random_requests(8000, seed=99)}
    assert outcomes == {(str(action), allowed) for action in Action for allowed in (True, False)}
