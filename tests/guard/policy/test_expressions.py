"""What is read of a rule's conditions, and what its slice lets a question be told by: narrow, and never too much."""

from importlib.resources import files

import cedarpy
import pytest

from cartveil.events.kinds import Kind, View
from cartveil.guard.policy import Policy, Principal, Request
from cartveil.guard.policy.entities import Descriptions
from cartveil.guard.policy.expressions import (
    CAN_ERR,
    SEES_ALL,
    Expression,
    bodies,
    claimed,
    compared,
    conjuncts,
    mentions,
    needs,
    places,
    problems,
    purposes,
    texts,
)
from cartveil.guard.policy.request import Question
from cartveil.guard.policy.slices import Rule, Slice, rules_for, slice_of

SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()


def rules(*words: str) -> tuple[Rule, ...]:
    """Return rules, each given by its effect, scope and conditions."""
    text = "\n".join(f'@id("r{number}") {each};' for number, each in enumerate(words))
    return Policy.parse(text, SCHEMA).documents


def rule(*, when: str = "", scope: str = "principal, action, resource", effect: str = "permit") -> Rule:
    (found,) = rules(f"{effect} ({scope})" + (f" when {{ {when} }}" if when else ""))
    return found


def condition(text: str) -> Expression:
    (body,) = bodies(rule(when=text).document)
    return body


HAS = "principal has team && "


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("context.case_open", set()),
        ("!(context.case_open || context.consent)", set()),
        ('if context.consent then context.reason like "a*" else context.hour > 3', set()),
        ('["a", "b"].contains(context.purpose)', set()),
        ('["a"].containsAny([context.purpose])', set()),
        ('resource in [Kind::"phone", Kind::"email"]', set()),
        (HAS + 'principal.team == "a"', set()),
        ("principal is User", set()),
        ("context.hour + 1 > 3", {CAN_ERR, SEES_ALL}),
        ("context.hour * 2 > 3 && context.consent", {CAN_ERR, SEES_ALL}),
        ("!(context.hour - 1 > 3)", {CAN_ERR, SEES_ALL}),
        ("[context.hour + 1].contains(3)", {CAN_ERR, SEES_ALL}),
        ("{a: context.hour + 1}.a == 3", {CAN_ERR, SEES_ALL}),
        ("if context.hour + 1 > 3 then true else false", {CAN_ERR, SEES_ALL}),
        ("if context.consent then context.hour + 1 > 3 else false", {CAN_ERR, SEES_ALL}),
        ("if context.consent then false else context.hour + 1 > 3", {CAN_ERR, SEES_ALL}),
        ("context == context", {SEES_ALL}),
        ("[context].contains(context)", {SEES_ALL}),
        ('ip("127.0.0.1").isLoopback()', {CAN_ERR, SEES_ALL}),
    ],
)
def test_what_can_fail_or_sees_all_is_told(text: str, found: set[str]) -> None:
    assert set(problems(condition(text))) == found
    assert rule(when=text).problems == found


def test_a_literal_of_an_extension_can_fail() -> None:
    assert list(problems({"Value": {"__extn": {"fn": "ip", "arg": "?"}}})) == [CAN_ERR]
    assert list(problems({"Value": {"__entity": {"type": "User", "id": "a"}}})) == []
    assert list(problems({"Value": "__extn"})) == []
    assert list(problems({"Var": "principal"})) == list(problems({"Var": "context"}, held=True)) == []
    assert list(problems({"Var": "context"})) == [SEES_ALL]


def test_conditions_are_told_apart_by_their_kind() -> None:
    (both,) = rules("permit (principal, action, resource) when { context.consent } unless { context.case_open }")
    consent, case = bodies(both.document)
    assert bodies(both.document, "when") == [consent]
    assert bodies(both.document, "unless") == [case]
    assert list(conjuncts(both.document)) == [consent]
    joined = rule(when="context.consent && (context.case_open && context.hour > 3) && (context.own_record || true)")
    assert sorted(map(str, conjuncts(joined.document))) == sorted(
        str(condition(each))
        for each in ("context.consent", "context.case_open", "context.hour > 3", "context.own_record || true")
    )


