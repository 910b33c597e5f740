"""The table scan: which columns it names rightly, and how long a gigabyte of CSV takes it.

    python -m bench.scan --json FILE [--half developing] [--size 1000] [--skip-speed] [--labelled FOLDER]

Quality: more than 200 labelled columns of `bench/columns/held_out.py`, written as files (UTF-8, UTF-16, GB18030, four
delimiters) and read back. A column counts as right where its kind is proposed; where the label allows two, either.
`recall_direct` is over columns of kinds that name a person, are issued by a state, or move money; `kept_in_clear` is
how many of those the proposal would leave readable, which must be none. Speed: one CSV of so many million bytes.

`--half borrowed` scores tables whose values Faker writes (`pip install faker`). A folder with `labels.csv` (columns
file, column, kind; several right kinds with `|` between) beside its tables is scored in place of the built-in half.
"""

import argparse
import csv
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.columns import labelled_tables
from bench.columns.tables import Half, written
from bench.report import mean_and_spread, write_report
from bench.scan_speed import speed
from cartveil.events.kinds import Kind, Method, Sensitivity
from cartveil.events.reading import read_table
from cartveil.events.scanning import scan

_DIRECT = {Sensitivity.DIRECT, Sensitivity.OFFICIAL, Sensitivity.PAYMENT}

#: One scored column: where it stands, the kinds that are right, the kind proposed, how sure.
Scored = tuple[str, str, tuple[str, ...], str, float]
#: A table with, for each of its columns, the kinds that are right.
Truth = tuple[str, pa.Table, Mapping[str, tuple[str, ...]]]


def main() -> None:
    """Score, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=["developing", "held_out", "borrowed"], default="held_out")
    parser.add_argument("--labelled", type=Path, help="A folder of tables with labels.csv, in place of the half.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1_000, help="Of the CSV, in million bytes.")
    parser.add_argument("--skip-speed", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    seeds = range(1 if arguments.labelled else arguments.seeds)
    runs = [score(_columns(arguments.half, arguments.labelled, seed)) for seed in seeds]
    means, spread = mean_and_spread([run["headline"] for run in runs])
    figures: dict[str, Any] = {**means, "sd": spread, **{k: v for k, v in runs[0].items() if k != "headline"}}
    if not arguments.skip_speed:
        figures |= speed(arguments.size)
    _print(figures)
    if arguments.json:
        write_report(arguments.json, figures, seeds=seeds, threads=1)


def _columns(half: Half, labelled: Path | None, seed: int) -> list[Scored]:
    if labelled:
        return list(_scored(_read(labelled)))
    with tempfile.TemporaryDirectory() as folder:
        return list(_scored(_written(half, Path(folder), seed)))


def _scored(tables: Iterator[Truth]) -> Iterator[Scored]:
    for name, table, kinds in tables:
        for found in scan({name: table}).evidence:
            if found.column in kinds:
                yield name, found.column, kinds[found.column], str(found.kind), found.confidence


def _written(half: Half, folder: Path, seed: int) -> Iterator[Truth]:
    known = {str(kind) for kind in Kind}
    for labelled in labelled_tables(half, seed=seed):
        kinds = {column.header: tuple(kind for kind in column.kinds if kind in known) for column in labelled.columns}
        yield labelled.name, written(labelled, folder, seed=seed), kinds


def _read(folder: Path) -> Iterator[Truth]:
    kinds: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            kinds[line["file"]][line["column"]] = tuple(line["kind"].split("|"))
    for file, columns in kinds.items():
        yield file, read_table(folder / file), columns


def score(columns: list[Scored]) -> dict[str, Any]:
    """Return the figures of scored columns.

    Args:
        columns: All of them; of several right kinds the one proposed counts, else the first.
    """
    pairs = [(found if found in right else right[0], found) for _, _, right, found, _ in columns]
    kinds = _by_kind(pairs)
    direct = [(true, found) for true, found in pairs if Kind(true).sensitivity in _DIRECT and true != Kind.OTHER]
    clear = [found for _, found in direct if Kind(found).default().protect.method is Method.KEEP]
    return {
        "headline": {
            "macro_f1": sum(figures["f1"] for figures in kinds.values()) / len(kinds),
            "recall_direct": sum(true == found for true, found in direct) / len(direct),
            "accuracy": sum(true == found for true, found in pairs) / len(pairs),
            "kept_in_clear": len(clear),
        },
        "columns": len(columns),
        "direct_columns": len(direct),
        "kinds": kinds,
        "wrong": [
            {"table": table, "column": column, "kind": "|".join(right), "proposed": found, "confidence": sure}
            for table, column, right, found, sure in columns
            if found not in right
        ],
    }


def _by_kind(pairs: list[tuple[str, str]]) -> dict[str, dict[str, float]]:
    true, found = Counter(kind for kind, _ in pairs), Counter(kind for _, kind in pairs)
    right = Counter(kind for kind, proposed in pairs if kind == proposed)
    return {
        kind: {
            "f1": 2 * right[kind] / (true[kind] + found[kind]),
            "precision": right[kind] / max(1, found[kind]),
            "recall": right[kind] / true[kind],
            "columns": true[kind],
        }
        for kind in sorted(true)
    }


def _print(figures: dict[str, Any]) -> None:
    print(f"{'kind':18}{'columns':>8}{'precision':>11}{'recall':>8}{'f1':>7}")
    for kind, line in figures["kinds"].items():
        print(f"{kind:18}{line['columns']:8}{line['precision']:11.3f}{line['recall']:8.3f}{line['f1']:7.3f}")
    for wrong in figures["wrong"]:
        print("wrong:", wrong["table"], wrong["column"], wrong["kind"], "->", wrong["proposed"], wrong["confidence"])
    for name in ("macro_f1", "recall_direct", "accuracy", "kept_in_clear"):
        print(f"{name:16}{figures[name]:8.4f}  sd {figures['sd'][name]:.4f}")
    for name in ("columns", "direct_columns", "seconds_1gb_sample", "seconds_exact"):
        if name in figures:
            print(f"{name:20}{figures[name]}")


if __name__ == "__main__":
    main()
