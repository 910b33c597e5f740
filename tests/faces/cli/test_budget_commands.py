"""`budget grant` and `budget show`."""

import json
from pathlib import Path

from command import cartveil

OLGA = ("--as", "olga:privacy_officer")
GRANT = ("budget", "grant", "vault", "orders", "--purpose", "recommendation", "--epsilon", "8", "--delta", "1e-5")


def test_a_budget_is_granted_shown_and_added_to(shop: Path) -> None:
    first = cartveil(*GRANT, *OLGA)
    assert (first.code, first.out) == (0, "")
    said = "cartveil: trainings on orders for recommendation may cost epsilon 8 and delta 1e-05 in all\n"
    assert first.err == said
    (shown,) = json.loads(cartveil("budget", "show", "vault", "--as", "pipeline:data_science", "--json").out)
    assert (shown["dataset"], shown["purpose"]) == ("orders", "recommendation")
    assert (shown["epsilon"], shown["epsilon_left"], shown["delta_left"]) == (8, 8, 1e-5)
    assert json.loads(cartveil(*GRANT, *OLGA, "--json").out)["epsilon"] == 16
    lines = cartveil("budget", "show", "vault", *OLGA).out.splitlines()
    assert lines[0].split()[:2] == ["table", "purpose"]
    assert "16.00" in lines[1]
    assert cartveil("verify", "vault").code == 0


def test_without_a_budget_the_way_to_one_is_told(shop: Path) -> None:
    done = cartveil("budget", "show", "vault", *OLGA)
    assert (done.code, done.out) == (0, "")
    assert "cartveil budget grant" in done.err


def test_whoever_may_not_grant_is_refused_with_a_rule_and_a_hint(shop: Path) -> None:
    done = cartveil(*GRANT, "--as", "pipeline:data_science")
    assert (done.code, done.out) == (1, "")
    assert "hint: " in done.err
    assert cartveil("budget", "show", "vault", "--as", "lin:support").code == 1


def test_wrong_words_are_told(shop: Path) -> None:
    words = ("vault", "orders", "--purpose", "recommendation", *OLGA)
    for epsilon, delta in (("0", "1e-6"), ("-1", "1e-6"), ("nan", "1e-6"), ("inf", "1e-6"), ("1", "0"), ("1", "2")):
        done = cartveil("budget", "grant", *words, "--epsilon", epsilon, "--delta", delta)
        assert (done.code, done.out) == (2, ""), (epsilon, delta)
    done = cartveil(
        "budget", "grant", "vault", "order", "--purpose", "forecast", "--epsilon", "1", "--delta", "1e-6", *OLGA
    )
    assert done.code == 2
    assert "did you mean `orders`?" in done.err
