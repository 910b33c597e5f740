"""A policy of a few rules, worked out by hand: its worlds, its idle rules, what changes, and what it says of itself."""

from importlib.resources import files

import pytest

from cartveil.events.kinds import Kind, View
from cartveil.guard.policy import PURPOSES, ROLES, Action, Policy, Principal, Request
from cartveil.guard.policy.answers import Answer, refused
from cartveil.guard.policy.change import smallest_change
from cartveil.guard.policy.checking import find_idle_rules
from cartveil.guard.policy.difference import Difference, compare, in_groups, merged, outcomes
from cartveil.guard.policy.explaining import Explanation, explain
from cartveil.guard.policy.faults import Fault
from cartveil.guard.policy.request import Question
from cartveil.guard.policy.slices import groups_actions
from cartveil.guard.policy.statements import Place
from cartveil.guard.policy.worlds import Shape, World, slices_of, worlds

SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()

RULES = """@id("phones")
permit (principal in Role::"support", action == Action::"see_masked", resource in Kind::"phone")
when { context.purpose == "support" && context.case_open };
@id("late") forbid (principal, action == Action::"see_masked", resource) when { context.hour >= 20 };
@id("puts") permit (principal in Role::"admin", action == Action::"put", resource in Table::"orders");
@id("own") permit (principal in Role::"consumer", action in [Action::"see_clear", Action::"reveal"], resource)
when { context.own_record };
"""


def small(*changes: tuple[str, str], more: str = "") -> Policy:
    text = RULES
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Policy.parse(text + more, SCHEMA)


POLICY = small()


def words(found: list[World]) -> dict[str, list[str]]:
    """Return the values of each axis, in the order in which they come."""
    seen: dict[str, dict[str, None]] = {}
    for world in found:
        for axis, value in world.words:
            seen.setdefault(axis, {})[value] = None
    return {axis: list(values) for axis, values in seen.items()}


def test_worlds_differ_in_what_rules_name_and_in_nothing_else() -> None:
    policy = small()
    found = list(worlds("support", Action.READ, slices_of(policy.answers, "support", Action.READ)))
    assert words(found) == {
        "table": ["any table"],
        "purpose": ["support", "fulfilment"],
        "case_open": ["no", "yes"],
        "consent": ["no"],
        "own_record": ["no"],
        "break_glass": ["no"],
        "hour": ["0-19", "20", "21-23"],
        "team": ["no team"],
        "region": ["asked from no region"],
    }
    assert len(found) == 12
    assert (
        found[0].question
        == Request(
            Principal("somebody", "support"),
            "read",
            "any table",
            tuple((str(kind), kind) for kind in Kind),
            "support",
            {"hour": 0, "region": "here"},
        ).question()
    )
    assert found[-1].question.circumstances.hour == 21
    (put, other) = worlds("admin", Action.PUT, slices_of(policy.answers, "admin", Action.PUT))
    assert (put.question.table, put.question.fields, put.question.action) == ("any table", (), Action.PUT)
    assert (other.question.table, other.question.purpose) == ("orders", "support")


WIDE = """@id("wide") permit (principal, action == Action::"reveal", resource)
when { context.purpose like "s*" && context.hour * 2 == 6 && principal has team && principal.team != "b"
&& principal has region && resource has region && principal.region == resource.region && context.break_glass
&& ["a"].contains(principal.team) };
"""


def test_what_a_rule_uses_freely_is_walked_through_value_by_value() -> None:
    policy = Policy.parse(WIDE, SCHEMA)
    shape = Shape({"people": (("p", Kind.PHONE),)})
    found = list(worlds("support", Action.REVEAL, slices_of(policy.answers, "support", Action.REVEAL), shape))
    assert words(found) == {
        "table": ["people"],
        "purpose": ["", *PURPOSES],
        "case_open": ["no"],
        "consent": ["no"],
        "own_record": ["no"],
        "break_glass": ["no", "yes"],
        "hour": [str(hour) for hour in range(24)],
        "team": ["no team", "b", "another team"],
        "region": ["asked from no region", "consumer's region unknown", "own region", "another region"],
    }
    last = found[-1].question
    assert (
        last
        == Request(
            Principal("somebody", "support", {"region": "here", "team": "another team"}),
            "reveal",
            "people",
            (("p", Kind.PHONE),),
            "self_service",
            {"hour": 23, "region": "elsewhere", "break_glass": True, "reason": "a reason"},
        ).question()
    )