@pytest.mark.parametrize(
    ("text", "attribute", "literals", "only"),
    [
        ("context.hour < 7 || context.hour >= 21 || 12 == context.hour", "hour", {7, 21, 12}, True),
        ("context.hour != 3 && context.hour <= 4 && context.hour > 5", "hour", {3, 4, 5}, True),
        ("context.hour < 7 && context.hour + 1 > 3", "hour", {7}, False),
        ('context.purpose == "a" && context.purpose like "b*"', "purpose", {"a"}, False),
        ('["a", "b"].contains(context.purpose)', "purpose", set(), False),
        (HAS + 'principal.team == "x"', "team", {"x"}, False),
        ("context.consent", "hour", set(), True),
        ("context.hour == context.hour", "hour", set(), False),
    ],
)
def test_what_an_attribute_is_compared_with(text: str, attribute: str, literals: set[object], *, only: bool) -> None:
    assert compared([condition(text)], attribute) == (literals, only)


def test_whether_an_attribute_is_used_at_all() -> None:
    assert mentions([condition(HAS + 'principal.team == "x"')], "team")
    assert mentions([condition("context.hour > 3")], "hour")
    assert mentions([condition("principal has team")], "team")
    assert not mentions([condition("context.hour > 3")], "team")
    assert not mentions([{"team": {"attr": "team"}}], "team")


def of(expression: Expression) -> frozenset[str] | None:
    return purposes(expression)


A, B = frozenset("a"), frozenset("b")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('context.purpose == "a"', A),
        ('"a" == context.purpose', A),
        ('context.purpose == "a" || context.purpose == "b"', A | B),
        ('context.purpose == "a" && context.consent', A),
        ('context.consent && context.purpose == "a"', A),
        ('context.purpose == "a" || context.consent', None),
        ('context.consent || context.purpose == "a"', None),
        ('context.purpose != "a"', None),
        ('context.reason == "a"', None),
        ("context.purpose == context.reason", None),
        ("context.consent", None),
        ('!(context.purpose == "a")', None),
    ],
)
def test_which_purposes_a_condition_wants(text: str, wanted: frozenset[str] | None) -> None:
    assert needs(condition(text), of) == wanted
    assert rule(when=text).purposes == wanted


def test_two_wishes_at_once_are_what_both_allow() -> None:
    assert needs(condition('context.purpose == "a" && context.purpose == "b"'), of) == frozenset()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('resource in Kind::"phone"', frozenset([("Kind", "phone")])),
        ('resource in Kind::"phone" || resource in Table::"t"', frozenset([("Kind", "phone"), ("Table", "t")])),
        ('resource == Field::"t.phone"', None),
        ('resource in [Kind::"phone"]', None),
        ('principal in Role::"support"', None),
        ("context.consent", None),
    ],
)
def test_where_a_condition_wants_the_resource(text: str, wanted: frozenset[tuple[str, str]] | None) -> None:
    assert needs(condition(text), places) == wanted


def test_where_a_condition_wants_the_principal() -> None:
    found = places(condition('principal in Role::"support"'), of="principal")
    assert found == frozenset([("Role", "support")])
    assert places({"in": {"left": {"Var": "resource"}, "right": {"Value": {"x": 1}}}}) is None
    assert places({"in": {"left": {"Var": "resource"}, "right": {"Value": "__entity"}}}) is None
    assert places({"in": {"left": {"Var": "resource"}, "right": {"Set": []}}}) is None


def test_what_a_condition_claims() -> None:
    assert claimed(condition("context.case_open")) == "case_open"
    assert claimed(condition("!context.case_open")) is None
    assert claimed({".": {"left": {"Var": "principal"}, "attr": "team"}}) is None
    assert claimed(condition("context.hour > 3")) is None


def test_every_text_is_a_word() -> None:
    assert list(texts({"a": ["b", {"c": 3}], "d": None})) == ["a", "b", "c", "d"]
    words = rule(when=HAS + 'principal.team == "x"', scope='principal == User::"anna", action, resource').words
    assert {"anna", "User", "team", "x"} <= words
    assert "r0" not in words


