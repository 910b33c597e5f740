"""Whether the tests would notice: small changes to keys, policy, audit and erasure, and how many fail some test.

    python -m bench.mutants --json bench/results/mutants.json
    python -m bench.mutants --part audit

Each part is copied to a folder of its own, mutmut changes one expression at a time, and the part's own tests run on
each change. A mutant counts as killed when a test fails, or never ends. Lines that only name SQL are left alone: SQL
does not care for the case of its words, and every other change of a query fails at once.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import write_report

ROOT = Path(__file__).parent.parent
COPIED = ("src", "tests", "bench", "docs", "tools", "README.md", "pyproject.toml", "LICENSE", "CHANGELOG.md")

#: Words of SQL in capitals: a line of a query.
SQL = r"\\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ON CONFLICT|ORDER BY|WHERE|VALUES)\\b"

KILLED = ("killed", "timeout", "caught by type check", "segfault")


@dataclass(frozen=True)
class Part:
    """What is changed, and which tests have to notice."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]


PARTS = {
    "audit": Part(("src/cartveil/guard/audit/*.py",), ("tests/guard/audit",)),
    "keys": Part(("src/cartveil/guard/keys/*.py",), ("tests/guard/keys",)),
    "policy": Part(("src/cartveil/guard/policy/*.py",), ("tests/guard/policy",)),
    "erase": Part(
        ("src/cartveil/guard/vault/erasing.py", "src/cartveil/guard/vault/receipt.py"),
        ("tests/guard/vault/test_erasing.py", "tests/guarantees/test_receipt_any_changed_byte_rejected.py"),
    ),
}


def mutate(part: Part, *, processes: int) -> dict[str, Any]:
    """Return counts of a part's mutants, and the names of those that no test noticed."""
    with tempfile.TemporaryDirectory(prefix="cartveil-mutants-") as folder:
        home = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            if (ROOT / name).exists():
                copy(ROOT / name, home / name)
        with (home / "pyproject.toml").open("a", encoding="utf-8") as config:
            config.write(configuration(part))
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=home, env=environment, check=True, stdout=sys.stderr)
        listed = subprocess.run(
            [sys.executable, "-m", "mutmut", "results", "--all", "true"],
            cwd=home,
            check=True,
            capture_output=True,
            text=True,
        )
    return figures(listed.stdout)


def configuration(part: Part) -> str:
    """Return mutmut's section of `pyproject.toml`."""
    return (
        "\n[tool.mutmut]\n"
        'source_paths = ["src"]\n'
        f"only_mutate = {json.dumps(part.sources)}\n"
        f"pytest_add_cli_args_test_selection = {json.dumps(part.tests)}\n"
        'pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist"]\n'
        f'do_not_mutate_patterns = ["{SQL}"]\n'
        'also_copy = ["bench", "docs", "tools", "README.md"]\n'
    )


def figures(results: str) -> dict[str, Any]:
    """Read `mutmut results`: a line per mutant, its name and what became of it."""
    lines = (line.strip().partition(": ") for line in results.splitlines() if "__mutmut_" in line)
    states = {name: state for name, _, state in lines}
    counts = Counter(states.values())
    noticed = sum(counts[state] for state in KILLED)
    return {
        "mutants": len(states),
        "killed": noticed,
        "share": round(noticed / max(len(states), 1), 4),
        "states": dict(counts),
        "survivors": sorted(name for name, state in states.items() if state not in KILLED),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="one part; all if not given")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    parts = {name: mutate(PARTS[name], processes=arguments.processes) for name in arguments.part or PARTS}
    for name, part in parts.items():
        print(f"{name:8} {part['killed']:5} of {part['mutants']:5} killed, {part['share']:.1%}")
    if arguments.json:
        write_report(arguments.json, {"parts": parts}, threads=arguments.processes)


if __name__ == "__main__":
    main()