def test_what_changes_from_one_small_policy_to_another() -> None:
    later = small(("hour >= 20", "hour >= 18"), (" && context.case_open", ""), ('"put"', '"export"'))
    assert compare(POLICY, POLICY) == []
    assert compare(POLICY, later) == [
        Difference(
            "support",
            "read",
            "none",
            "masked",
            ("phone",),
            {"purpose": ("support",), "case_open": ("no",), "hour": ("0-17",)},
        ),
        Difference(
            "support",
            "read",
            "masked",
            "none",
            ("phone",),
            {"purpose": ("support",), "case_open": ("yes",), "hour": ("18", "19")},
        ),
        Difference("admin", "put", "allowed", "refused", (), {"table": ("orders",)}),
        Difference("admin", "export", "refused", "allowed", (), {"table": ("orders",)}),
    ]
    assert [each.gains for each in compare(POLICY, later)] == [True, False, False, True]
    assert not Difference("a", "read", "none", "none", (), {}).gains


def test_kinds_come_in_their_order_and_fields_by_their_letters() -> None:
    wider = small(('resource in Kind::"phone"', "resource"))
    (found,) = compare(POLICY, wider)
    assert found.what == tuple(str(kind) for kind in Kind if kind is not Kind.PHONE)
    assert found.where == {"purpose": ("support",), "case_open": ("yes",), "hour": ("0-19",)}
    fields = (("z", Kind.AMOUNT), ("b", Kind.AMOUNT), ("phone", Kind.PHONE), ("email", Kind.EMAIL))
    (found,) = compare(POLICY, wider, shape=Shape({"t": fields}))
    assert found.what == ("email", "b", "z")
    (read, reveal) = compare(POLICY, small(("resource)\nwhen { context.own_record }", "resource)")))
    assert (read.role, read.action, read.before, read.after) == ("consumer", "read", "none", "clear")
    assert (reveal.action, reveal.before, reveal.after, reveal.where) == (
        "reveal",
        "none",
        "clear",
        {"own_record": ("no",)},
    )


def test_hours_are_ordered_by_number() -> None:
    odd = small(("hour >= 20", "hour == 3 || context.hour == 11 || context.hour >= 20"))
    (found,) = compare(POLICY, odd)
    assert (found.before, found.after, found.where["hour"]) == ("masked", "none", ("3", "11"))
    (found,) = compare(odd, POLICY)
    assert (found.before, found.after, found.where["hour"]) == ("none", "masked", ("3", "11"))


def test_outcomes_of_each_kind_of_question() -> None:
    own = {"own_record": True}
    fields = (("p", Kind.PHONE), ("a", Kind.AMOUNT))

    def of(role: str, action: str, **context: object) -> dict[str, str]:
        asked = fields if action in ("read", "reveal") else ()
        return outcomes(POLICY, Request(Principal("a", role), action, "orders", asked, "support", context).question())

    assert of("consumer", "read", **own) == of("consumer", "reveal", **own) == {"p": "clear", "a": "clear"}
    assert of("support", "read", case_open=True) == {"p": "masked", "a": "none"}
    assert of("support", "reveal", case_open=True) == {"p": "none", "a": "none"}
    assert (of("admin", "put"), of("support", "put")) == ({"": "allowed"}, {"": "refused"})


def test_boxes_become_as_few_as_they_can() -> None:
    def box(*axes: str) -> tuple[frozenset[str], ...]:
        return tuple(frozenset(axis) for axis in axes)

    assert merged([]) == []
    assert merged([box("a", "x"), box("a", "x")]) == [box("a", "x")]
    assert merged([box("a", "x"), box("b", "y")]) == [box("a", "x"), box("b", "y")]
    assert merged([box("a", "x"), box("a", "y"), box("b", "x"), box("b", "y")]) == [box("ab", "xy")]
    # Three of four: the line for more people comes first.
    assert merged([box("a", "x"), box("b", "x"), box("a", "y")]) == [box("a", "xy"), box("b", "x")]


