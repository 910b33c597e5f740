"""Explanations: the rule that made a view, and a change that keeps what it promises."""

from hypothesis import given, settings

from asking import POLICY, questions
from cartveil.events.kinds import Kind, View
from cartveil.guard.policy import Action, Principal, Request
from cartveil.guard.policy.explaining import Explanation, explain


def support(action: str, *kinds: str, **context: object) -> list[Explanation]:
    fields = tuple((kind, Kind(kind)) for kind in kinds)
    return explain(POLICY, Request(Principal("anna", "support"), action, "customers", fields, "support", context))


def test_a_view_names_its_rule_and_what_would_show_more() -> None:
    name, phone, amount = support("read", "person_name", "phone", "amount")
    rule = ("support-sees-masked-name",)
    assert name == Explanation("person_name", "masked", rule, "open a case for this consumer", "clear")
    assert phone == Explanation("phone", "none", (), "open a case for this consumer", "masked")
    assert amount == Explanation("amount", "clear", ("support-sees-orders",))


def test_what_only_broken_glass_opens_says_so() -> None:
    (number,) = support("read", "id_number")
    assert (number.change, number.more) == ("break the glass, with a reason", "clear")


def test_what_nothing_opens_names_the_rule_and_no_change() -> None:
    (minor,) = support("read", "minor_flag")
    assert minor == Explanation("minor_flag", "none", ("nobody-sees-special",))


def test_another_region_names_a_colleague() -> None:
    asked = Request(
        Principal("anna", "support", {"region": "north"}),
        "read", "customers", (("amount", Kind.AMOUNT),), "support", {"region": "south"},
    )  # fmt: skip
    (amount,) = explain(POLICY, asked)
    assert (amount.rules, amount.change) == (("support-own-region-only",), "ask a colleague of the consumer's region")


def test_a_team_is_named() -> None:
    (account,) = support("reveal", "bank_account", case_open=True)
    assert (account.change, account.more) == ("ask someone of team `payments`", "clear")


def test_a_table_is_explained_as_a_whole() -> None:
    (put,) = explain(POLICY, Request(Principal("anna", "support"), "put", "customers"))
    assert put == Explanation("", "refused", (), "ask someone with role `admin`", "allowed")


@settings(max_examples=60, deadline=None)
@given(questions)
def test_what_is_said_is_what_is_decided(request: Request) -> None:
    decision = POLICY.decide(request)
    for each in explain(POLICY, request):
        assert each.change is None or each.more is not None
        if request.action is Action.READ:
            view = decision.views[each.field]
            assert each.outcome == view
            assert view is View.NONE or each.rules
        elif each.field == "":
            assert (each.outcome == "allowed") is decision.allowed
