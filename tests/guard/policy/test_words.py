"""What a policy says, word by word: each fault, where it stands, and the way out."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import cedarpy
import pytest

from cartveil.errors import InputError, ReadError, SchemaError
from cartveil.events.kinds import Kind, View
from cartveil.guard.policy import Policy, Principal, Request
from cartveil.guard.policy.faults import Fault, find_faults, first_line
from cartveil.guard.policy.policy import NO_SMALL_CHANGE
from cartveil.guard.policy.request import Action, Circumstances, Question, is_torn
from cartveil.guard.policy.rules import read_rules
from cartveil.guard.policy.statements import Place, Statement, misread, place_of, statements
from saying import Said, said, says

SCHEMA = (files("cartveil.guard.policy") / "retail.cedarschema").read_text()
ALL = '@id("a") permit (principal, action, resource);'
CHECK = "see `cartveil policy check FILE`"
ANNA = Principal("anna", "support")


def asking(**changes: object) -> Callable[[], Request]:
    return lambda: Request(**{"principal": ANNA, "action": "read", "table": "t", **changes})  # type: ignore[arg-type]


TEXT = "such as a login, a team, a region"
ROLES = "known: support, fulfilment, marketing, analyst, fraud_review, data_science, admin, consumer, privacy_officer"
CONTEXT = "known: case_open, consent, hour, own_record, break_glass, reason, region"
HOUR = says(InputError, "must be a whole number from 0 to 23", "hour", "the hour at which it is asked")


@pytest.mark.parametrize(
    ("act", "wanted"),
    [
        (lambda: Principal(3, "support"), says(InputError, "must be text", "user.name", TEXT)),
        (lambda: Principal("half \ud800", "support"), says(InputError, "must be text", "user.name", TEXT)),
        (lambda: Principal("a", "suport"), says(InputError, "unknown role", hint="did you mean `support`?")),
        (lambda: Principal("a", "zzz"), says(InputError, "unknown role", hint=ROLES)),
        (
            lambda: Principal("a", "support", {"height": "x"}),
            says(InputError, "unknown attribute of a principal", hint="known: team, region"),
        ),
        (lambda: Principal("a", "support", {"team": 3}), says(InputError, "must be text", "user.team", TEXT)),
        (asking(action="reed"), says(InputError, "unknown action", hint="did you mean `read`?")),
        (asking(purpose="markets"), says(InputError, "unknown purpose", hint="did you mean `marketing`?")),
        (asking(table=3), says(InputError, "must be text", "table", TEXT)),
        (asking(fields=((3, Kind.PHONE),)), says(InputError, "must be text", "table", TEXT)),
        (asking(context={"weather": True}), says(InputError, "unknown key of the context", hint=CONTEXT)),
        *((asking(context={"hour": hour}), HOUR) for hour in (-1, 24, True, "12", 12.0)),
        (asking(context={"reason": 3}), says(InputError, "must be text", "reason", TEXT)),
        (asking(context={"region": None}), says(InputError, "must be text", "region", TEXT)),
        (
            asking(context={"consent": "yes"}),
            says(InputError, "must be true or false", "consent", "such as `consent=true`"),
        ),
        *(
            (
                asking(context={"break_glass": True, **reason}),
                says(
                    InputError,
                    "breaking the glass needs a reason",
                    "reason",
                    "say why in at least 8 characters, such as `court-order-114`",
                ),
            )
            for reason in ({}, {"reason": "7 chars"})
        ),
    ],
)
def test_of_a_request_that_cannot_be(act: Callable[[], object], wanted: Said) -> None:
    assert said(act) == wanted


def test_words_at_the_edge_are_taken() -> None:
    for context in ({"hour": 0}, {"hour": 23}, {"break_glass": True, "reason": "8 charac"}, {"reason": ""}):
        assert asking(context=context)().context == context
    assert not is_torn("a\ud7ff\ue000")
    assert is_torn("a\ud800")
    assert is_torn("\udfffb")


def test_a_request_is_a_value_with_the_usual_circumstances() -> None:
    principal = Principal("anna", "support", {"team": "b", "region": "a"})
    asked = Request(principal, "read", "t", (("p", Kind.PHONE),), "support", {"hour": 3, "region": "x"})
    question = asked.question()
    assert question == Question(
        name="anna",
        role="support",
        attributes=(("region", "a"), ("team", "b")),
        action=Action.READ,
        table="t",
        fields=(("p", Kind.PHONE),),
        purpose="support",
        circumstances=Circumstances(hour=3, region="x"),
    )
    plain = {"case_open": False, "consent": False, "hour": 12, "own_record": False, "break_glass": False, "reason": ""}
    assert Circumstances().context() == plain
    assert question.under(hour=4, consent=True).circumstances == Circumstances(hour=4, region="x", consent=True)
    assert Request(principal, "audit", "").question().circumstances == Circumstances()


def test_a_principal_shows_no_consumer() -> None:
    assert repr(ANNA) == "Principal(name='anna', role='support')"
    assert repr(Principal("13800138000", "consumer")) == "Principal(name=hidden, role='consumer')"


RULES = """@id("phones")
permit (principal in Role::"support", action == Action::"see_masked", resource in Kind::"phone")
when { context.purpose == "support" && context.case_open };
@id("late") forbid (principal, action == Action::"see_masked", resource) when { context.hour >= 20 };
@id("never") forbid (principal, action == Action::"put", resource);
@id("errs") permit (principal, action == Action::"export", resource) when { context.hour + 9223372036854775807 > 0 };
"""


@pytest.mark.parametrize(
    ("action", "table", "purpose", "refusal", "rules"),
    [
        ("read", "t", "support", "no rule permits `read` of `t` by role `support` for purpose `support`", ()),
        ("erase", "t", "", "no rule permits `erase` of `t` by role `support`", ()),
        ("audit", "", "", "no rule permits `audit` by role `support`", ()),
        ("put", "t", "", "`put` of `t` by role `support` is forbidden by rule `never`", ("never",)),
        (
            "export",
            "t",
            "",
            "`export` of `t` by role `support` is refused because the policy could not be evaluated",
            (),
        ),
    ],
)
def test_a_refusal_in_words(action: str, table: str, purpose: str, refusal: str, rules: tuple[str, ...]) -> None:
    policy = Policy.parse(RULES, SCHEMA)
    fields = (("phone", Kind.PHONE), ("amount", Kind.AMOUNT)) if action == "read" else ()
    decision = policy.decide(Request(ANNA, action, table, fields, purpose))
    assert (decision.allowed, decision.refusal, decision.rules) == (False, refusal, rules)
    assert set(decision.views.values()) <= {View.NONE}


def test_a_decision_names_views_rules_and_the_change() -> None:
    policy = Policy.parse(RULES, SCHEMA)
    assert policy.rules == ("errs", "late", "never", "phones")
    assert [rule.name for rule in policy.documents] == ["phones", "late", "never", "errs"]
    fields = (("phone", Kind.PHONE), ("amount", Kind.AMOUNT))
    asked = Request(ANNA, "read", "t", fields, "support", {"case_open": True})
    decision = policy.decide(asked)
    assert (decision.allowed, decision.rules) == (True, ("phones",))
    assert decision.views == {"phone": View.MASKED, "amount": View.NONE}
    assert (decision.refusal, decision.hint) == (None, None)
    late = policy.decide(Request(ANNA, "read", "t", fields, "support", {"hour": 20}))
    assert (late.rules, late.hint) == (("late",), "open a case for this consumer and ask between 9 and 18")
    never = policy.decide(Request(ANNA, "put", "t"))
    assert never.hint == NO_SMALL_CHANGE
    assert NO_SMALL_CHANGE == ("no two ordinary changes of this request would permit it; ask whoever keeps the policy")


def test_a_reveal_grants_all_fields_or_none() -> None:
    rules = '@id("r") permit (principal, action == Action::"reveal", resource in Kind::"phone");'
    policy = Policy.parse(rules, SCHEMA)
    both = policy.decide(Request(ANNA, "reveal", "t", (("p", Kind.PHONE), ("a", Kind.AMOUNT))))
    assert (both.allowed, both.views, both.rules) == (False, {"p": View.NONE, "a": View.NONE}, ())
    one = policy.decide(Request(ANNA, "reveal", "t", (("p", Kind.PHONE),)))
    assert (one.allowed, one.views, one.rules) == (True, {"p": View.CLEAR}, ("r",))
    assert not policy.decide(Request(ANNA, "reveal", "t")).allowed


@pytest.mark.parametrize(
    ("rules", "message", "path", "hint"),
    [
        ("x", "unexpected end of input", "m.cedar:1:2", CHECK),
        (
            ALL + "\n" + ALL.replace('"a"', '"b"').replace(";", " when { context.purpos == 1 };") + "\n  " + ALL[9:],
            "rule `b`: does not fit its schema: attribute `purpos` in context not found",
            "m.cedar:2:1",
            CHECK,
        ),
        ("\n " + ALL[9:], "a rule has no name", "m.cedar:2:2", 'write `@id("...")` before each rule'),
        (ALL + ALL[9:] * 2, "a rule has no name (and 1 more)", "m.cedar:1:47", 'write `@id("...")` before each rule'),
        (ALL + "\n" + ALL, "two rules are named `a`", "m.cedar:1:1", CHECK),
        (
            ALL.replace("principal", "principal == ?principal"),
            "holds a template, which has no say here; write rules",
            "m.cedar",
            CHECK,
        ),
    ],
)
def test_of_rules_that_cannot_be_loaded(rules: str, message: str, path: str, hint: str) -> None:
    assert said(lambda: Policy.parse(rules, SCHEMA, name="m.cedar")) == says(SchemaError, message, path, hint)


START = "start from the shipped `retail.cedarschema`, which has every word that Cartveil asks with"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            SCHEMA,
            "nope",
            says(SchemaError, "schema is not valid: error parsing schema: unexpected token `nope`", "policy", CHECK),
        ),
        (
            "own_record: Bool",
            "own: Bool",
            says(SchemaError, "schema does not let anyone ask for `put`", "policy", START),
        ),
        ("export, erase", "erase", says(SchemaError, "schema does not let anyone ask for `export`", "policy", START)),
        (
            "action reveal",
            "action show",
            says(SchemaError, "schema does not let anyone ask for `reveal`", "policy", START),
        ),
        ("see_masked,", "", says(SchemaError, "schema does not let anyone ask for `read`", "policy", START)),
        *(
            (old, new, says(SchemaError, "schema does not let anyone ask for `put`", "policy", START))
            for old, new in (("team?: String, ", ""), (", region?: String };", " };"))
        ),
        (
            "Field in [Kind, Table] = { region?: String }",
            "Field in [Kind, Table]",
            says(SchemaError, "schema does not let anyone ask for `put`", "policy", START),
        ),
        (
            "entity Kind in [Group];",
            "entity Kind;",
            says(
                SchemaError,
                "schema lacks words that Cartveil asks with: entity does not conform to the schema",
                "policy",
            ),
        ),
    ],
)
def test_of_a_schema_that_lacks_our_words(old: str, new: str, wanted: Said) -> None:
    assert old in SCHEMA
    assert said(lambda: Policy.parse(ALL, SCHEMA.replace(old, new))) == wanted


def test_a_policy_goes_by_its_files_name(tmp_path: Path) -> None:
    (tmp_path / "m.cedar").write_text("rules")
    (tmp_path / "m.cedarschema").write_text("words")
    assert read_rules(tmp_path / "m.cedar") == (str(tmp_path / "m.cedar"), "rules", "words")
    name, _, schema = read_rules(None)
    assert (name, schema) == ("retail.cedar", SCHEMA)


def test_of_files_that_are_not_there(tmp_path: Path) -> None:
    rules, schema = tmp_path / "m.cedar", tmp_path / "m.cedarschema"
    named = "name a `.cedar` file"
    assert said(lambda: Policy.load(rules)) == says(ReadError, "no such file", rules, named)
    rules.write_text(ALL)
    needs = "a policy needs its schema beside it, with the ending `.cedarschema`"
    assert said(lambda: Policy.load(str(rules))) == says(ReadError, "no such file", schema, needs)
    schema.mkdir()
    assert said(lambda: Policy.load(rules)) == says(ReadError, "cannot be read as UTF-8 text", schema)
    schema.rmdir()
    schema.write_bytes(b"\xff")
    assert said(lambda: Policy.load(rules)) == says(ReadError, "cannot be read as UTF-8 text", schema)
    schema.write_text(SCHEMA)
    rules.write_text("x")
    assert said(lambda: Policy.load(rules)) == says(SchemaError, "unexpected end of input", f"{rules}:1:2", CHECK)


def test_every_fault_is_listed_with_its_place() -> None:
    twice = ALL.replace("action", 'action == Action::"put"') + "\n" + ALL + ALL.replace('"a"', '""')
    assert find_faults(twice + "\n" + ALL[9:], SCHEMA) == [
        Fault(Place(2, 47), None, "a rule has no name"),
        Fault(Place(3, 1), None, "a rule has no name"),
        Fault(Place(1, 1), None, "two rules are named `a`"),
    ]
    unfit = ALL.replace(";", " when { context.purpos == 1 };") + '\n permit (principal in Rol::"x", action, resource);'
    assert find_faults(unfit, SCHEMA) == [
        Fault(Place(1, 1), "a", "does not fit its schema: attribute `purpos` in context not found"),
        Fault(Place(2, 2), None, "does not fit its schema: unrecognized entity type `Rol`"),
        Fault(
            Place(2, 2),
            None,
            "does not fit its schema: unable to find an applicable action given the policy scope constraints",
        ),
    ]
    assert find_faults(ALL, SCHEMA) == []
    assert [str(fault) for fault in (Fault(None, "a", "errs"), Fault(None, None, "errs"))] == ["rule `a`: errs", "errs"]


def test_the_first_line_is_all_that_an_error_can_hold() -> None:
    assert first_line("  one\ntwo\n") == "one"
    assert first_line(" \n ") == "unknown reason"


def test_a_text_is_cut_into_its_statements() -> None:
    text = '// a; b\n  @id("x; y")\npermit (a); forbid(b) ;  // c;\n rest '
    assert statements(text) == [
        Statement('@id("x; y")\npermit (a);', 10),
        Statement("forbid(b) ;", 34),
        Statement("rest", 54),
    ]
    assert statements(" // nothing;\n") == []
    assert [place_of(text, at) for at in (0, 7, 8, 10, 54)] == [
        Place(1, 1),
        Place(1, 8),
        Place(2, 1),
        Place(2, 3),
        Place(4, 2),
    ]
    assert str(Place(3, 14)) == "3:14"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (ALL + "\npermit (principal, action, resource", Place(2, 36), "unexpected end of input"),
        (ALL + "\npermit (principal, action resource);", Place(2, 27), "unexpected token `resource`"),
        ("permit (principal, action, resource) when { 1 ]; };", Place(1, 47), "unexpected token `]`"),
        ("permit (principal, action, resource) when { ) == 1 };", Place(1, 45), "unexpected token `)`"),
        ('permit (principal, action, resource) when { "}" } };', Place(1, 51), "unexpected token `}`"),
        (
            "permit (principal, action, resource) when { [1].contains(1) ] && [2] };",
            Place(1, 61),
            "unexpected token `]`",
        ),
        ("permit (principal, action, principal);", Place(1, 1), None),
    ],
)
def test_what_cedar_stumbles_over_has_a_place(text: str, place: Place, problem: str | None) -> None:
    found = misread(text)
    assert found is not None
    assert (found[0], found[1] if problem else None) == (place, problem)
    assert misread(ALL) is None


def test_a_complaint_without_words_or_place_is_a_fault_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def complain(*errors: tuple[str, str]) -> list[Fault]:
        found = [SimpleNamespace(policy_id=ident, error=text) for ident, text in errors]
        result = SimpleNamespace(validation_passed=False, errors=found, id_annotations_by_policy_id={"policy0": "a"})
        monkeypatch.setattr(cedarpy, "validate_policies", lambda *_: result)
        return find_faults(ALL, SCHEMA)

    assert complain() == [Fault(None, None, "does not fit its schema")]
    assert complain(("policy0", "for policy `policy0`, bad"), ("policy1", "odd"), ("rule", "odd")) == [
        Fault(Place(1, 1), "a", "does not fit its schema: bad"),
        Fault(None, None, "does not fit its schema: odd"),
        Fault(None, None, "does not fit its schema: odd"),
    ]