def test_a_group_goes_by_its_name_where_all_of_its_kinds_are_there() -> None:
    texts = [str(kind) for kind in Kind if kind.sensitivity == "text"]
    assert in_groups([*texts, "colour"])[-1] == "colour"
    assert in_groups(["phone"]) == ["phone"]
    assert in_groups([str(kind) for kind in Kind if kind.sensitivity == "direct"] + ["amount"]) == [
        "all direct",
        "amount",
    ]


def test_idle_rules_are_named_with_their_reason_and_place() -> None:
    more = """@id("same")
permit (principal in Role::"support", action == Action::"see_masked", resource in Kind::"phone")
when { context.purpose == "support" && context.case_open && context.hour < 9 };
@id("noon") permit (principal, action == Action::"put", resource) when { context.hour < 3 && context.hour > 5 };
@id("closed") forbid (principal, action == Action::"erase", resource);
@id("erases") permit (principal in Role::"privacy_officer", action == Action::"erase", resource);
@id("others") permit (principal in Role::"admin", action == Action::"put", resource in Table::"orders")
when { context.hour > 3 };
@id("shut") forbid (principal, action == Action::"audit", resource) when { context.hour > 23 };
  @id("twin") permit (principal in Role::"admin", action == Action::"put", resource in Table::"orders")
when { context.hour > 5 };
"""
    idle = [
        Fault(Place(8, 1), "same", "changes nothing: wherever it permits, so does `phones`"),
        Fault(Place(11, 1), "noon", "can never apply: no request meets all of its conditions"),
        Fault(Place(13, 1), "erases", "can never permit: `closed` forbids it everywhere"),
        Fault(Place(14, 1), "others", "changes nothing: wherever it permits, so does `puts` or `twin`"),
        Fault(Place(16, 1), "shut", "can never apply: no request meets all of its conditions"),
        Fault(Place(17, 3), "twin", "changes nothing: wherever it permits, so does `others` or `puts`"),
    ]
    assert find_idle_rules(small(more=more), RULES + more) == idle
    assert find_idle_rules(POLICY, RULES) == []


ANNA = Principal("anna", "support", {"team": "t", "region": "r"})
FIELDS = (("phone", Kind.PHONE), ("sum", Kind.AMOUNT))
OWN = "let the consumer ask for their own record and ask someone with role `consumer`"


def test_each_field_is_explained_by_itself() -> None:
    late = Request(ANNA, "read", "customers", FIELDS, "support", {"hour": 21, "region": "x"})
    assert explain(POLICY, late) == [
        Explanation("phone", "none", ("late",), "open a case for this consumer and ask between 9 and 18", "masked"),
        Explanation("sum", "none", ("late",), OWN, "clear"),
    ]
    case = Request(ANNA, "read", "customers", FIELDS, "support", {"case_open": True})
    assert explain(POLICY, case) == [
        Explanation("phone", "masked", ("phones",), OWN, "clear"),
        Explanation("sum", "none", (), OWN, "clear"),
    ]
    consumer = Principal("c", "consumer")
    mine = Request(consumer, "reveal", "customers", FIELDS, "", {"own_record": True})
    assert explain(POLICY, mine) == [
        Explanation("phone", "clear", ("own",)),
        Explanation("sum", "clear", ("own",)),
    ]
    other = Request(consumer, "reveal", "customers", FIELDS[:1], "")
    assert explain(POLICY, other) == [Explanation("phone", "none", (), "ask for your own record", "clear")]
    admin = Principal("a", "admin")
    assert explain(POLICY, Request(admin, "put", "orders")) == [Explanation("", "allowed", ("puts",))]
    assert explain(POLICY, Request(admin, "put", "customers")) == [Explanation("", "refused", ())]
    assert explain(POLICY, Request(ANNA, "put", "orders")) == [
        Explanation("", "refused", (), "ask someone with role `admin`", "allowed")
    ]


def test_broken_glass_is_named_last() -> None:
    glass = """@id("glass") permit (principal, action == Action::"see_clear", resource) when { context.break_glass };
@id("closed") forbid (principal, action == Action::"reveal", resource);"""
    policy = Policy.parse(glass, SCHEMA)
    asked = Request(ANNA, "read", "t", FIELDS[:1], "support")
    assert explain(policy, asked) == [Explanation("phone", "none", (), "break the glass, with a reason", "clear")]
    reveal = Request(ANNA, "reveal", "t", FIELDS[:1], "support")
    assert explain(policy, reveal) == [Explanation("phone", "none", ("closed",))]


