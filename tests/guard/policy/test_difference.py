"""What changes between two policies: the right people, the right views, in few lines."""

from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking import POLICY
from cartveil.events.kinds import Kind, Sensitivity
from cartveil.guard.policy import Policy
from cartveil.guard.policy.difference import Difference, compare, in_groups, merged
from cartveil.guard.policy.worlds import Shape

SHIPPED = (files("cartveil.guard.policy") / "retail.cedar").read_text()
SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()


def changed(old: str, new: str, *, shape: Shape | None = None) -> list[Difference]:
    assert old in SHIPPED
    return compare(POLICY, Policy.parse(SHIPPED.replace(old, new), SCHEMA), shape=shape)


def test_nothing_changes_between_a_policy_and_itself() -> None:
    assert compare(POLICY, Policy.load()) == []


def test_one_more_kind_is_one_line() -> None:
    (found,) = changed(
        'resource in Group::"text")\nwhen { context.purpose == "fulfilment" };',
        'resource)\nwhen { context.purpose == "fulfilment" && resource in Group::"text" || '
        'context.purpose == "fulfilment" && resource in Kind::"email" };',
    )
    assert (found.role, found.action, found.before, found.after) == ("fulfilment", "read", "none", "masked")
    assert (found.what, found.where, found.gains) == (("email",), {"purpose": ("fulfilment",)}, True)


def test_a_dropped_rule_is_a_loss() -> None:
    (found,) = changed('@id("admin-puts")\npermit (principal in Role::"admin", action == Action::"put", resource);', "")
    assert (found.role, found.action, found.before, found.after) == ("admin", "put", "allowed", "refused")
    assert (found.what, found.gains) == ((), False)


def test_a_later_hour_is_a_span_of_hours() -> None:
    found = changed("(context.hour < 7 || context.hour >= 21) && !", "(context.hour < 6 || context.hour >= 21) && !")
    assert {each.role for each in found} == {"support", "fraud_review"}
    assert {each.where["hour"] for each in found} == {("6",)}
    assert all(each.gains and each.action == "reveal" for each in found)


def test_fields_of_a_schema_are_compared_by_name() -> None:
    shape = Shape({"clients": (("note", Kind.FREE_TEXT), ("paid", Kind.AMOUNT)), "orders": (("memo", Kind.FREE_TEXT),)})
    found = changed('resource in Group::"text")\nwhen { context.purpose == "fulfilment" };',
                    'resource in Table::"orders")\nwhen { context.purpose == "fulfilment" };', shape=shape)  # fmt: skip
    assert [(each.role, each.what, each.where["table"], each.gains) for each in found] == [
        ("fulfilment", ("note",), ("clients",), False)
    ]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.tuples(*[st.sampled_from("ab")] * 2, st.sampled_from("xyz")), min_size=1))
def test_merging_covers_the_same_points_once(points: set[tuple[str, ...]]) -> None:
    boxes = merged([tuple(frozenset([value]) for value in point) for point in sorted(points)])
    covered = [point for box in boxes for point in product(*box)]
    assert sorted(covered) == sorted(points)


def test_a_whole_block_is_one_box() -> None:
    points = product("ab", "cd", "efg")
    assert len(merged([tuple(frozenset([value]) for value in point) for point in points])) == 1


@pytest.mark.parametrize("group", [group for group in Sensitivity if group is not Sensitivity.CONSENT])
def test_a_whole_group_goes_by_its_name(group: Sensitivity) -> None:
    kinds = [str(kind) for kind in Kind if kind.sensitivity is group]
    assert in_groups([*kinds, "colour"]) == ([f"all {group}"] if len(kinds) > 1 else kinds) + ["colour"]
