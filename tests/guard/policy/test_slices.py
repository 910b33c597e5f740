"""Slices and descriptions: the same answers as all rules asked at once, about the very user and field."""

import json
from importlib.resources import files

import cedarpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asking import POLICY, questions, random_requests
from cartveil.events.kinds import Kind, Sensitivity
from cartveil.guard.policy import PURPOSES, ROLES, Action, Policy, Principal, Request
from cartveil.guard.policy.answers import ACTIONS, VIEWS
from cartveil.guard.policy.faults import find_faults
from cartveil.guard.policy.request import Question

SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()
SHIPPED = (files("cartveil.guard.policy") / "retail.cedar").read_text()


def asked_plainly(policies: str, question: Question, action: str, field) -> tuple[bool, set[str], bool]:
    """Ask Cedar without any of our short cuts: is it allowed, by which rules, and did a rule err."""
    table = {"type": "Table", "id": question.table}
    resource, entities = table, [{"uid": table, "attrs": {}, "parents": []}]
    if field is not None:
        name, kind = field
        region = question.circumstances.region
        resource = {"type": "Field", "id": f"{question.table}.{name}"}
        group = {"type": "Group", "id": str(kind.sensitivity)}
        parents = [{"type": "Kind", "id": str(kind)}, table]
        entities += [
            {"uid": resource, "attrs": {"region": region} if region else {}, "parents": parents},
            {"uid": parents[0], "attrs": {}, "parents": [group]},
            {"uid": group, "attrs": {}, "parents": []},
        ]
    user = {"type": "User", "id": question.name}
    role = {"type": "Role", "id": question.role}
    entities.append({"uid": user, "attrs": dict(question.attributes), "parents": [role]})
    context = {"purpose": question.purpose, **question.circumstances.context()}
    request = {"principal": user, "action": {"type": "Action", "id": action}, "resource": resource, "context": context}
    result = cedarpy.is_authorized(request, policies, json.dumps(entities), SCHEMA)
    rules = set(result.diagnostics.id_annotations_by_reason.values())
    return result.allowed, rules, bool(result.diagnostics.errors)


def fields_of(question: Question):
    return question.fields if question.action in (Action.READ, Action.REVEAL) else (None,)


def actions_of(question: Question) -> list[str]:
    return list(VIEWS.values()) if question.action is Action.READ else [str(question.action)]


def assert_same(policy: Policy, policies: str, question: Question) -> None:
    for action in actions_of(question):
        answers = policy.answers.ask(question, action, fields_of(question))
        for field, answer in zip(fields_of(question), answers, strict=True):
            allowed, rules, erred = asked_plainly(policies, question, action, field)
            assert answer.allowed is (allowed and not erred)
            assert answer.erred is erred
            assert erred or set(answer.rules) == rules


@settings(max_examples=40, deadline=None)
@given(questions)
def test_the_shipped_rules_answer_as_one(request: Request) -> None:
    assert_same(POLICY, SHIPPED, request.question())


KINDS = ("phone", "amount", "id_number", "minor_flag")
SCOPES = ("principal", 'principal in Role::"support"', 'principal in Role::"admin"', 'principal == User::"anna"')
PLACES = (
    "resource",
    *(f'resource in Kind::"{kind}"' for kind in KINDS),
    *(f'resource in Group::"{group}"' for group in ("direct", "special")),
    'resource in Table::"orders"',
)
FIELD_ACTIONS = ("see_clear", "see_masked", "reveal")
CONDITIONS = (
    'context.purpose == "support"',
    'context.purpose != "support"',
    'context.purpose like "s*"',
    '["support", "marketing"].contains(context.purpose)',
    "context.case_open",
    "!context.case_open",
    "context.break_glass || context.consent",
    "context.hour < 7",
    "context.hour >= 21 || context.hour == 12",
    "context.hour + 9223372036854775800 > 0",
    'principal has team && principal.team == "payments"',
    "principal has region && resource has region && principal.region == resource.region",
    "principal has team && principal has region && principal.team == principal.region",
    'resource in Kind::"phone" || resource in Group::"behaviour"',
    'resource == Field::"customers.phone"',
    'principal in Role::"support"',
    '(principal in Role::"support" && context.purpose == "support") || '
    '(principal in Role::"marketing" && context.purpose == "marketing")',
    'principal in Role::"admin" || context.purpose == "marketing" && resource in Table::"orders"',
    '(resource in Table::"orders" || resource in Kind::"amount") && context.consent',
    'context.purpose == "support" && context.purpose == "marketing"',
    'principal == User::"bert"',
    'if context.own_record then context.reason != "" else context.purpose == "support"',
)


