"""What all commands have in common: exit codes, hints, streams."""

import json
import sys
from pathlib import Path

import click
import pytest

import cartveil as package
from cartveil.faces.cli.main import _VERBS
from cartveil.faces.cli.main import cartveil as commands
from command import cartveil, cartveil_apart

VERBS = (
    "scan protect redact init put read find export risk requests access correct restrict hold holds sweep "
    "erase backup restore verify audit checkpoint publish keys policy budget "
    "train recommend explain forecast purchase watch evaluate run demo"
)


def test_the_verbs_are_listed_in_the_order_of_the_datas_way() -> None:
    listed = [line.split()[0] for line in cartveil("--help").out.partition("Commands:")[2].splitlines() if line]
    assert listed == VERBS.split()


@pytest.mark.parametrize("verb", VERBS.split())
def test_every_verb_says_what_it_does(verb: str) -> None:
    done = cartveil(verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"Usage: cartveil {verb}" in done.out


@pytest.mark.parametrize("verb", _VERBS, ids=lambda verb: verb.name)
def test_every_option_is_explained(verb) -> None:
    options = [option for option in verb.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize(
    "words",
    [
        ("scann", "x"),
        ("scan",),
        ("read", "vault", "customers"),
        ("read", "vault", "customers", "c1", "--as", "lin", "--purpose", "support"),
        ("read", "vault", "customers", "c1", "--as", "lin:support", "--purpose", "support", "--context", "case_open"),
        ("train", "weather", "x", "--out", "y"),
        ("watch", "x", "--until", "yesterday"),
    ],
)
def test_a_wrong_call_is_exit_2_with_a_way_out(shop: Path, words: tuple[str, ...]) -> None:
    done = cartveil(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[0].startswith("cartveil: ")
    assert done.err.splitlines()[-1].startswith("hint: ")


def test_the_version_is_said() -> None:
    assert "version" in cartveil("--version").out


def test_output_that_nobody_reads_to_the_end_is_no_traceback(files: Path) -> None:
    before = "import os, sys\nend, start = os.pipe()\nos.close(end)\nos.dup2(start, 1)"
    done = cartveil_apart("scan", ".", "--json", before=before)
    assert "Traceback" not in done.err
    assert done.code == 1


def test_json_is_in_clear_letters(files: Path) -> None:
    (files / "顾客.csv").write_text("姓名\n王伟\n李娜\n", encoding="utf-8")
    done = cartveil("scan", "顾客.csv", "--json")
    assert json.loads(done.out)[0]["column"] == "姓名"
    assert "姓名" in done.out


def test_every_public_error_is_one_that_can_be_caught() -> None:
    assert issubclass(package.CartveilError, Exception)


@pytest.mark.parametrize("module", ["torch", "safetensors"])
@pytest.mark.parametrize(
    "words",
    [
        ("train", "recommend", "orders.csv", "--out", "model"),
        ("recommend", "model", "orders.csv", "--consumer", "x"),
        ("forecast", "model", "orders.csv"),
        ("watch", "orders.csv", "--until", "2026-01-01"),
        ("run", "."),
        ("demo",),
    ],
    ids=lambda words: words[0],
)
def test_a_command_that_needs_an_absent_extra_says_which(
    shop: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    before = sorted(shop.rglob("*"))
    done = cartveil(*words)
    assert (done.code, done.out) == (2, "")
    assert "`learn`" in done.err
    assert done.err.endswith("hint: pip install 'cartveil[learn]'\n")
    left = [path for path in sorted(shop.rglob("*")) if not path.name.startswith("vault.db")]
    assert left == [path for path in before if not path.name.startswith("vault.db")]


def test_what_nobody_expected_is_a_line_without_the_message_and_more_where_it_is_asked_for(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("could not read 'SECRET8999'")

    monkeypatch.setattr(commands, "main", fail)
    monkeypatch.delenv("CARTVEIL_DEBUG", raising=False)
    done = cartveil("scan", "x")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("cartveil: unexpected error: ValueError in main.py:")
    assert "SECRET8999" not in done.err
    assert done.err.splitlines()[-1].startswith("hint: ")
    monkeypatch.setenv("CARTVEIL_DEBUG", "1")
    assert "SECRET8999" in cartveil("scan", "x").err
