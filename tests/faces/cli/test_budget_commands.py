"""`budget grant`, `budget release` and `budget show`."""

import json
from pathlib import Path

from cartveil.faces.assemble import open_vault, read_settings
from cartveil.guard.policy import Principal
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


def test_an_officer_finds_a_reservation_in_the_log_and_releases_a_part_of_it(shop: Path) -> None:
    assert cartveil(*GRANT, *OLGA).code == 0
    with open_vault(Path("vault"), read_settings()) as vault:
        dana = Principal("dana", "data_science", {})
        vault.reserve_budget(dana, "orders", purpose="recommendation", epsilon=4, delta=1e-6)
    found = cartveil("audit", "vault", *OLGA, "--action", "spend_budget", "--decision", "allow", "--json")
    (entry,) = json.loads(found.out)
    words = ("budget", "release", "vault", entry["case"], "--epsilon", "1.5", "--delta", "1e-6")
    assert cartveil(*words, "--as", "dana:data_science").code == 1
    done = cartveil(*words, *OLGA)
    assert (done.code, done.out) == (0, "")
    assert done.err == "cartveil: epsilon 1.5 and delta 1e-06 of it stay spent\n"
    (shown,) = json.loads(cartveil("budget", "show", "vault", *OLGA, "--json").out)
    assert (shown["epsilon_left"], shown["reserved"], shown["spent"]) == (6.5, 0, 1)
    assert json.loads(cartveil(*words, *OLGA, "--json").out)["epsilon"] == "1.5"
    wrong = cartveil("budget", "release", "vault", "nothing", "--epsilon", "1", "--delta", "0", *OLGA)
    assert (wrong.code, wrong.out) == (2, "")
    assert "no such reservation" in wrong.err
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