@st.composite
def rules(draw) -> str:
    lines = []
    for number in range(draw(st.integers(1, 6))):
        effect = draw(st.sampled_from(("permit", "permit", "forbid")))
        scope, place = draw(st.sampled_from(SCOPES)), draw(st.sampled_from(PLACES))
        actions = ", ".join(f'Action::"{name}"' for name in draw(st.sets(st.sampled_from(FIELD_ACTIONS), min_size=1)))
        action = f"action in [{actions}]"
        when = " && ".join(f"({each})" for each in draw(st.lists(st.sampled_from(CONDITIONS), max_size=3)))
        unless = draw(st.sampled_from(("", *CONDITIONS)))
        text = f'@id("r{number}") {effect} ({scope}, {action}, {place})'
        text += f" when {{ {when} }}" if when else ""
        lines.append(text + (f" unless {{ {unless} }};" if unless else ";"))
    return "\n".join(lines)


requests = st.builds(
    lambda name, role, mine, action, table, fields, purpose, context: Request(
        Principal(name, role, mine), action, table, tuple(fields), purpose, context
    ),
    st.sampled_from(("anna", "bert", "customers.phone", "Kind")),
    st.sampled_from(("support", "admin", "marketing")),
    st.fixed_dictionaries({}, optional={name: st.sampled_from(("payments", "here")) for name in ("team", "region")}),
    st.sampled_from(("read", "reveal")),
    st.sampled_from(("customers", "orders", "phone")),
    st.lists(
        st.tuples(st.sampled_from(("phone", "mobile")), st.sampled_from([Kind(kind) for kind in KINDS])),
        min_size=1,
        max_size=3,
        unique_by=lambda field: field[0],
    ),
    st.sampled_from(PURPOSES),
    st.fixed_dictionaries(
        {
            "case_open": st.booleans(),
            "consent": st.booleans(),
            "own_record": st.booleans(),
            "break_glass": st.booleans(),
            "reason": st.just("a reason"),
            "hour": st.integers(0, 23),
            "region": st.sampled_from(("", "here", "there")),
        }
    ),
)


@settings(max_examples=60, deadline=None)
@given(rules(), st.lists(requests, min_size=1, max_size=6))
def test_any_rules_answer_as_one(policies: str, asked: list[Request]) -> None:
    assume(find_faults(policies, SCHEMA) == [])
    policy = Policy.parse(policies, SCHEMA)
    for request in asked:  # one after another, so that a remembered answer can be given to the wrong one
        assert_same(policy, policies, request.question())


@pytest.mark.parametrize("role", ROLES)
def test_slices_leave_rules_out(role: str) -> None:
    (question,) = [Request(Principal("a", role), "read", "t", (), "marketing").question()]
    sizes = [len(POLICY.answers.slice(question, action).rules) for action in ACTIONS]
    assert max(sizes) < len(POLICY.rules) / 2


def test_a_new_name_is_no_new_question() -> None:
    policy, asked = Policy.load(), (("p", Kind.PHONE),)
    for number in range(20):
        policy.decide(Request(Principal(f"agent {number}", "support"), "read", "customers", asked, "support"))
    first = len(policy.answers._remembered)
    policy.decide(Request(Principal("one more", "support"), "read", "customers", asked, "support"))
    assert len(policy.answers._remembered) == first


def test_what_is_remembered_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartveil.guard.policy.answers._REMEMBERED", 50)
    policy = Policy.load()
    for request in random_requests(300, seed=5):
        assert policy.answer(request.question()) == POLICY.answer(request.question())
        assert len(policy.answers._remembered) <= 50 + 8 * len(Sensitivity)


def test_grouped_actions_are_understood() -> None:
    schema = SCHEMA.replace("action see_clear, see_masked,", "action seeing;\naction see_clear, see_masked,").replace(
        "see_pseudonym appliesTo", "see_pseudonym in [seeing] appliesTo"
    )
    policy = Policy.parse('@id("all") permit (principal, action in Action::"seeing", resource);', schema)
    asked = Request(Principal("a", "support"), "read", "t", (("p", Kind.PHONE),), "support")
    assert policy.decide(asked).allowed
