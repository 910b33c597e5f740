"""Whether the tests would notice: small changes to keys, policy, audit and erasure, and how many fail some test.

    python -m bench.mutants --json bench/results/mutants.json
    python -m bench.mutants --part audit --keep /tmp/mutants

Each part is copied to a folder of its own, mutmut changes one expression at a time, and the part's own tests run on
each change. A mutant counts as killed when a test fails, or never ends. Lines that only name SQL are left alone: SQL
does not care for the case of its words, and every other change of a query fails at once. Mutants that do what the code
does, whatever is asked of it, are counted apart, each by a reason that stands in `equivalent`.

With `--keep` the folder stays, and the next run tries only what changed and what no test noticed; the report says so
(`kept`), since what was noticed once is not tried again.
"""

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.equivalent import why_equivalent
from bench.report import write_report

ROOT = Path(__file__).parent.parent
COPIED = ("src", "tests", "bench", "docs", "tools", "README.md", "pyproject.toml", "LICENSE", "CHANGELOG.md")

#: Words of SQL in capitals: a line of a query.
SQL = r"\\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ON CONFLICT|ORDER BY|WHERE|VALUES)\\b"

KILLED = ("killed", "timeout", "caught by type check", "segfault")

# How mutmut writes that a test failed, or never ended.
_NOTICED = (1, 3, 24, -24, 36, 152, 255)

#: The quickest tests first; those that hypothesis makes last, without a search for the smallest example, if quick.
QUICKEST_FIRST = """

LEFT_OUT = {left_out!r}


def pytest_configure() -> None:
    from hypothesis import Phase, settings

    phases = [Phase.explicit, Phase.generate]
    settings.register_profile("mutants", phases=phases, database=None, deadline=None, derandomize=True)
    settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list) -> None:
    import json
    from pathlib import Path

    known = Path("mutmut-stats.json")
    took = json.loads(known.read_text())["duration_by_test"] if known.exists() else {}
    searching = {item for item in items if hasattr(getattr(item, "obj", None), "hypothesis")}
    slow = {item for item in searching if took.get(item.nodeid, 0.0) > 0.5}
    items[:] = [item for item in items if item not in slow and not item.nodeid.startswith(LEFT_OUT)] or items
    # Tests that share a token share what is made in it, and keep their order.
    shared = {item for item in items if "hsm" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item in searching, item in shared, item not in shared and took.get(item.nodeid, 0.0)))
"""


@dataclass(frozen=True)
class Part:
    """What is changed, and which tests have to notice; `arguments` and `left_out` spare those that take seconds."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


POLICY_TESTS = "tests/guard/policy/test_"

PARTS = {
    "audit": Part(
        ("src/cartveil/guard/audit/*.py",),
        ("tests/guard/audit",),
        # Thousands of attacks, and a database server: what the other tests notice is noticed without them.
        ("--ignore=tests/guard/audit/test_attacks.py", "--ignore=tests/guard/audit/test_in_both_stores.py"),
    ),
    "keys": Part(("src/cartveil/guard/keys/*.py",), ("tests/guard/keys",)),
    "policy": Part(
        ("src/cartveil/guard/policy/*.py",),
        ("tests/guard/policy",),
        # The shipped policy in every world it can tell apart; `test_small` does the same with five rules.
        (
            f"--deselect={POLICY_TESTS}checking.py::test_a_rule_that_changes_nothing_is_named_with_its_place",
            f"--deselect={POLICY_TESTS}checking.py::test_the_shipped_policy_has_neither_faults_nor_idle_rules",
            f"--deselect={POLICY_TESTS}slices.py::test_any_rules_answer_as_one",
            f"--deselect={POLICY_TESTS}errors.py::test_a_rule_that_errs_permits_nothing",
            f"--deselect={POLICY_TESTS}difference.py::test_nothing_changes_between_a_policy_and_itself",
            f"--deselect={POLICY_TESTS}difference.py::test_one_more_kind_is_one_line",
            f"--deselect={POLICY_TESTS}difference.py::test_a_dropped_rule_is_a_loss",
            f"--deselect={POLICY_TESTS}difference.py::test_a_later_hour_is_a_span_of_hours",
            f"--deselect={POLICY_TESTS}difference.py::test_fields_of_a_schema_are_compared_by_name",
        ),
        (f"{POLICY_TESTS}retail.py",),  # the shipped rules against an oracle, ten thousand times
    ),
    "erase": Part(
        tuple(
            f"src/cartveil/guard/vault/{name}.py"
            for name in ("rights/erasing", "rows/erasures", "rights/deleting", "receipt")
        ),
        (
            *(f"tests/guard/vault/test_{name}.py" for name in ("erasing", "erasing_step_by_step", "holds")),
            "tests/guarantees/test_receipt_any_changed_byte_rejected.py",
        ),
        ("-k", "not postgresql and not test_any_changed_byte_is_rejected"),
    ),
}


def mutate(name: str, *, processes: int, keep: Path | None = None) -> dict[str, Any]:
    """Return counts of a part's mutants, and the names of those that no test noticed."""
    with tempfile.TemporaryDirectory(prefix="cartveil-mutants-") as folder:
        home = Path(folder) if keep is None else keep / name
        _copy(home, PARTS[name])
        _forget_unnoticed(home)
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=home, env=environment, check=True, stdout=sys.stderr)
        return figures(home)


