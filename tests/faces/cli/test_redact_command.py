"""`cartveil redact`, as a person meets it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import Done, cartveil

NOTE = "ring 13812345678 or mail anna@example.com\n"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(NOTE, encoding="utf-8")
    (tmp_path / "b.log").write_text(NOTE * 2, encoding="utf-8")
    (tmp_path / "notes.csv").write_text(f"id,name,note\n7,Anna Berg,{NOTE.strip()} for Anna\n", encoding="utf-8")
    (tmp_path / "key").write_text("ab" * 32, encoding="ascii")
    return tmp_path


def piped(content: bytes, *words: str) -> tuple[int, bytes, str]:
    command = [sys.executable, "-c", "from cartveil.faces.cli import main; main()", "redact", "--rules-only", *words]
    done = subprocess.run(command, input=content, capture_output=True, env=os.environ.copy(), check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def redact(*words: str) -> Done:
    return cartveil("redact", "--rules-only", *words)


def test_standard_input_goes_to_standard_output(notes: Path) -> None:
    code, out, err = piped(NOTE.encode())
    assert (code, out) == (0, b"ring [phone] or mail [email]\n")
    assert err == "cartveil: replaced 2 values: 1 phone, 1 email\n"


def test_a_file_goes_to_standard_output(notes: Path) -> None:
    assert piped(b"", "a.txt", "--as", "masks")[1] == b"ring 138****5678 or mail a***@example.com\n"


def test_files_go_into_a_folder(notes: Path) -> None:
    done = redact("a.txt", "b.log", "--out", "out")
    assert (done.code, done.out) == (0, "")
    assert (notes / "out" / "b.log").read_text(encoding="utf-8") == "ring [phone] or mail [email]\n" * 2
    assert done.err.splitlines() == [
        "cartveil: wrote out/a.txt",
        "cartveil: wrote out/b.log",
        "cartveil: replaced 6 values: 3 phone, 3 email",
    ]
    assert (notes / "a.txt").read_text(encoding="utf-8") == NOTE


def test_the_same_key_and_scope_give_the_same_surrogates(notes: Path) -> None:
    words = ("--as", "surrogates", "--key-file", "key", "a.txt", "--scope")
    one, again, other = (piped(b"", *words, scope)[1] for scope in ("anna", "anna", "berta"))
    assert one == again != other


def test_without_a_key_surrogates_are_of_one_run(notes: Path) -> None:
    runs = [piped(NOTE.encode() * 2, "--as", "surrogates") for _ in range(2)]
    lines = [out.splitlines() for _, out, _ in runs]
    assert lines[0][0] == lines[0][1] != lines[1][0]
    assert "pass --key-file to get the same ones again" in runs[0][2]


def test_columns_of_a_table_go_into_a_file(notes: Path) -> None:
    done = redact("notes.csv", "--column", "note", "--known", "name=person_name", "--subject", "id", "--out", "new.csv")
    assert done.code == 0
    assert (notes / "new.csv").read_text(encoding="utf-8").splitlines() == [
        "id,name,note",
        "7,Anna Berg,ring [phone] or mail [email] for [person_name]",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("notes.csv",), "notes.csv: is a table"),
        (("notes.csv", "--column", "note"), "nowhere to write to"),
        (("a.txt", "b.log"), "nowhere to write to"),
        (("a.txt", "--out", "b.log"), "b.log: exists already"),
        (("none.txt", "--out", "new"), "none.txt: no such file or directory"),
        (("a.txt", "--known", "name=person_name"), "--known: asks for a table"),
        (("notes.csv", "--column", "note", "--known", "name", "--out", "x.csv"), "--known: names no column and kind"),
        (("notes.csv", "--column", "text", "--out", "x.csv"), "has no column `text`"),
        (("a.txt", "--as", "surrogates", "--key-file", "a.txt"), "a.txt: is no key of 64 hexadecimal digits"),
        (("a.txt", "--as", "stars"), "'stars' is not one of"),
        (("-", "--out", "x"), "standard input goes to standard output"),
    ],
)
def test_a_wrong_call_is_refused_and_nothing_is_written(notes: Path, words: tuple[str, ...], said: str) -> None:
    before = sorted(notes.rglob("*"))
    done = redact(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[0]
    assert done.err.splitlines()[-1].startswith("hint: ")
    assert "13812345678" not in done.err
    assert sorted(notes.rglob("*")) == before


def test_without_the_model_the_command_says_so(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = cartveil("redact", "a.txt", "--out", "new.txt")
    assert done.code == 0
    assert "not for names and addresses: pip install 'cartveil[learn]'" in done.err