def tried(question: Question, *, teams: tuple[str, ...] = ()) -> list[Question]:
    seen: list[Question] = []
    assert smallest_change(question, lambda other: bool(seen.append(other)), teams=teams) is None
    return seen


def first(question: Question, number: int, *, teams: tuple[str, ...] = ()) -> str:
    """Return the words of one of the changes, by its number."""
    count = iter(range(number + 1))
    found = smallest_change(question, lambda other: next(count) == number, teams=teams)
    assert found is not None
    return found[0]


def test_changes_are_tried_in_their_order_and_say_what_they_change() -> None:
    question = Request(ANNA, "read", "customers", FIELDS, "support", {"hour": 21, "region": "x"}).question()
    purposes = [f"state purpose `{purpose}`" for purpose in PURPOSES if purpose != "support"]
    roles = [f"ask someone with role `{role}`" for role in ROLES if role != "support"]
    expected = [
        "open a case for this consumer",
        "have the consumer's consent",
        "ask between 9 and 18",
        *purposes,
        "ask a colleague of the consumer's region",
        "ask someone of team `a`",
        "let the consumer ask for their own record",
        *roles,
    ]
    assert [first(question, number, teams=("a", "t")) for number in range(len(expected))] == expected
    seen = tried(question, teams=("a", "t"))
    assert seen[0] == question.under(case_open=True)
    assert seen[1] == question.under(consent=True)
    assert seen[2] == question.under(hour=12)
    assert seen[3].purpose == "fulfilment"
    assert seen[3 + len(purposes)].attributes == (("region", "x"), ("team", "t"))
    assert seen[4 + len(purposes)].attributes == (("region", "r"), ("team", "a"))
    assert seen[5 + len(purposes)] == question.under(own_record=True)
    assert [each.role for each in seen[6 + len(purposes) : len(expected)]] == [
        role for role in ROLES if role != "support"
    ]
    pairs = seen[len(expected) :]
    assert pairs[0] == question.under(case_open=True, consent=True)
    assert pairs[1] == question.under(case_open=True, hour=12)
    same = len(purposes) * (len(purposes) - 1) // 2 + len(roles) * (len(roles) - 1) // 2
    assert len(pairs) == len(expected) * (len(expected) - 1) // 2 - same
    assert first(question, len(expected), teams=("a", "t")) == (
        "open a case for this consumer and have the consumer's consent"
    )


def test_what_is_so_already_is_not_proposed() -> None:
    now = {"case_open": True, "consent": True, "own_record": True, "hour": 12, "region": "r"}
    question = Request(ANNA, "read", "customers", FIELDS, "support", now).question()
    assert first(question, 0, teams=("t",)) == "state purpose `fulfilment`"
    assert len([each for each in tried(question, teams=("t",)) if each.role == "support"]) == len(PURPOSES) - 1
    nobody = Request(Principal("a", "support"), "read", "t", FIELDS, "support", {**now, "region": "x"}).question()
    assert all(dict(each.attributes).get("region") is None for each in tried(nobody))


@pytest.mark.parametrize(
    ("role", "action", "words"),
    [
        ("data_science", "export", "leave out who did not consent"),
        ("data_science", "read", "have the consumer's consent"),
        ("consumer", "export", "leave out who did not consent"),
    ],
)
def test_consent_is_spoken_of_as_the_action_needs(role: str, action: str, words: str) -> None:
    question = Request(Principal("a", role), action, "t", (), "support").question()
    assert first(question, 1) == words


def test_schemas_with_groups_of_actions_are_told_apart() -> None:
    assert not groups_actions(SCHEMA)
    assert not groups_actions("// action a in b\naction a appliesTo { principal: [U] };")
    assert groups_actions('action a, "b" in [c] appliesTo { principal: [U] };')


def test_views_are_in_their_order() -> None:
    assert [str(view) for view in View] == ["clear", "masked", "generalised", "pseudonym", "none"]


def test_what_erred_is_refused_whatever_was_said() -> None:
    said = [Answer(allowed=True, rules=("a",)), Answer(allowed=False)]
    assert refused(said) == [Answer(allowed=False, rules=("a",), erred=True), Answer(allowed=False, erred=True)]
    assert all(answer.allowed is False and answer.erred is True for answer in refused(said))