def _copy(home: Path, part: Part) -> None:
    home.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, home / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, home / name)
    quickest = QUICKEST_FIRST.replace("{left_out!r}", repr(part.left_out))
    for path, more in ((home / "pyproject.toml", configuration(part)), (home / "tests/conftest.py", quickest)):
        with path.open("a", encoding="utf-8") as file:
            file.write(more)


def _states(home: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield what mutmut wrote down of each source file: the path of its mutants, and its notes."""
    for path in sorted((home / "mutants" / "src").rglob("*.meta")):
        yield path.with_suffix(""), json.loads(path.read_text(encoding="utf-8"))


def _forget_unnoticed(home: Path) -> None:
    """Let mutmut try again, with the tests as they are now, what none of them noticed and somebody could."""
    for path, notes in _states(home):
        codes = notes["exit_code_by_key"]
        for name, code in codes.items():
            if code not in _NOTICED and why_equivalent(*changed_lines(home, name)) is None:
                codes[name] = None
        Path(f"{path}.meta").write_text(json.dumps(notes), encoding="utf-8")
    (home / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)


def configuration(part: Part) -> str:
    """Return mutmut's section of `pyproject.toml`."""
    return (
        "\n[tool.mutmut]\n"
        'source_paths = ["src"]\n'
        f"only_mutate = {json.dumps(part.sources)}\n"
        f"pytest_add_cli_args_test_selection = {json.dumps(part.tests)}\n"
        f"pytest_add_cli_args = {json.dumps(['-p', 'no:cacheprovider', '-p', 'no:xdist', *part.arguments])}\n"
        f'do_not_mutate_patterns = ["{SQL}"]\n'
        'also_copy = ["bench", "docs", "tools", "README.md"]\n'
    )


def figures(home: Path) -> dict[str, Any]:
    """Return what became of the mutants in a folder."""
    listed = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"],
        cwd=home,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = (line.strip().partition(": ") for line in listed.stdout.splitlines() if "__mutmut_" in line)
    states = {name: state for name, _, state in lines}
    left = {name for name, state in states.items() if state not in KILLED}
    reasons = {name: reason for name in left if (reason := why_equivalent(*changed_lines(home, name)))}
    real = len(states) - len(reasons)
    noticed = len(states) - len(left)
    return {
        "mutants": len(states),
        "killed": noticed,
        "equivalent": len(reasons),
        "share": round(noticed / max(real, 1), 4),
        "states": dict(Counter(states.values())),
        "reasons": dict(Counter(reasons.values())),
        "survivors": sorted(left - set(reasons)),
    }


def changed_lines(home: Path, name: str) -> tuple[str, str]:
    """Return the lines of a function that a mutant replaces, and what it puts there."""
    module, _, function = name.rpartition(".")
    source = (home / "mutants" / "src" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    plain = function.rpartition("__mutmut_")[0]
    before, after = (
        _function(source, each).replace(each, plain).splitlines() for each in (f"{plain}__mutmut_orig", function)
    )
    lines = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
    old, new = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return old.strip(), new.strip()


def _function(source: str, name: str) -> str:
    found = re.search(
        rf"^( *)(?:async )?def {re.escape(name)}\(.*?(?=^\1(?:@|def |async |class )|^[^\s)]|\Z)", source, re.S | re.M
    )
    return found[0] if found else ""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="one part; all if not given")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder that stays, so that the next run is short")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    names = arguments.part or list(PARTS)
    parts = {name: mutate(name, processes=arguments.processes, keep=arguments.keep) for name in names}
    for name, part in parts.items():
        equivalent = f", {part['equivalent']} equivalent" if part["equivalent"] else ""
        print(f"{name:8} {part['killed']:5} of {part['mutants']:5} killed{equivalent}, {part['share']:.1%}")
    if arguments.json:
        write_report(arguments.json, {"parts": parts, "kept": arguments.keep is not None}, threads=arguments.processes)


if __name__ == "__main__":
    main()