def test_what_a_rule_says_of_itself() -> None:
    found = rule(
        when='principal in Role::"support" && context.case_open && context.purpose == "support"',
        scope='principal, action, resource in Table::"t"',
    )
    assert (found.roles, found.purposes, found.claims) == ({"support"}, {"support"}, {"case_open"})
    assert (found.places, found.tables) == ({"t"}, {"t"})
    narrow = rule(when='resource in Kind::"phone"', scope='principal, action, resource in Table::"t"')
    assert (narrow.places, narrow.tables) == ({"phone"}, {"t"})
    either = rule(when='resource in Kind::"phone" || resource in Table::"t"')
    assert (either.places, either.tables) == ({"phone", "t"}, None)
    anywhere = rule(when="context.consent")
    assert (anywhere.places, anywhere.tables, anywhere.roles, anywhere.purposes) == (None,) * 4
    named = rule(scope='principal, action, resource == Field::"t.phone"')
    assert (named.places, named.tables) == ({"t.phone"}, None)
    mixed = rule(when='principal in Role::"support" || principal == User::"anna"')
    assert mixed.roles is None
    risky = rule(when='context.purpose == "support" && context.case_open && context.hour + 1 > 3')
    assert (risky.purposes, risky.claims, risky.roles) == (None, frozenset(), None)


SUPPORT = 'principal in Role::"support", action == Action::"see_clear", resource'


@pytest.mark.parametrize(
    ("scope", "role", "action", "fits"),
    [
        (SUPPORT, "support", "see_clear", True),
        (SUPPORT, "admin", "see_clear", False),
        (SUPPORT, "support", "see_masked", False),
        ('principal, action in [Action::"see_clear", Action::"reveal"], resource', "admin", "reveal", True),
        ('principal, action in [Action::"see_clear", Action::"reveal"], resource', "admin", "see_masked", False),
        ('principal, action in Action::"see_clear", resource', "admin", "see_clear", True),
        ('principal, action in Action::"see_clear", resource', "admin", "reveal", False),
        ("principal, action, resource", "admin", "put", True),
        ('principal == User::"anna", action, resource', "admin", "put", True),
        ('principal in User::"anna", action, resource', "admin", "put", True),
    ],
)
def test_rules_are_laid_out_by_role_and_action(scope: str, role: str, action: str, *, fits: bool) -> None:
    found = rule(scope=scope)
    assert rules_for([found], role, action, grouped_actions=False) == ((found,) if fits else ())
    grouped = rules_for([found], role, action, grouped_actions=True)
    assert bool(grouped) is (fits or " action in " in f" {scope}")


def test_a_rule_for_a_role_in_its_condition_is_left_out_for_others() -> None:
    found = rule(when='principal in Role::"support"')
    assert rules_for([found], "support", "put", grouped_actions=False) == (found,)
    assert rules_for([found], "admin", "put", grouped_actions=False) == ()


CUT = rules(
    'permit (principal, action, resource in Kind::"phone") when { context.hour < 7 && context.purpose == "support" }',
    'permit (principal, action, resource in Table::"t") when { context.hour >= 21 && context.consent }',
    'forbid (principal, action, resource in Group::"special")',
)


def asked(**changes: object) -> Question:
    circumstances = changes.pop("context", {})
    plain = {"principal": Principal("anna", "support"), "action": "read", "table": "t", "purpose": "support"}
    return Request(**{**plain, "context": circumstances, **changes}).question()  # type: ignore[arg-type]


def test_a_slice_knows_what_its_rules_speak_of() -> None:
    cut = slice_of(rules(*(each.text.partition(") ")[2].rstrip(";") for each in CUT)))
    assert (cut.permits, cut.forbids) == ({"phone", "t"}, {"special"})
    assert (cut.hours, cut.purposes, cut.circumstances) == ((7, 21), {"support"}, ("consent",))
    assert (cut.can_err, cut.problems, len(cut.rules)) == (False, frozenset(), 3)
    assert {"phone", "t", "special", "hour", "support"} <= cut.words
    none = slice_of([])
    assert (none.policies, none.permits, none.forbids, none.hours) == (None, frozenset(), frozenset(), ())
    free = slice_of(rules('permit (principal, action, resource) when { context.purpose like "s*" }'))
    assert (free.permits, free.forbids, free.purposes, free.hours) == (None, frozenset(), None, ())
    odd = slice_of(rules("permit (principal, action, resource) when { context.hour + 1 > 3 }"))
    assert (odd.hours, odd.can_err) == (None, True)


