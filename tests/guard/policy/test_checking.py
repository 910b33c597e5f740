"""What is said of a policy's text: where it errs, and which rules stand in it for nothing."""

from importlib.resources import files

import pytest

from asking import POLICY
from cartveil.errors import SchemaError
from cartveil.guard.policy import Policy
from cartveil.guard.policy.checking import find_idle_rules
from cartveil.guard.policy.faults import find_faults
from cartveil.guard.policy.statements import statements

SHIPPED = (files("cartveil.guard.policy") / "retail.cedar").read_text()
SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('// one\n@id("a")\npermit (principal, action, resource) when { 1 == };', "3:50", "unexpected token `}`"),
        ('@id("a") permit (principal, action, resource);\n  nonsense;', "2:11", "unexpected token `;`"),
        ('@id("a") permit (principal, action, resource) when { "};" == context.purpose };\nx', "2:2", "end of input"),
        ('@id("a")\npermit (principal, action, resource)', "2:37", "unexpected end of input"),
        ('@id("a") permit (principal, action, resource);\n@id("b")\npermit (principal, action, resource)\n'
         'when { context.purpos == "x" };', "2:1", "attribute `purpos` in context not found"),
        ('@id("a") permit (principal in Rolle::"x", action, resource);', "1:1", "unrecognized entity type `Rolle`"),
        ("\n permit (principal, action, resource);", "2:2", "a rule has no name"),
        ('@id("a") permit (principal, action, resource);' * 2, "1:1", "two rules are named `a`"),
    ],
)  # fmt: skip
def test_a_fault_has_its_line_and_column(text: str, place: str, message: str) -> None:
    fault = find_faults(text, SCHEMA)[0]
    assert str(fault.place) == place
    assert message in str(fault)
    with pytest.raises(SchemaError, match=f":{place}: ") as caught:
        Policy.parse(text, SCHEMA, name="mine.cedar")
    assert caught.value.hint


def test_a_complaint_about_every_action_is_one_complaint() -> None:
    faults = find_faults('@id("a") permit (principal, action, resource) when { context.purpos == "x" };', SCHEMA)
    assert [fault.rule for fault in faults] == ["a"]


def test_a_schema_that_cannot_be_read_is_a_fault_without_a_place() -> None:
    (fault,) = find_faults(SHIPPED, "entity ;")
    assert (fault.place, fault.message.startswith("schema is not valid")) == (None, True)


def test_a_template_has_no_say() -> None:
    (fault,) = find_faults('@id("t") permit (principal == ?principal, action, resource);', SCHEMA)
    assert "template" in fault.message


def test_the_shipped_policy_has_neither_faults_nor_idle_rules() -> None:
    assert find_faults(SHIPPED, SCHEMA) == []
    assert find_idle_rules(POLICY, SHIPPED) == []


#: Each changes nothing, and why.
IDLE = [
        ('permit (principal in Role::"admin", action == Action::"put", resource) when { context.hour < 3 && '
         "context.hour > 5 };", "can never apply"),
        ('permit (principal in Role::"support", action == Action::"see_clear", resource in Kind::"amount") '
         'when { context.purpose == "support" };', "so does `break-glass` or `support-sees-orders`"),
        ('permit (principal in Role::"support", action == Action::"see_masked", resource in Kind::"minor_flag");',
         "can never permit: `nobody-sees-special`"),
        ('forbid (principal, action == Action::"put", resource) when { context.hour > 23 };', "can never apply"),
]  # fmt: skip


def test_a_rule_that_changes_nothing_is_named_with_its_place() -> None:
    text = SHIPPED + "".join(f'@id("idle {number}") {rule}\n' for number, (rule, _) in enumerate(IDLE))
    faults = find_idle_rules(Policy.parse(text, SCHEMA), text)
    assert [fault.rule for fault in faults] == [f"idle {number}" for number in range(len(IDLE))]
    for number, (fault, (_, message)) in enumerate(zip(faults, IDLE, strict=True)):
        assert message in fault.message
        assert str(fault.place) == f"{SHIPPED.count(chr(10)) + number + 1}:1"


def test_statements_are_the_rules_of_the_text() -> None:
    cut = statements(SHIPPED)
    assert [rule.text for rule in POLICY.documents] == [each.text for each in cut]
    assert all(SHIPPED[each.start :].startswith(each.text) for each in cut)
    assert len(Policy.parse("\n".join(each.text for each in cut), SCHEMA).rules) == len(cut)
