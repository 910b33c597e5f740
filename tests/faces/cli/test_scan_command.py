"""`scan --exact`, and what is said of large files."""

import json
from pathlib import Path

import pytest

from cartveil.events.scanning import sampling, whole
from command import cartveil


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as a large one, with one phone among the names of its goods."""
    monkeypatch.setattr(sampling, "SMALL", 10_000)
    monkeypatch.setattr(sampling, "_BLOCK", 512)
    monkeypatch.setattr(sampling, "_STRATA", 16)
    monkeypatch.setattr(whole, "_PART", 1 << 16)
    monkeypatch.setattr(whole, "_BLOCK", 1 << 14)
    rows = [f"mug {row % 300} blue,{row % 90}.5" for row in range(5_000)]
    rows[2_345] = "call 13812345678,1.5"
    file = tmp_path / "goods.csv"
    file.write_text("product,price\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_scan_says_how_much_of_a_large_file_it_saw(large: Path) -> None:
    done = cartveil("scan", str(large))
    assert done.code == 0
    assert done.err.startswith("cartveil: goods: looked at ")
    assert "rows from all over the file, of about " in done.err
    assert done.err.endswith("; --exact looks at all\n")


def test_exact_sees_every_row_and_tells_of_one_phone_without_showing_it(large: Path) -> None:
    done = cartveil("scan", str(large), "--exact", "--json")
    assert (done.code, done.err) == (0, "cartveil: goods: looked at all 5,000 rows\n")
    reasons = {each["column"]: each["reason"] for each in json.loads(done.out)}
    assert reasons["product"].endswith("look: 1 of its values hold a phone, an e-mail address or a card")
    assert "138" not in done.out


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        done = cartveil("scan", str(path), "--exact")
        assert (done.code, done.out) == (2, "")
        assert "hint: " in done.err
