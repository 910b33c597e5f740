"""What the shipped policy says, and what no policy may do."""

from importlib.resources import files

import pytest
from hypothesis import given, settings

from asking import POLICY, decide, questions
from cartveil.errors import InputError, ReadError, SchemaError
from cartveil.events.kinds import Kind, Sensitivity, View
from cartveil.guard.policy import PURPOSES, ROLES, Policy, Principal, Request

SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()


def test_support_without_a_case_sees_a_masked_name_and_no_contact() -> None:
    views = decide("support", "read", "support", fields="person_name phone address payment_card amount").views
    assert views == {
        "person_name": View.MASKED,
        "phone": View.NONE,
        "address": View.GENERALISED,
        "payment_card": View.NONE,
        "amount": View.CLEAR,
    }


def test_support_with_a_case_sees_the_name_and_masked_contact() -> None:
    fields = "person_name phone address payment_card id_number"
    decision = decide("support", "read", "support", fields=fields, case_open=True)
    assert list(decision.views.values()) == [View.CLEAR, View.MASKED, View.MASKED, View.MASKED, View.NONE]
    assert decision.rules == ("support-case-contact", "support-case-name")


@pytest.mark.parametrize(("role", "purpose"), [("marketing", "marketing"), ("analyst", "analytics")])
def test_analysis_never_sees_a_person(role: str, purpose: str) -> None:
    fields = " ".join(kind for kind in Kind if kind.sensitivity in ("direct", "official", "payment", "text"))
    for context in ({}, {"case_open": True, "consent": True}):
        views = set(decide(role, "read", purpose, fields=fields, **context).views.values())
        assert views <= {View.GENERALISED, View.PSEUDONYM, View.NONE}


def test_consumers_see_all_of_their_own_and_nothing_of_others() -> None:
    fields = " ".join(kind for kind in Kind if kind.sensitivity is not Sensitivity.SPECIAL)
    assert set(decide("consumer", "read", "self_service", fields=fields, own_record=True).views.values()) == {
        View.CLEAR
    }
    other = decide("consumer", "read", "self_service", fields=fields)
    assert set(other.views.values()) == {View.NONE}
    assert other.hint == "ask for your own record"


def test_reveal_needs_an_open_case_and_working_hours() -> None:
    closed = decide("support", "reveal", "support", fields="phone")
    assert (closed.allowed, closed.hint) == (False, "open a case for this consumer")
    assert decide("support", "reveal", "support", fields="phone", case_open=True).allowed
    night = decide("support", "reveal", "support", fields="phone", case_open=True, hour=23)
    assert (night.allowed, night.rules, night.hint) == (False, ("no-reveal-off-hours",), "ask between 9 and 18")


def test_reveal_is_all_or_nothing() -> None:
    mixed = decide("support", "reveal", "support", fields="phone id_number", case_open=True)
    assert not mixed.allowed
    assert set(mixed.views.values()) == {View.NONE}


def test_reveal_of_nothing_is_refused() -> None:
    assert not decide("support", "reveal", "support", case_open=True).allowed


@pytest.mark.parametrize(
    ("role", "purpose", "consent", "allowed"),
    [
        ("data_science", "recommendation", True, True),
        ("data_science", "recommendation", False, False),
        ("data_science", "forecast", False, True),
        ("data_science", "marketing", True, False),
        ("marketing", "marketing", True, True),
        ("marketing", "marketing", False, False),
        ("support", "recommendation", True, False),
    ],
)
def test_exports(role: str, purpose: str, *, consent: bool, allowed: bool) -> None:
    assert decide(role, "export", purpose, consent=consent).allowed is allowed


def test_administrators_put_and_do_not_read() -> None:
    assert decide("admin", "put", "").allowed
    for purpose in PURPOSES:
        assert not decide("admin", "read", purpose, fields="person_name amount", case_open=True).allowed


def test_only_privacy_officers_and_consumers_themselves_erase() -> None:
    permitted = {
        (role, purpose, own)
        for role in ROLES
        for purpose in PURPOSES
        for own in (False, True)
        if decide(role, "erase", purpose, own_record=own).allowed
    }
    officer = {("privacy_officer", "compliance", own) for own in (False, True)}
    assert permitted == officer | {("consumer", "self_service", True)}


def test_refusal_names_the_rule_that_forbids() -> None:
    refused = decide("marketing", "read", "marketing", fields="phone")
    assert refused.rules == ("analysis-never-sees-the-person",)
    assert "`analysis-never-sees-the-person`" in (refused.refusal or "")


def test_decisions_repeat() -> None:
    assert decide("support", "read", "support", fields="phone") is decide("support", "read", "support", fields="phone")


@settings(max_examples=150, deadline=None)
@given(questions)
def test_every_decision_is_whole(request: Request) -> None:
    decision = POLICY.decide(request)
    if decision.allowed:
        assert decision.rules
        assert (decision.refusal, decision.hint) == (None, None)
    else:
        assert decision.refusal
        assert set(decision.views.values()) <= {View.NONE}


