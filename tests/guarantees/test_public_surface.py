"""Few names, all of them documented; and no command pays for what it does not use."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cartveil

ROOT = Path(__file__).parents[2]


def modules_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the names of the modules that it loaded."""
    show = "import sys; sys.stderr.write('\\n' + ' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True, check=True)
    return set(done.stderr.rpartition("\n")[2].split())


def run_command(*words: str) -> str:
    return f"from cartveil.faces.cli import main\ntry:\n    main({list(words)!r})\nexcept SystemExit:\n    pass"


def test_there_are_at_most_twelve_names_and_all_are_there() -> None:
    assert len(cartveil.__all__) <= 12
    assert set(cartveil.__all__) <= set(dir(cartveil))


@pytest.mark.parametrize("name", cartveil.__all__)
def test_every_name_says_what_it_does(name: str) -> None:
    made = getattr(cartveil, name)
    assert (inspect.getdoc(made) or "").strip()
    # A home that is somebody else's would document somebody else's thing.
    assert made.__module__.startswith("cartveil.")


@pytest.mark.parametrize("name", cartveil.__all__)
def test_the_guide_to_python_names_every_name(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8")


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute"):
        cartveil.encrpyt  # noqa: B018


def test_import_loads_nothing_heavy() -> None:
    assert not {"torch", "pyarrow", "numpy", "cryptography", "pandas", "polars"} & modules_after("import cartveil")


@pytest.mark.parametrize("words", [("--help",), ("put", "--help"), ("train", "--help"), ("demo", "--help")])
def test_help_loads_nothing_heavy(words: tuple[str, ...]) -> None:
    assert not {"torch", "pyarrow", "numpy", "cryptography"} & modules_after(run_command(*words))


def test_scan_loads_no_learning_framework(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order_id,quantity\no1,2\n", encoding="utf-8")
    loaded = modules_after(run_command("scan", str(tmp_path / "orders.csv")))
    assert "pyarrow" in loaded
    assert not {"torch", "safetensors"} & loaded
