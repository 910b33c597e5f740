"""Whatever goes wrong while deciding, nothing is permitted."""

from importlib.resources import files

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking import questions
from cartveil.errors import InputError
from cartveil.events.kinds import Kind, View
from cartveil.guard.policy import Policy, Principal, Request
from cartveil.guard.policy.answers import Court
from cartveil.guard.policy.request import Question

SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()
ALL = '@id("all") permit (principal, action, resource);'
OVERFLOW = "context.hour + 9223372036854775807 > 0"


@settings(max_examples=60, deadline=None)
@given(questions, st.sampled_from(["permit", "forbid"]), st.sampled_from(["when", "unless"]))
def test_a_rule_that_errs_permits_nothing(request: Request, effect: str, condition: str) -> None:
    rules = f'{ALL} @id("errs") {effect} (principal, action, resource) {condition} {{ {OVERFLOW} }};'
    decision = Policy.parse(rules, SCHEMA).decide(request)
    overflows = int(str(request.context["hour"])) > 0
    assert decision.allowed is not overflows or (effect, condition) == ("forbid", "when")
    if overflows:
        assert set(decision.views.values()) <= {View.NONE}
        assert "could not be evaluated" in (decision.refusal or "")


@settings(max_examples=40, deadline=None)
@given(questions)
def test_what_cannot_be_described_is_refused(request: Request) -> None:
    torn = Question(**{**vars(request.question()), "table": "half \ud800"})
    assert not Policy.parse(ALL, SCHEMA).answer(torn).allowed
    with pytest.raises(InputError):
        Request(request.principal, "read", "half \ud800")
    with pytest.raises(InputError):
        Request(request.principal, "read", "t", (("half \ud800", Kind.PHONE),))


@settings(max_examples=30, deadline=None)
@given(questions)
def test_a_circumstance_of_another_type_is_refused(request: Request) -> None:
    policy, question = Policy.parse(ALL, SCHEMA), request.question()
    for wrong in ({"hour": "12"}, {"case_open": "yes"}, {"reason": 3}, {"break_glass": None}):
        assert not policy.answer(question.under(**wrong)).allowed


@pytest.mark.parametrize("answer", ["NoDecision", "error", "raise"])
def test_an_answer_that_is_none_permits_nothing(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    def odd(requests, *_):
        if answer == "raise":
            raise ValueError("cedar is out of order")
        errors = ["rule could not be evaluated"] if answer == "error" else []
        decision = "Allow" if answer == "error" else answer
        diagnostics = {"reason": [], "errors": errors}
        return [cedarpy.AuthzResult({"decision": decision, "diagnostics": diagnostics}) for _ in requests]

    policy = Policy.parse(ALL, SCHEMA)
    asked = Request(Principal("a", "support"), "read", "t", (("p", Kind.PHONE), ("m", Kind.AMOUNT)), "support")
    monkeypatch.setattr(cedarpy, "is_authorized_batch", odd)
    for action in ("read", "reveal", "put", "export", "erase"):
        decision = policy.decide(Request(asked.principal, action, "t", asked.fields, "support"))
        assert not decision.allowed
        assert set(decision.views.values()) <= {View.NONE}
    monkeypatch.undo()
    assert policy.answer(asked.question()).allowed, "an error is not remembered"


def test_one_answer_that_errs_hides_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = cedarpy.is_authorized_batch
    asked = Request(Principal("a", "support"), "read", "t", (("p", Kind.PHONE), ("m", Kind.AMOUNT)), "support")
    rules = '@id("phones") permit (principal, action, resource in Kind::"phone");'
    policy = Policy.parse(f'{rules} @id("sums") permit (principal, action, resource in Kind::"amount");', SCHEMA)

    def last_errs(*words):
        *rest, _ = ask(*words)
        return [*rest, cedarpy.AuthzResult({"decision": "NoDecision", "diagnostics": {}})]

    assert policy.answer(asked.question()).allowed
    policy.answers.forget()
    monkeypatch.setattr(cedarpy, "is_authorized_batch", last_errs)
    decision = policy.answer(asked.question())
    assert (decision.allowed, set(decision.views.values())) == (False, {View.NONE})


def test_the_court_refuses_what_the_schema_does_not_know() -> None:
    policy = Policy.parse(ALL, SCHEMA)
    question = Request(Principal("a", "support"), "put", "t").question()
    court: Court = policy.answers.court
    parsed = cedarpy.PolicySet.from_str(ALL)
    (answer,) = court.ask(parsed, question, [("fly", None)])
    assert (answer.allowed, answer.understood) == (False, False)


@pytest.mark.parametrize(
    "context",
    [
        {"break_glass": True},
        {"break_glass": True, "reason": "short"},
        {"break_glass": 1, "reason": "long enough"},
        {"reason": 3},
        {"region": None},
        {"region": "half \ud800"},
    ],
)
def test_circumstances_are_checked_before_they_are_asked(context: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Request(Principal("a", "support"), "read", "t", (), "support", context)