@settings(max_examples=100, deadline=None)
@given(questions)
def test_special_kinds_are_seen_by_nobody(request: Request) -> None:
    for name, view in POLICY.decide(request).views.items():
        assert Kind(name).sensitivity is not Sensitivity.SPECIAL or view is View.NONE


def test_a_rule_that_errs_refuses_even_what_another_permits() -> None:
    rules = """
    @id("all") permit (principal, action, resource);
    @id("overflow") forbid (principal, action == Action::"put", resource)
    when { context.hour + 9223372036854775807 < 0 };
    """
    policy = Policy.parse(rules, SCHEMA)
    decision = policy.decide(Request(Principal("anna", "admin"), "put", "customers", context={"hour": 5}))
    assert not decision.allowed
    assert "could not be evaluated" in (decision.refusal or "")


def test_a_rule_that_errs_for_one_view_refuses_the_whole_read():
    rules = """
    @id("all") permit (principal, action, resource);
    @id("overflow") forbid (principal, action == Action::"see_masked", resource in Kind::"phone")
    when { context.hour + 9223372036854775807 < 0 };
    """
    fields = (("amount", Kind.AMOUNT), ("phone", Kind.PHONE))
    asked = Request(Principal("anna", "support"), "read", "customers", fields, "support", {"hour": 5})
    decision = Policy.parse(rules, SCHEMA).decide(asked)
    assert not decision.allowed
    assert set(decision.views.values()) == {View.NONE}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('@id("a") permit (principal, action, resource) when { context.purpos == "x" };', "does not fit its schema"),
        ('@id("a") permit (principal in Rolle::"x", action, resource);', "does not fit its schema"),
        ("permit (principal, action, resource);", "has no name"),
        ('@id("") permit (principal, action, resource);', "has no name"),
        ('@id("a") permit (principal, action, resource);' * 2, "two rules are named `a`"),
        ("not cedar", "unexpected token `cedar`"),
    ],
)
def test_a_rule_that_does_not_fit_is_not_loaded(rules: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Policy.parse(rules, SCHEMA)


@pytest.mark.parametrize(
    "schema",
    [
        "not a schema",
        SCHEMA.replace("own_record: Bool", "own: Bool"),
        SCHEMA.replace("put, export", "export"),
        SCHEMA.replace("entity Kind in [Group];", "entity Kind;"),
    ],
)
def test_a_schema_that_lacks_our_words_is_not_loaded(schema: str) -> None:
    with pytest.raises(SchemaError):
        Policy.parse('@id("a") permit (principal, action, resource);', schema)


def test_no_schema_no_start(tmp_path) -> None:
    rules = tmp_path / "mine.cedar"
    rules.write_text('@id("a") permit (principal, action, resource);')
    with pytest.raises(ReadError, match="no such file") as caught:
        Policy.load(rules)
    assert "schema" in (caught.value.hint or "")
    rules.with_suffix(".cedarschema").write_text(SCHEMA)
    assert Policy.load(rules).rules == ("a",)


def test_unknown_words_are_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError) as caught:
        Principal("anna", "suport")
    assert caught.value.hint == "did you mean `support`?"
    for changes in ({"action": "reed"}, {"purpose": "suport"}, {"context": {"case": True}}):
        with pytest.raises(InputError):
            Request(**{"principal": Principal("a", "admin"), "action": "put", "table": "t", **changes})


def test_a_consumers_name_stays_out_of_repr() -> None:
    principal = Principal("13800138000", "consumer")
    asked = Request(principal, "read", "customers", purpose="self_service")
    assert "13800138000" not in repr(asked) + repr(asked.question())


@pytest.mark.parametrize("name", ["a\nb", 'quote"', "李雷", "", "\\", "'; DROP"])
def test_any_name_can_ask(name: str) -> None:
    asked = Request(Principal(name, "support"), "read", "t\n", (('f"', Kind.AMOUNT),), "support")
    assert POLICY.decide(asked).views == {'f"': View.CLEAR}


def test_a_refusal_names_the_rule_that_forbids_what_another_would_permit() -> None:
    rules = """
        @id("phone") permit (principal, action == Action::"see_masked", resource in Kind::"phone");
        @id("no-phone") forbid (principal, action == Action::"see_masked", resource in Kind::"phone");
        @id("a-ban-on-names") forbid (principal, action == Action::"see_clear", resource in Kind::"person_name");
    """
    policy = Policy.parse(rules, SCHEMA)
    both = (("phone", Kind.PHONE), ("name", Kind.PERSON_NAME))
    anna = Principal("anna", "support")
    assert policy.decide(Request(anna, "read", "customers", both, "support")).rules == ("no-phone",)
    assert policy.decide(Request(anna, "read", "customers", both[1:], "support")).rules == ("a-ban-on-names",)