@pytest.mark.parametrize(
    ("table", "field", "permits", "forbids"),
    [
        ("u", ("x", Kind.PHONE), True, False),
        ("u", ("x", Kind.AMOUNT), False, False),
        ("t", ("x", Kind.AMOUNT), True, False),
        ("u", ("x", Kind.MINOR_FLAG), False, True),
        ("t", None, True, False),
        ("u", None, False, False),
        ("special", None, False, True),
    ],
)
def test_a_slice_tells_where_its_rules_have_a_say(
    table: str, field: tuple[str, Kind] | None, *, permits: bool, forbids: bool
) -> None:
    cut = slice_of(CUT)
    question = asked(table=table)
    assert (cut.may_permit(question, field), cut.may_forbid(question, field)) == (permits, forbids)
    named = slice_of(rules('permit (principal, action, resource == Field::"u.x")'))
    assert named.may_permit(asked(table="u"), ("x", Kind.AMOUNT))
    assert not named.may_permit(asked(table="u"), ("y", Kind.AMOUNT))
    everywhere = slice_of(rules("permit (principal, action, resource)"))
    assert everywhere.may_permit(question, field)
    assert not everywhere.may_forbid(question, field)


def sight(cut: Slice, field: tuple[str, Kind] | None = ("x", Kind.PHONE), **changes: object) -> object:
    (found,) = cut.sights(asked(**changes), [field])
    return found


def test_what_no_rule_looks_at_is_not_seen() -> None:
    cut = slice_of(CUT)
    plain = sight(cut)
    for same in (
        {"principal": Principal("bert", "support", {"team": "x"})},
        {"table": "u", "field": ("x", Kind.PHONE)},
        {"context": {"case_open": True}},
        {"context": {"hour": 8}},
        {"context": {"reason": "x", "region": "y"}},
        {"field": ("y", Kind.PHONE)},
    ):
        changes = dict(same)
        field = changes.pop("field", ("x", Kind.PHONE))
        if "table" in same:
            assert sight(cut, field, **changes) != plain  # one table is named
            assert sight(cut, field, table="u") == sight(cut, field, table="v")
        else:
            assert sight(cut, field, **changes) == plain
    assert sight(cut, purpose="marketing") == sight(cut, purpose="analytics")


@pytest.mark.parametrize(
    "other",
    [
        {"context": {"hour": 6}},
        {"context": {"hour": 7}},
        {"context": {"hour": 21}},
        {"context": {"hour": 22}},
        {"context": {"consent": True}},
        {"purpose": "marketing"},
        {"field": ("x", Kind.AMOUNT)},
        {"field": ("x", Kind.MINOR_FLAG)},
        {"field": None},
    ],
)
def test_what_a_rule_looks_at_is_seen(other: dict[str, object]) -> None:
    cut, changes = slice_of(CUT), dict(other)
    field = changes.pop("field", ("x", Kind.PHONE))
    assert sight(cut, field, **changes) != sight(cut)  # type: ignore[arg-type]


def test_whom_a_rule_names_is_seen() -> None:
    cut = slice_of(
        rules(
            'permit (principal == User::"anna", action, resource == Field::"t.x")',
            'permit (principal, action, resource) when { principal has team && principal.team == "a" }',
        )
    )
    plain = sight(cut)
    for other in (
        {"principal": Principal("bert", "support")},
        {"principal": Principal("anna", "support", {"team": "b"})},
        {"field": ("y", Kind.PHONE)},
    ):
        changes = dict(other)
        field = changes.pop("field", ("x", Kind.PHONE))
        assert sight(cut, field, **changes) != plain  # type: ignore[arg-type]
    assert sight(cut, principal=Principal("anna", "support", {"region": "r"})) == plain
    bert, carl = (sight(cut, principal=Principal(name, "support")) for name in ("bert", "carl"))
    assert bert == carl


def test_a_rule_that_sees_all_is_asked_about_everything() -> None:
    cut = slice_of(rules("permit (principal, action, resource) when { context == context }"))
    question, fields = asked(), [("x", Kind.PHONE), None]
    assert cut.sights(question, fields) == [(question, field) for field in fields]


