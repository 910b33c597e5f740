"""`policy check`, `explain`, `diff`, `alerts`: rules as those read them who answer for them."""

import json
from importlib.resources import files as resources
from pathlib import Path

import pytest

from command import Done, cartveil

SHIPPED = (resources("cartveil.guard.policy") / "retail.cedar").read_text(encoding="utf-8")
SCHEMA = (resources("cartveil.guard.policy") / "retail.cedarschema").read_text(encoding="utf-8")


@pytest.fixture
def mine(files: Path) -> Path:
    (files / "mine.cedarschema").write_text(SCHEMA, encoding="utf-8")
    (files / "mine.cedar").write_text(SHIPPED, encoding="utf-8")
    return files / "mine.cedar"


def explain(*words: str) -> Done:
    return cartveil("policy", "explain", "--role", "support", "--purpose", "support", *words)


def test_check_lists_the_rules() -> None:
    done = cartveil("policy", "check")
    assert done.code == 0
    assert done.out.splitlines()[1].split() == ["support-sees-orders", "permit"]
    assert done.err == f"cartveil: retail.cedar: {SHIPPED.count('@id(')} rules fit their schema\n"


def test_check_names_the_place_of_an_error_and_leaves_with_2(mine: Path) -> None:
    mine.write_text(SHIPPED + '\n@id("more")\npermit (principal, action, resource) when { context.casee };\n', "utf-8")
    done = cartveil("policy", "check", "mine.cedar")
    line = SHIPPED.count("\n") + 2
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"cartveil: mine.cedar:{line}:1: error: rule `more`: does not fit its schema: ")
    found = json.loads(cartveil("policy", "check", "mine.cedar", "--json").out)
    assert [(error["line"], error["rule"]) for error in found["errors"]] == [(line, "more")]


def test_check_warns_of_a_rule_that_changes_nothing(mine: Path) -> None:
    idle = (
        '@id("idle") permit (principal in Role::"admin", action == Action::"put", resource) when { context.hour > 23 };'
    )
    mine.write_text(f"{SHIPPED}\n{idle}\n", encoding="utf-8")
    done = cartveil("policy", "check", "mine.cedar")
    assert done.code == 0
    assert "warning: rule `idle`: can never apply" in done.err


def test_a_policy_without_schema_is_no_policy(files: Path) -> None:
    (files / "mine.cedar").write_text(SHIPPED, encoding="utf-8")
    done = cartveil("policy", "check", "mine.cedar")
    assert (done.code, done.out) == (2, "")
    assert "hint: a policy needs its schema beside it" in done.err


def test_explain_names_view_rule_and_change() -> None:
    done = explain("--fields", "person_name,phone", "--json")
    assert json.loads(done.out) == [
        {
            "field": "person_name",
            "seen": "masked",
            "rules": ["support-sees-masked-name"],
            "change": "open a case for this consumer",
            "then": "clear",
        },
        {
            "field": "phone",
            "seen": "none",
            "rules": ["no rule permits it"],
            "change": "open a case for this consumer",
            "then": "masked",
        },
    ]


def test_explain_speaks_of_the_fields_of_a_schema(files: Path) -> None:
    done = explain("--fields", "mobile", "--schema", "cartveil.toml", "--case", "C-7", "--json")
    assert [(row["field"], row["seen"]) for row in json.loads(done.out)] == [("mobile", "masked")]
    assert len(json.loads(explain("--schema", "cartveil.toml", "--table", "orders", "--json").out)) == 6


def test_explain_takes_circumstances() -> None:
    words = ("--fields", "amount", "--region", "north", "--context", "region=south", "--json")
    (row,) = json.loads(explain(*words).out)
    assert (row["seen"], row["rules"]) == ("none", ["support-own-region-only"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fields", "mobile"), "`mobile` is no kind"),
        (("--fields", "phone", "--context", "hour=25"), "hour"),
        (("--fields", "phone", "--action", "reed"), "unknown action"),
        (("--fields", "phone", "--context", "break_glass=true"), "reason"),
    ],
)
def test_what_cannot_be_explained_is_exit_2(words: tuple[str, ...], said: str) -> None:
    done = explain(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "hint: " in done.err


def test_diff_says_who_gains_and_who_loses(mine: Path) -> None:
    text = SHIPPED.replace("support-payments-reveals-account", "renamed").replace(
        'permit (principal in Role::"admin", action == Action::"put", resource);',
        'permit (principal in Role::"fulfilment", action == Action::"put", resource);',
    )
    mine.write_text(text, encoding="utf-8")
    done = cartveil("policy", "diff", "shipped", "mine.cedar")
    assert done.out.splitlines() == ["+ fulfilment put: refused -> allowed", "- admin put: allowed -> refused"]
    assert (done.code, done.err) == (0, "cartveil: 1 gained, 1 lost\n")
    assert cartveil("policy", "diff", "shipped", "mine.cedar", "--exit-code").code == 1
    changes = json.loads(cartveil("policy", "diff", "shipped", "mine.cedar", "--json").out)
    assert [(each["change"], each["role"]) for each in changes] == [("gains", "fulfilment"), ("loses", "admin")]


def test_diff_of_one_policy_with_itself_is_silent(mine: Path) -> None:
    done = cartveil("policy", "diff", "shipped", "mine.cedar", "--exit-code", "--schema", "cartveil.toml")
    assert (done.code, done.out) == (0, "")


def test_a_broken_glass_is_said_and_listed(shop: Path) -> None:
    glass = ("--context", "break_glass=true", "--context", "reason=court-order-114")
    who = ("--as", "lin:support", "--purpose", "support")
    done = cartveil("read", "vault", "customers", "c3", *who, "--field", "mobile", *glass)
    assert done.code == 0
    assert "cartveil: alert: `lin` broke the glass of `customers` (allow): court-order-114" in done.err.splitlines()
    listed = json.loads(cartveil("policy", "alerts", "vault", "--as", "olga:privacy_officer", "--json").out)
    assert [(row["actor"], row["rule"], row["reason"]) for row in listed] == [("lin", "break-glass", "court-order-114")]
    assert "'c3'" not in str(listed)
    refused = cartveil("policy", "alerts", "vault", "--as", "lin:support")
    assert (refused.code, refused.out) == (1, "")