def test_an_explanation_names_the_rules_of_the_view_that_is_seen() -> None:
    more = """@id("codes") permit (principal in Role::"support", action == Action::"see_pseudonym", resource);
@id("hidden") forbid (principal, action == Action::"see_generalised", resource);"""
    case = Request(ANNA, "read", "customers", FIELDS, "support", {"case_open": True})
    phone, amount = explain(small(more=more), case)
    assert (phone.outcome, phone.rules) == ("masked", ("phones",))
    assert (amount.outcome, amount.rules) == ("pseudonym", ("codes",))


def test_the_tables_of_a_rule_are_worlds_of_their_own() -> None:
    rule = '@id("both") permit (principal, action == Action::"put", resource) '
    policy = Policy.parse(rule + 'when { resource in [Table::"b", Table::"a"] };', SCHEMA)
    found = worlds("admin", Action.PUT, slices_of(policy.answers, "admin", Action.PUT))
    assert words(list(found))["table"] == ["any table", "a", "b"]


def test_an_idle_rule_names_all_who_say_the_same_or_forbid_it() -> None:
    more = """@id("early") permit (principal, action == Action::"erase", resource) when { context.hour < 10 };
@id("later") permit (principal, action == Action::"erase", resource) when { context.hour >= 10 };
@id("always") permit (principal, action == Action::"erase", resource);
@id("am") forbid (principal, action == Action::"audit", resource) when { context.hour < 12 };
@id("pm") forbid (principal, action == Action::"audit", resource) when { context.hour >= 12 };
@id("vain") permit (principal in Role::"admin", action == Action::"audit", resource);
"""
    found = {fault.rule: fault.message for fault in find_idle_rules(small(more=more), RULES + more)}
    assert found == {
        "early": "changes nothing: wherever it permits, so does `always`",
        "later": "changes nothing: wherever it permits, so does `always`",
        "always": "changes nothing: wherever it permits, so does `early` or `later`",
        "vain": "can never permit: `am` or `pm` forbids it everywhere",
    }


def test_spans_of_hours_are_ordered_by_their_first() -> None:
    odd = small(("hour >= 20", "hour == 9 || context.hour > 9 && context.hour < 13 || context.hour >= 20"))
    (found,) = compare(POLICY, odd)
    assert found.where["hour"] == ("9", "10-12")


@pytest.mark.parametrize("group", sorted({kind.sensitivity for kind in Kind}))
def test_a_whole_group_alone_goes_by_its_name(group: str) -> None:
    kinds = [str(kind) for kind in Kind if kind.sensitivity == group]
    assert in_groups(kinds) == ([f"all {group}"] if len(kinds) > 1 else kinds)
    assert in_groups(kinds[1:]) == kinds[1:]


@pytest.mark.parametrize(
    ("condition", "hours"),
    [
        ("context.hour == 0", ["0", "1-23"]),
        ("context.hour < 1", ["0", "1", "2-23"]),
        ("context.hour == 23", ["0-22", "23"]),
        ("context.hour > 24", ["0-23"]),
        ("context.consent", ["0-23"]),
    ],
)
def test_hours_are_spans_of_the_whole_day(condition: str, hours: list[str]) -> None:
    rule = f'@id("r") permit (principal, action == Action::"put", resource) when {{ {condition} }};'
    found = worlds("admin", Action.PUT, slices_of(Policy.parse(rule, SCHEMA).answers, "admin", Action.PUT))
    assert words(list(found))["hour"] == hours


def test_where_every_purpose_is_named_another_is_none() -> None:
    named = " || ".join(f'context.purpose == "{purpose}"' for purpose in PURPOSES)
    rule = f'@id("r") permit (principal, action == Action::"put", resource) when {{ {named} }};'
    found = worlds("admin", Action.PUT, slices_of(Policy.parse(rule, SCHEMA).answers, "admin", Action.PUT))
    assert words(list(found))["purpose"] == [*PURPOSES, ""]


def test_the_teams_of_the_rules_are_proposed() -> None:
    rule = '@id("r") permit (principal, action == Action::"put", resource) when { principal has team && '
    policy = Policy.parse(rule + 'principal.team == "payments" };', SCHEMA)
    assert policy.decide(Request(ANNA, "put", "t")).hint == "ask someone of team `payments`"