def test_only_the_purpose_of_the_context_counts() -> None:
    def equal(var: str) -> Expression:
        return {"==": {"left": {".": {"left": {"Var": var}, "attr": "purpose"}}, "right": {"Value": "a"}}}

    assert (purposes(equal("context")), purposes(equal("principal"))) == (A, None)


def test_literals_are_texts_and_numbers_and_sets_of_them() -> None:
    about = {".": {"left": {"Var": "context"}, "attr": "hour"}}

    def beside(literal: object) -> set[object]:
        return compared([{"==": {"left": about, "right": literal}}], "hour")[0]

    assert beside({"Value": 3}) == {3}
    assert beside({"Value": "a"}) == {"a"}
    assert beside({"Set": [{"Value": 1}, {"Set": [{"Value": "b"}]}, {"Var": "context"}]}) == {1, "b"}
    assert beside({"Value": {"__entity": {"type": "User", "id": "a"}}}) == set()
    assert beside({"Value": 3, "Set": []}) == beside({"Unknown": 3}) == beside([{"Value": 3}]) == set()
    assert compared([{"==": [about]}], "hour") == (set(), False)


def test_taking_an_attribute_is_not_looking_at_the_whole() -> None:
    assert list(problems({"has": {"left": {"Var": "context"}, "attr": "x"}})) == []
    assert list(problems({".": {"left": {"Var": "context"}, "attr": "x"}})) == []
    assert list(problems({"is": {"left": {"Var": "context"}, "entity_type": "x"}})) == [SEES_ALL]
    assert rule(when="{a: context.hour}.a == 3").problems == set()


def test_nobody_in_particular_goes_by_a_name_that_no_rule_can_mean() -> None:
    words = {"anybody", "anybody_x", "anybody__"}
    descriptions = Descriptions(cedarpy.Schema.from_str(SCHEMA), words)
    question = asked(principal=Principal("bert", "support"))
    assert descriptions.principal(question) == {"type": "User", "id": "anybody___"}
    assert descriptions.principal(asked(principal=Principal("anybody", "support"))) == {"type": "User", "id": "anybody"}
    assert descriptions.resource(question, ("x", Kind.PHONE)) == {"type": "Field", "id": "anybody___ phone"}
    assert descriptions.resource(question, None) == {"type": "Table", "id": "t"}
    plain = Descriptions(cedarpy.Schema.from_str(SCHEMA), {"t.x"})
    assert plain.principal(question)["id"] == "anybody"
    assert plain.resource(question, ("x", Kind.PHONE)) == {"type": "Field", "id": "t.x"}


def test_a_rule_that_could_err_and_does_not_is_asked_as_any_other() -> None:
    text = """@id("a") permit (principal, action == Action::"see_clear", resource in Kind::"phone");
@id("b") forbid (principal, action == Action::"see_clear", resource) when { context.hour + 1 > 9 };"""
    policy = Policy.parse(text, SCHEMA)
    fields = (("p", Kind.PHONE), ("s", Kind.AMOUNT))
    early, late = (
        policy.decide(Request(Principal("a", "support"), "read", "t", fields, "support", {"hour": hour}))
        for hour in (3, 9)
    )
    assert (early.allowed, dict(early.views), early.rules) == (True, {"p": View.CLEAR, "s": View.NONE}, ("a",))
    assert (late.allowed, dict(late.views), late.rules) == (False, {"p": View.NONE, "s": View.NONE}, ("b",))


def test_a_field_that_a_rule_names_keeps_its_kind_table_and_region() -> None:
    conditions = ('resource == Field::"t.x"', 'resource in Kind::"phone"', 'resource in Table::"t"')
    where = "resource has region && resource.region == principal.region"
    text = f'@id("a") permit (principal, action == Action::"see_clear", resource) when {{ {" && ".join(conditions)} '
    policy = Policy.parse(text + f"&& principal has region && {where} }};", SCHEMA)
    anna, fields = Principal("anna", "support", {"region": "r"}), (("x", Kind.PHONE), ("y", Kind.PHONE))
    here, there = (
        policy.decide(Request(anna, "read", "t", fields, "support", {"region": region})).views for region in ("r", "s")
    )
    assert (dict(here), set(there.values())) == ({"x": View.CLEAR, "y": View.NONE}, {View.NONE})
